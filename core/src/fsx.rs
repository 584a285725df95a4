//! The few things we do to a file system, each with its path in the error.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::edit::ConfigError;

type Result<T> = std::result::Result<T, ConfigError>;

/// Links that lead to links that lead to links: where we stop, as the kernel does.
const MAX_LINKS: usize = 40;

/// The content of a file; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::io("read", path, error)),
    }
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Where a path leads when symlinks are followed; the last part need not exist.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Ok(target) = fs::read_link(&path) {
            path = path.parent().map_or(target.clone(), |folder| folder.join(&target));
        } else {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path) };
            return Ok(fs::canonicalize(folder).map_or_else(|_| path.clone(), |folder| folder.join(name)));
        }
    }
    Err(ConfigError::io("follow", path, io::Error::other("too many levels of symbolic links")))
}

/// Makes a folder of ours and its parents, readable by its owner only; tightens it if it is there and looser.
pub fn private_dir(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| ConfigError::io("create", path, error))?;
    tighten(path, 0o700)
}

/// Takes permissions away that go beyond `mode`.
pub fn tighten(path: &Path, mode: u32) -> Result<()> {
    let meta = fs::metadata(path).map_err(|error| ConfigError::io("examine", path, error))?;
    let have = meta.permissions().mode() & 0o7777;
    if have & !mode == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(have & mode))
        .map_err(|error| ConfigError::io("restrict", path, error))
}

/// The folders that have to be made before `path` can exist, outermost first.
pub fn missing_parents(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> =
        path.ancestors().skip(1).take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// Makes one folder with mode 0700. It may be there already.
pub fn make_dir(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(ConfigError::io("create", path, error))
        }
        _ => Ok(()),
    }
}

/// Fails with [`ConfigError::Denied`] if a file is not one that we may replace.
pub fn replaceable(path: &Path) -> Result<()> {
    let denied = |reason: &str| Err(ConfigError::Denied { path: path.to_owned(), reason: reason.to_owned() });
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ConfigError::io("examine", path, error)),
        Ok(meta) if !meta.is_file() => denied("it is not a regular file"),
        Ok(meta) if meta.uid() != rustix::process::geteuid().as_raw() => denied("it belongs to another user"),
        // Root could write it all the same, but whoever took the permission away meant it.
        Ok(meta) if meta.mode() & 0o200 == 0 => denied("it is read-only"),
        Ok(_) => Ok(()),
    }
}

/// Writes a new file and forces it to the medium. With `like`, it gets that file's mode and group.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32, like: Option<&Path>) -> Result<()> {
    let fail = |error| ConfigError::io("write", path, error);
    let like = like.and_then(|like| fs::metadata(like).ok());
    let mode = like.as_ref().map_or(mode, |meta| meta.mode() & 0o7777);
    // Never wider than it will be, also while it is being written.
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode & 0o700).open(path).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    if let Some(meta) = like {
        // Only possible for groups that the user is in; the mode is then the best there is.
        let _ = std::os::unix::fs::fchown(&file, None, Some(meta.gid()));
    }
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(fail)?;
    file.sync_all().map_err(fail)
}

/// Puts one file in the place of another, at once.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| ConfigError::io("replace", to, error))
}

/// Removes a file; it may be gone already.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        // A disk that cannot be written says so before it looks whether there is such a file.
        Err(error) if fs::symlink_metadata(path).is_ok() => Err(ConfigError::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Makes a call again that a signal interrupted while it waited. The standard library does so for files, and neither for
/// folders nor for locks.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// What is in a folder.
pub fn read_dir(folder: &Path) -> io::Result<fs::ReadDir> {
    uninterrupted(|| fs::read_dir(folder))
}

/// The names in a folder; none if there is no such folder.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| ConfigError::io("list", folder, error))?,
    };
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(|error| ConfigError::io("list", folder, error))
}

/// Removes a folder if it is empty. Anything else about it is somebody's and no error.
pub fn remove_if_empty(path: &Path) -> bool {
    fs::remove_dir(path).is_ok()
}

/// Forces the names in a file's folder to the medium.
pub fn sync_parent(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .map_err(|error| ConfigError::io("flush", folder, error))
}

/// Writes a file of ours, mode 0600, so that a reader sees the old content or the new one.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let temp = beside(path);
    let done = write_new(&temp, bytes, 0o600, None).and_then(|()| rename(&temp, path));
    if done.is_err() {
        let _ = fs::remove_file(&temp);
    }
    done?;
    sync_parent(path)
}

/// A name in the same folder that nobody uses.
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", ulid::Ulid::generate()))
}

/// An exclusive lock between processes, and between threads of one. The operating system frees it when its holder
/// dies; the file stays, so that nobody can hold a lock on a name that has gone.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting at most `wait` for it. `busy` is the file that the error names.
    pub fn acquire(path: &Path, wait: Duration, busy: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| ConfigError::io("open", path, error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < wait => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(ConfigError::Busy { path: busy.to_owned() }),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(ConfigError::io("lock", path, error)),
            }
        }
    }
}
