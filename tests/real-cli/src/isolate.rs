//! A network of our own: loopback and nothing else.

use std::env;
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::DriverError;
use crate::programs::{self, Programs};

/// Set in the environment of the process that runs inside the namespaces.
const INSIDE: &str = "SESSION_BRIDGE_REAL_CLI_INSIDE";

/// Brings loopback up with whichever tool is there, gives Codex's daemon a socket folder of its own, and runs the rest
/// of the command line. The daemon's folder is in `/tmp` whatever TMPDIR says, and a daemon refuses one that another
/// user owns; the mount hides it from this run, and this run's sockets from the machine. The shell stays as the first
/// process of the process namespace and collects what daemons leave behind.
const ENTER: &str = r#"
ip link set lo up 2>/dev/null || ifconfig lo up || exit 70
sockets=/tmp/codex-daemon-$(id -u)
mkdir -p -m 700 "$sockets" && mount -t tmpfs -o mode=700 tmpfs "$sockets" || exit 71
"$0" "$@"
exit $?
"#;

/// Whether this process is already inside.
pub(crate) fn inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Starts this very program again, with its arguments, inside namespaces of its own: network (loopback only), mounts and,
/// where the machine allows it, processes, so that nothing survives the run. Returns only if that is not possible.
pub(crate) fn enter(built: &Programs) -> DriverError {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(source) => return DriverError::Program { program: "this test binary".into(), source },
    };
    let mut tried = String::new();
    for flags in candidates() {
        let trial = Command::new("unshare").args(&flags).args(["sh", "-c", ENTER, "true"]).output();
        match trial {
            Ok(output) if output.status.success() => {
                let mut command = Command::new("unshare");
                command.args(&flags).args(["sh", "-c", ENTER]).arg(program).args(env::args_os().skip(1));
                if let Err(error) = programs::hand_on(built, &mut command) {
                    return error;
                }
                let source = command.env(INSIDE, "1").exec();
                return DriverError::Program { program: "unshare".into(), source };
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let _ = write!(tried, "\n  unshare {}: {}", flags.join(" "), said.trim());
            }
            Err(error) => {
                let _ = write!(tried, "\n  unshare {}: {error}", flags.join(" "));
            }
        }
    }
    let what = "a network namespace (util-linux `unshare`, and `ip` from iproute2)";
    DriverError::Missing { what, detail: tried }
}

/// Most isolated first. Without the superuser's rights a user namespace gives them inside.
fn candidates() -> Vec<Vec<&'static str>> {
    let user: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let processes = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let full = user.iter().chain(&["--net", "--mount"]).chain(&processes).copied().collect();
    let network = user.iter().chain(&["--net", "--mount"]).copied().collect();
    vec![full, network]
}
