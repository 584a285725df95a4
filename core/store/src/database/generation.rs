//! Which database is the present one: a number in `store/generation`, changed in one step and under a lock (rule D8).
//! Databases themselves are never renamed or removed: others may hold them open.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use session_bridge_core::fsx;
use session_bridge_core::home::Home;

use crate::error::StoreError;

/// The pointer's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// The present database's number.
    pub(crate) number: u32,
    /// Since when, in milliseconds since 1970; 0 if it does not say.
    pub(crate) since: i64,
}

/// The database with a number.
pub(crate) fn database(home: &Home, number: u32) -> PathBuf {
    home.store().join(format!("bridge-{number}.db"))
}

/// Reads the pointer; none before the first database is complete. What cannot be understood counts as a pointer to the
/// newest database that is there.
pub(crate) fn read(home: &Home) -> Result<Option<Pointer>, StoreError> {
    let path = home.store().join("generation");
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut words = text.split_ascii_whitespace();
    let number = words.next().and_then(|word| word.parse().ok());
    let since = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let number = number.unwrap_or_else(|| present_files(home).last().copied().unwrap_or(1));
    Ok(Some(Pointer { number, since }))
}

/// The present database's number; 1 where there is no pointer yet.
pub(crate) fn present(home: &Home) -> Result<u32, StoreError> {
    Ok(read(home)?.map_or(1, |pointer| pointer.number))
}

/// The numbers of all databases that are there, in ascending order.
pub(crate) fn present_files(home: &Home) -> Vec<u32> {
    let Ok(entries) = fsx::read_dir(&home.store()) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("bridge-")?.strip_suffix(".db")?.parse().ok();
    let mut numbers: Vec<u32> =
        entries.flatten().filter_map(|entry| number(&entry.file_name().to_string_lossy())).collect();
    numbers.sort_unstable();
    numbers
}

/// The right to change the pointer. The operating system ends it with its holder.
pub(crate) struct Hold {
    _lock: File,
}

/// Waits for the right to change the pointer.
pub(crate) fn hold(home: &Home, patience: Duration) -> Result<Hold, StoreError> {
    let path = home.store().join("lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock = lock.map_err(StoreError::io("open", &path))?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Hold { _lock: lock }),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
    }
}

/// Makes a database the present one, for good: a reader finds the old number or the new one, also after a power loss.
pub(crate) fn point(home: &Home, to: Pointer, _hold: &Hold) -> Result<(), StoreError> {
    let folder = home.store();
    let path = folder.join("generation");
    let fresh = folder.join(".generation");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(format!("{} {}\n", to.number, to.since).as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&folder)?.sync_all()
    };
    write().map_err(StoreError::io("write", &path))
}

/// Notes that the first database is complete: from now on it cannot be mistaken for one that is still to be made.
pub(crate) fn begin(home: &Home, now: i64) -> Result<(), StoreError> {
    match hold(home, Duration::ZERO) {
        Ok(hold) if read(home)?.is_none() => point(home, Pointer { number: 1, since: now }, &hold),
        // Somebody else is at it.
        Ok(_) | Err(StoreError::Busy) => Ok(()),
        Err(error) => Err(error),
    }
}
