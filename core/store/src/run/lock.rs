//! Locks that the operating system ends with their holders: the lease, the ringer's, and servers' signs of life.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{RunFolder, create_folder, private};
use session_bridge_core::fsx;

use crate::error::StoreError;

/// Between two looks at a lease that somebody holds: they are few, and hold it for some milliseconds.
const NAP: Duration = Duration::from_millis(3);

/// The exclusive right to put bodies before a session's model. The operating system ends it with its holder.
#[derive(Debug)]
pub struct Lease {
    _lock: File,
}

/// An MCP server's sign of life: held until the process ends.
#[derive(Debug)]
pub struct LifeLock {
    lock: File,
    path: PathBuf,
}

impl LifeLock {
    /// Makes a file, writes to it and locks it.
    pub(crate) fn hold(path: PathBuf, content: &[u8]) -> Result<Self, StoreError> {
        create_folder(path.parent().unwrap_or(Path::new("/")))?;
        let open = private().write(true).create(true).truncate(false).open(&path);
        let mut lock = open.map_err(StoreError::io("open", &path))?;
        fsx::uninterrupted(|| lock.lock()).map_err(StoreError::io("lock", &path))?;
        lock.write_all(content).map_err(StoreError::io("write", &path))?;
        Ok(Self { lock, path })
    }

    /// Whether somebody alive holds that file.
    pub(crate) fn is_held(path: &Path) -> bool {
        let Ok(file) = OpenOptions::new().write(true).open(path) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }
}

impl Drop for LifeLock {
    fn drop(&mut self) {
        // Removed while still held, so that nobody takes the file of a live server for a dead one's.
        let _ = fs::remove_file(&self.path);
        let _ = self.lock.unlock();
    }
}

impl RunFolder {
    /// Takes the lease if nobody holds it.
    pub fn try_lease(&self) -> Result<Option<Lease>, StoreError> {
        self.try_lock("lock")
    }

    /// Takes the lease, and waits for its holder no longer than that.
    pub fn lease_within(&self, patience: Duration) -> Result<Option<Lease>, StoreError> {
        let began = Instant::now();
        loop {
            let lease = self.try_lease()?;
            let left = patience.saturating_sub(began.elapsed());
            if lease.is_some() || left.is_zero() {
                return Ok(lease);
            }
            std::thread::sleep(NAP.min(left));
        }
    }

    /// The same for ringing this session's door: there is one ringer at a time.
    pub fn try_ringer(&self) -> Result<Option<Lease>, StoreError> {
        self.try_lock("ringer")
    }

    /// The same for the command by which this session's agent watches for mail: one at a time.
    pub fn try_watch(&self) -> Result<Option<Lease>, StoreError> {
        self.try_lock("watch")
    }

    /// Whether this session's agent watches for mail.
    pub fn is_watched(&self) -> bool {
        LifeLock::is_held(&self.file("watch"))
    }

    fn try_lock(&self, name: &str) -> Result<Option<Lease>, StoreError> {
        let path = self.file(name);
        let lock = private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Lease { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }

    /// An MCP server's sign of life under its own name.
    pub fn hold_life(&self, server: &str) -> Result<LifeLock, StoreError> {
        LifeLock::hold(self.server_file(server), b"")
    }

    /// Whether that server still lives.
    pub fn server_lives(&self, server: &str) -> bool {
        LifeLock::is_held(&self.server_file(server))
    }

    /// Whether any MCP server of this session lives.
    pub fn any_server_lives(&self) -> bool {
        let Ok(entries) = fsx::read_dir(&self.path) else { return false };
        entries.flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("server-") && LifeLock::is_held(&entry.path())
        })
    }

    fn server_file(&self, server: &str) -> PathBuf {
        self.file(&format!("server-{server}"))
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::id::SessionId;

    use super::super::tests::folders;
    use super::{Duration, NAP};

    #[test]
    fn one_lease_at_a_time() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let held = folder.try_lease().unwrap();
        assert!(held.is_some());
        assert!(folder.try_lease().unwrap().is_none());
        assert!(folder.lease_within(Duration::from_millis(1)).unwrap().is_none());
        let holder = std::thread::spawn(move || {
            std::thread::sleep(NAP);
            drop(held);
        });
        assert!(folder.lease_within(Duration::from_secs(60)).unwrap().is_some());
        holder.join().unwrap();
        assert!(folder.try_lease().unwrap().is_some());
    }

    #[test]
    fn a_session_is_watched_as_long_as_somebody_watches() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        assert!(!folder.is_watched());
        let watch = folder.try_watch().unwrap();
        assert!(watch.is_some() && folder.is_watched());
        assert!(folder.try_watch().unwrap().is_none());
        drop(watch);
        assert!(!folder.is_watched());
    }

    #[test]
    fn a_server_lives_as_long_as_its_lock() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        let life = folder.hold_life("a").unwrap();
        assert!(folder.server_lives("a") && folder.any_server_lives());
        drop(life);
        assert!(!folder.server_lives("a") && !folder.any_server_lives());
    }
}
