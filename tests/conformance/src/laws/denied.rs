//! L7 for files that may not be written: a typed error, and not one byte is changed. Holds for the superuser as well, whom
//! modes do not stop: a file that is read-only or another's was meant to be so, and some disks nobody can write to.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::Trial;
use session_bridge_core::apply::{Disk, apply, preview, revert};
use session_bridge_core::edit::ConfigError;
use session_bridge_core::host::FakeHost;
use session_bridge_core::provider::Scope;

use crate::home::{Style, TestHome};
use crate::laws::config::{cases, files, shared};
use crate::laws::plan::want;
use crate::{Subject, trial};

/// Names the home on a disk that cannot be written, to this program started inside of its namespace.
const INSIDE: &str = "SESSION_BRIDGE_CONFORMANCE_READ_ONLY_HOME";
/// Any user but those that run tests.
const NOBODY: u32 = 65534;

/// Puts a home on a disk of its own that cannot be written, and starts the program again with it.
const SCRIPT: &str = r#"
cp -a "$1" "$1.seed" && mount -t tmpfs tmpfs "$1" && cp -a "$1.seed/." "$1" &&
mount -o remount,bind,ro "$1" || exit 90
exec "$0"
"#;

pub(crate) fn add(trials: &mut Vec<Trial>, subject: Subject) {
    for (name, before) in cases(subject) {
        let make = move || TestHome::of(&before, Style::AsIs);
        let home = make.clone();
        trial(trials, format!("L7::a_read_only_file_stays_as_it_is::{name}"), move || {
            each_file(subject, &home, |file| {
                fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
            });
        });
        // Only the superuser can give a file away.
        if is_root() {
            let home = make.clone();
            trial(trials, format!("L7::a_file_of_somebody_else_stays_as_it_is::{name}"), move || {
                each_file(subject, &home, |file| chown(file, Some(NOBODY), None).unwrap());
            });
        }
        let home = make.clone();
        trial(trials, format!("L7::a_disk_that_cannot_be_written_stays_as_it_is::{name}"), move || {
            outside(&home());
        });
    }
}

fn is_root() -> bool {
    tempfile::tempfile().and_then(|file| file.metadata()).unwrap().uid() == 0
}

fn each_file(subject: Subject, make: &dyn Fn() -> TestHome, spoil: impl Fn(&Path)) {
    for nth in 0..shared(&make().plan(subject)).len() {
        let home = make();
        let (plan, disk) = (home.plan(subject), home.disk());
        let file = shared(&plan)[nth].clone();
        if !file.exists() {
            home.write(file.strip_prefix(home.path()).unwrap(), "");
        }
        spoil(&file);
        let before = home.tree();
        let error = apply(&plan, &disk).unwrap_err();
        assert!(matches!(&error, ConfigError::Denied { path, .. } if *path == file), "{error}");
        assert!(!error.help().is_empty());
        assert_eq!(home.tree(), before, "not one file is changed");
        assert!(revert(&plan.provider, &disk).unwrap().written.is_empty());
        assert_eq!(home.tree(), before);
    }
}

fn outside(home: &TestHome) {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", SCRIPT]).arg(env::current_exe().unwrap()).arg(home.path());
    let output = command.env(INSIDE, home.path()).output().unwrap();
    drop(fs::remove_dir_all(home.path().with_extension("seed")));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whether this process was started for the disk that cannot be written, and if so how that ended.
pub(crate) fn inside(subject: Subject) -> Option<ExitCode> {
    let home = PathBuf::from(env::var_os(INSIDE)?);
    let bridge = tempfile::tempdir().unwrap();
    assert!(fs::write(home.join("probe"), "").is_err(), "the disk can be written");
    let site = subject.provider.locate(&FakeHost::at(&home), &Scope::User).unwrap();
    let plan = subject.provider.plan(&site, &want(bridge.path(), true));
    let disk = Disk::new(bridge.path());
    let bytes = || files(&plan).iter().map(|file| fs::read(file).ok()).collect::<Vec<_>>();
    let before = bytes();
    assert!(preview(&plan, &disk).unwrap().changes().count() > 0, "a dry run works");
    let error = apply(&plan, &disk).unwrap_err();
    assert_eq!(error.code(), "config_denied", "{error}");
    assert!(error.to_string().contains(home.to_str().unwrap()), "{error}");
    assert_eq!(bytes(), before);
    assert!(revert(&plan.provider, &disk).unwrap().written.is_empty(), "nothing of ours is noted");
    // The bridge's own home is there as well, as a rule.
    let error = apply(&plan, &Disk::new(home.join(".session-bridge"))).unwrap_err();
    assert!(!error.help().is_empty());
    assert_eq!(bytes(), before);
    Some(ExitCode::SUCCESS)
}
