//! The temporary home: a folder on the disk that the bridge's own home is on, which nobody else may read. It goes when the
//! self-test ends, also by Ctrl-C; one whose self-test was killed goes at the next `doctor`.

use std::cell::Cell;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::process::{self, ProcessKey};

use crate::exit;
use crate::report::Failure;

/// What such a folder's name begins with; id and start time of its process follow.
const PREFIX: &str = ".session-bridge-selftest-";
/// What the folder of a self-test that found something is called, so that it stays.
const KEPT: &str = "session-bridge-selftest-kept-";
/// What a self-test may write, with room for others.
const ROOM: u64 = 64 * 1024 * 1024;

/// The folder. It goes when it is dropped, unless it is kept.
pub(super) struct Ground {
    root: PathBuf,
    kept: Cell<bool>,
}

impl Ground {
    /// Makes one, and removes those that were left behind.
    pub(super) fn make(home: &Home) -> Result<Self, Failure> {
        let disk = disk_of(home);
        clear_stale(home);
        let me = process::look(std::process::id()).map(|me| me.key);
        let name = me.map_or_else(|| PREFIX.to_owned(), |me| format!("{PREFIX}{}-{}", me.pid, me.start));
        let root = disk.join(name);
        DirBuilder::new().mode(0o700).create(&root).map_err(|error| cannot_write(disk, &error))?;
        let ground = Self { root, kept: Cell::new(false) };
        let space = rustix::fs::statvfs(&ground.root).map_err(|error| cannot_write(disk, &error.into()))?;
        if space.f_bavail.saturating_mul(space.f_frsize) < ROOM {
            return Err(full(disk));
        }
        Ok(ground)
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.root.join(name);
        let made = DirBuilder::new().mode(0o700).recursive(true).create(&folder);
        made.map_err(|error| cannot_write(&self.root, &error))?;
        Ok(folder)
    }

    /// Keeps it under a name that no later `doctor` removes, and says which.
    pub(super) fn keep(&self) -> PathBuf {
        self.kept.set(true);
        let name = format!("{KEPT}{}", ulid::Ulid::generate());
        let kept = self.root.with_file_name(name);
        if fs::rename(&self.root, &kept).is_ok() { kept } else { self.root.clone() }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if !self.kept.get() {
            // A server that leaves may still write its last file; the next `doctor` removes what stays.
            (0..3).any(|_| fs::remove_dir_all(&self.root).is_ok());
        }
    }
}

/// Removes folders whose self-test was killed.
pub(in crate::cli::doctor) fn clear_stale(home: &Home) {
    // The home may have been made since.
    for folder in [Some(home.root()), home.root().parent()].into_iter().flatten() {
        for name in fsx::names(folder).unwrap_or_default() {
            if owner(&name).is_some_and(|owner| !process::is_alive(owner)) {
                // What cannot be removed now can be later.
                drop(fs::remove_dir_all(folder.join(name)));
            }
        }
    }
}

/// The process that a folder's name names.
fn owner(name: &str) -> Option<ProcessKey> {
    let (pid, start) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some(ProcessKey { pid: pid.parse().ok()?, start: start.parse().ok()? })
}

/// The bridge's home, or the folder that it would be in: the same disk, and nothing is made that stays.
fn disk_of(home: &Home) -> &Path {
    let root = home.root();
    root.ancestors().find(|folder| folder.is_dir()).unwrap_or(root)
}

fn cannot_write(disk: &Path, error: &io::Error) -> Failure {
    let place = disk.display();
    let help = "set SESSION_BRIDGE_HOME to a folder that you may write to, or make this one so";
    let failure = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return full(disk),
        io::ErrorKind::ReadOnlyFilesystem => Failure::new(
            "selftest_read_only",
            exit::NOT_WELL,
            format!("{place} is on a disk that is read-only, so nothing can be tried there"),
            help,
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            "selftest_denied",
            exit::NOT_WELL,
            format!("you may not write to {place}, so nothing can be tried there"),
            help,
        ),
        _ => Failure::file("make a temporary folder in", disk, error),
    };
    failure.because(error.to_string())
}

/// There is no room for the self-test.
pub(super) fn full(disk: &Path) -> Failure {
    Failure::new(
        "selftest_disk_full",
        exit::NOT_WELL,
        format!("the disk of {} is full, or nearly so", disk.display()),
        format!("free {} MiB; nothing of yours was touched", ROOM / 1024 / 1024),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let me = process::look(std::process::id()).unwrap().key;
        let names = [
            format!("{PREFIX}{}-{}", me.pid, me.start),
            format!("{PREFIX}{}-{}", me.pid, me.start + 1),
            format!("{KEPT}01"),
            format!("{PREFIX}mine"),
        ];
        for name in &names {
            fs::create_dir_all(dir.path().join(name).join("inside")).unwrap();
        }
        clear_stale(&home);
        let stays: Vec<bool> = names.iter().map(|name| dir.path().join(name).exists()).collect();
        assert_eq!(stays, [true, false, true, true]);
    }

    #[test]
    fn what_keeps_it_from_writing_has_a_code() {
        let code = |kind: io::ErrorKind| cannot_write(Path::new("/x"), &kind.into()).code;
        assert_eq!(code(io::ErrorKind::StorageFull), "selftest_disk_full");
        assert_eq!(code(io::ErrorKind::ReadOnlyFilesystem), "selftest_read_only");
        assert_eq!(code(io::ErrorKind::PermissionDenied), "selftest_denied");
        assert_eq!(code(io::ErrorKind::NotADirectory), "file_io");
    }
}
