//! The small files of each session: sign of life, bell, lease, note, and the aliases that lead to them.
//!
//! ```text
//! run/<session>/live    who hosts it, busy or idle; changed time = last sign of life
//! run/<session>/bell    exists while an event of this session has something to do
//! run/<session>/lock    the lease: whoever holds it may put bodies before the model
//! run/<session>/note    what the last holder managed to write
//! run/<session>/heard   the event that its hooks heard last
//! run/<session>/ringer  held by the one process that rings the session's door
//! run/<session>/door    variables of its host that a sender needs to wake it
//! run/<session>/paused  a person turned the bridge off for it
//! run/<session>/server-<id>   held by an MCP server for as long as it lives
//! run/servers/<id>      what program that server runs, held likewise
//! run/hello/<provider>  how a host of it greeted a server last; changed time = when
//! run/alias/<provider>/<native id>   a link to the session's folder
//! ```

mod heard;
mod hello;
mod live;
mod lock;
mod note;

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use session_bridge_core::home::Home;
use session_bridge_core::id::SessionId;
use sha2::{Digest, Sha256};

pub use self::hello::Hello;
pub use self::live::{Activity, Live};
pub use self::lock::{Lease, LifeLock};
pub use self::note::Note;
use crate::error::StoreError;

/// The folder of all sessions' folders.
#[derive(Debug, Clone)]
pub struct RunFolders {
    root: PathBuf,
    /// Whose bells the present transaction rang, where it rings each only once.
    rung: Option<RefCell<HashSet<SessionId>>>,
}

/// One session's folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolders {
    /// Below the bridge's home.
    pub fn of(home: &Home) -> Self {
        Self { root: home.run(), rung: None }
    }

    /// For one transaction that lays down several messages: one ring tells of all of them.
    pub(crate) fn ringing_once(&self) -> Self {
        Self { root: self.root.clone(), rung: Some(RefCell::default()) }
    }

    /// Rings a session's bell; see [`RunFolder::ring`].
    pub(crate) fn ring(&self, session: SessionId) -> Result<(), StoreError> {
        let folder = self.session(session);
        let first = self.rung.as_ref().is_none_or(|rung| rung.borrow_mut().insert(session));
        // Part of the transaction may have been undone, and the bell been silenced after that.
        if first || !folder.bell_stands() { folder.ring() } else { Ok(()) }
    }

    /// A session's folder, whether it exists or not.
    pub fn session(&self, id: SessionId) -> RunFolder {
        RunFolder { path: self.root.join(id.to_string()) }
    }

    /// The folder that a host's own session id leads to, whether it exists or not.
    pub fn native(&self, provider: &str, native: &str) -> RunFolder {
        RunFolder { path: self.alias(provider, native) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The session that a native id leads to.
    pub(crate) fn bound(&self, provider: &str, native: &str) -> Option<SessionId> {
        let target = fs::read_link(self.alias(provider, native)).ok()?;
        target.file_name()?.to_str()?.parse().ok()
    }

    fn alias(&self, provider: &str, native: &str) -> PathBuf {
        self.root.join("alias").join(provider).join(file_name(native))
    }

    /// Makes a native id lead to a session's folder, replacing what it led to.
    pub fn bind(&self, provider: &str, native: &str, session: SessionId) -> Result<(), StoreError> {
        let alias = self.alias(provider, native);
        let target = Path::new("../..").join(session.to_string());
        if fs::read_link(&alias).is_ok_and(|present| present == target) && alias.is_dir() {
            return Ok(());
        }
        self.session(session).create()?;
        let folder = alias.parent().unwrap_or(&self.root);
        create_folder(folder)?;
        let fresh = folder.join(format!(".{}-{}", ulid::Ulid::generate(), std::process::id()));
        symlink(&target, &fresh).map_err(StoreError::io("create", &fresh))?;
        fs::rename(&fresh, &alias).map_err(StoreError::io("replace", &alias))
    }
}

/// Native ids are host data: what is not plainly a file name goes in as its hash.
fn file_name(native: &str) -> String {
    let plain = !native.is_empty()
        && native.len() <= 100
        && native.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if plain {
        return native.to_owned();
    }
    let mut name = String::from("sha256-");
    for byte in Sha256::digest(native.as_bytes()) {
        use std::fmt::Write as _;
        let _ = write!(name, "{byte:02x}");
    }
    name
}

pub(crate) fn create_folder(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::io("create", path))
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder.
    pub fn create(&self) -> Result<(), StoreError> {
        create_folder(&self.path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The bell's path, for hosts that watch it.
    pub fn bell(&self) -> PathBuf {
        self.file("bell")
    }

    /// Whether an event of this session may have something to do.
    pub fn bell_stands(&self) -> bool {
        fs::symlink_metadata(self.file("bell")).is_ok()
    }

    /// Rings: replaces the bell, so that watchers see a change also where it stood. Only under the store's write lock.
    pub(crate) fn ring(&self) -> Result<(), StoreError> {
        let bell = self.file("bell");
        let fresh = self.file(&format!(".bell-{}", ulid::Ulid::generate()));
        let made = private().write(true).create_new(true).open(&fresh);
        let made = match made {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create()?;
                private().write(true).create_new(true).open(&fresh)
            }
            other => other,
        };
        made.map_err(StoreError::io("create", &fresh))?;
        fs::rename(&fresh, &bell).map_err(StoreError::io("ring", &bell))
    }

    /// Takes the bell away. Only under the store's write lock, when nothing is left to do.
    pub(crate) fn silence(&self) -> Result<(), StoreError> {
        let bell = self.file("bell");
        match fs::remove_file(&bell) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &bell)(error))
            }
            _ => Ok(()),
        }
    }

    /// Notes the variables that a door of this session needs, as its own hook sees them (rule W7). Written only when
    /// they changed.
    pub fn set_door(&self, variables: &[(&str, OsString)]) -> Result<(), StoreError> {
        let mut text = Vec::new();
        for (name, value) in variables {
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
            text.push(0);
        }
        self.keep("door", &text)
    }

    /// Notes what calls of this session name besides it (rule W4). Written only when it changed.
    pub fn set_nonce(&self, nonce: &str) -> Result<(), StoreError> {
        self.keep("nonce", nonce.as_bytes())
    }

    /// Whether a call that names this session names its nonce as well.
    pub fn has_nonce(&self, nonce: &str) -> bool {
        !nonce.is_empty() && fs::read(self.file("nonce")).is_ok_and(|kept| kept == nonce.as_bytes())
    }

    /// Replaces a small file of ours as a whole, unless it holds just that.
    fn keep(&self, name: &str, text: &[u8]) -> Result<(), StoreError> {
        let path = self.file(name);
        if fs::read(&path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        let fresh = self.file(&format!(".{name}-{}", ulid::Ulid::generate()));
        private()
            .write(true)
            .create_new(true)
            .open(&fresh)
            .and_then(|mut file| file.write_all(text))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(StoreError::io("write", &path))
    }

    /// The variables that a door of this session needs; none if its hook never noted any.
    pub fn door(&self) -> Option<Vec<(OsString, OsString)>> {
        let text = fs::read(self.file("door")).ok()?;
        let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
            Some((os(&pair[..at]), os(&pair[at + 1..])))
        });
        Some(pairs.collect())
    }
}

pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    pub(super) fn folders() -> (tempfile::TempDir, RunFolders) {
        let dir = tempfile::tempdir().unwrap();
        let folders = RunFolders::of(&Home::at(dir.path()));
        (dir, folders)
    }

    #[test]
    fn an_alias_leads_to_the_session_and_can_move() {
        let (_dir, folders) = folders();
        let (a, b) = (SessionId::generate(), SessionId::generate());
        folders.bind("codex", "t-1", a).unwrap();
        folders.session(a).ring().unwrap();
        assert!(folders.native("codex", "t-1").bell_stands());
        folders.bind("codex", "t-1", b).unwrap();
        assert!(!folders.native("codex", "t-1").bell_stands());
    }

    #[test]
    fn hostile_native_ids_stay_inside_the_folder() {
        for native in ["../../etc", "", "a/b", "\0", &"x".repeat(300)] {
            assert!(file_name(native).starts_with("sha256-"), "{native:?}");
        }
        assert_eq!(file_name("01a1fd7b-84dd"), "01a1fd7b-84dd");
    }

    #[test]
    fn ringing_a_standing_bell_changes_it() {
        use std::os::unix::fs::MetadataExt;
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.ring().unwrap();
        let first = fs::metadata(folder.file("bell")).unwrap().ino();
        let held = File::open(folder.file("bell")).unwrap();
        folder.ring().unwrap();
        assert_ne!(fs::metadata(folder.file("bell")).unwrap().ino(), first);
        drop(held);
        folder.silence().unwrap();
        folder.silence().unwrap();
        assert!(!folder.bell_stands());
    }

    #[test]
    fn a_nonce_is_the_last_one_and_nothing_is_none() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        assert!(!folder.has_nonce("") && !folder.has_nonce("a1"));
        folder.set_nonce("a1").unwrap();
        assert!(folder.has_nonce("a1") && !folder.has_nonce("a") && !folder.has_nonce(""));
        folder.set_nonce("b2").unwrap();
        assert!(folder.has_nonce("b2") && !folder.has_nonce("a1"));
    }

    #[test]
    fn a_door_keeps_its_variables_byte_for_byte() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        assert_eq!(folder.door(), None);
        let odd = OsString::from_vec(b"/h\xff=\n x".to_vec());
        folder.set_door(&[("CODEX_HOME", odd.clone()), ("PATH", "/bin".into())]).unwrap();
        let want = vec![("CODEX_HOME".into(), odd), ("PATH".into(), "/bin".into())];
        assert_eq!(folder.door(), Some(want));
    }
}
