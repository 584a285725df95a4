//! A folder that is a disk of its own, full or not to be written, for one command; in a mount namespace that ends with it. Needs
//! `unshare` of util-linux; works for the superuser, whom modes do not stop, and for everybody else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// So many KiB are free on it, in steps of 4.
    Full { free_kib: u32 },
    /// Nobody can write to it.
    ReadOnly,
}

/// Makes the disk from a folder's content, runs the command, and copies what is left to a folder beside.
const SCRIPT: &str = r#"
disk=$1 result=$2 trouble=$3; shift 3
cp -a "$disk" "$result.seed" || exit 90
mount -t tmpfs -o size=8m tmpfs "$disk" || exit 91
cp -a "$result.seed/." "$disk" || exit 92
case $trouble in
read-only) mount -o remount,bind,ro "$disk" || exit 93 ;;
*)
    cat /dev/zero >"$disk/.fill" 2>/dev/null
    truncate -s "-${trouble}k" "$disk/.fill" || exit 94 ;;
esac
"$@"
status=$?
rm -f "$disk/.fill" 2>/dev/null
mkdir "$result" && cp -a "$disk/." "$result" || exit 95
exit $status
"#;

/// Runs a command while the folder `disk` is such a disk with what the folder holds; afterwards `result` holds what the
/// disk held in the end. The folder itself is left as it was.
pub(crate) fn run(command: &Command, disk: &Path, trouble: Disk, result: &Path, stdin: &[u8]) -> Output {
    for folder in [result.to_owned(), result.with_extension("seed")] {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    let trouble = match trouble {
        Disk::Full { free_kib } => free_kib.to_string(),
        Disk::ReadOnly => "read-only".to_owned(),
    };
    let mut caged = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        caged.arg("--map-root-user");
    }
    caged.args(["--mount", "sh", "-c", SCRIPT, "cage"]).arg(disk).arg(result).arg(trouble);
    caged.arg(command.get_program()).args(command.get_args());
    caged.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    caged.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    caged.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    caged.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = caged.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A command that does not read its input is no fault.
    drop(std::io::Write::write_all(&mut input, stdin));
    drop(input);
    let output = child.wait_with_output().unwrap();
    let code = output.status.code();
    assert!(!matches!(code, Some(90..=95)), "the disk was not made ({code:?}): {output:?}");
    output
}
