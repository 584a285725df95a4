//! The small files of each session: sign of life, bell, lease, note, and the aliases that lead to them.
//!
//! ```text
//! run/<session>/live    who hosts it, busy or idle; changed time = last sign of life
//! run/<session>/bell    exists while an event of this session has something to do
//! run/<session>/lock    the lease: whoever holds it may put bodies before the model
//! run/<session>/note    what the last holder managed to write
//! run/<session>/ringer  held by the one process that rings the session's door
//! run/<session>/door    variables of its host that a sender needs to wake it
//! run/<session>/paused  a person turned the bridge off for it
//! run/<session>/server-<id>   held by an MCP server for as long as it lives
//! run/servers/<id>      what program that server runs, held likewise
//! run/alias/<provider>/<native id>   a link to the session's folder
//! ```

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::id::{AttemptId, SessionId};
use session_bridge_core::process::ProcessKey;
use sha2::{Digest, Sha256};

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

/// What the host is doing, as its last event told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// In a turn.
    Busy,
    /// Waiting for its user.
    Idle,
    /// Waiting for its user, who interrupted the last turn.
    Interrupted,
}

/// The content of `live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// The process that hosts the session.
    pub host: ProcessKey,
    /// What it is doing.
    pub activity: Activity,
    /// Its user began the present turn, or the last one, and no peer's text came into it since.
    pub by_user: bool,
}

impl Live {
    /// What an event of a session says, after what the one before it said.
    pub fn after(event: &HookEvent<'_>, host: ProcessKey, before: Option<Self>) -> Self {
        let activity = match event.moment {
            Moment::PromptSubmit | Moment::BeforeSubagent | Moment::AfterTool => Activity::Busy,
            Moment::Interrupt => Activity::Interrupted,
            // It tells nothing of the session.
            Moment::Doorbell => before.map_or(Activity::Idle, |live| live.activity),
            _ => Activity::Idle,
        };
        let goes_on = before.is_some_and(|live| live.by_user);
        let by_user = match event.moment {
            Moment::PromptSubmit if event.nudge.is_some() => false,
            Moment::PromptSubmit => goes_on || !event.by_host,
            _ => goes_on,
        };
        Self { host, activity, by_user }
    }

    /// All words have the same length, so that the file is never seen half-written.
    fn encode(self) -> String {
        let word = match (self.activity, self.by_user) {
            (Activity::Busy, false) => "busy",
            (Activity::Busy, true) => "user",
            (Activity::Idle, false) => "idle",
            (Activity::Idle, true) => "done",
            (Activity::Interrupted, _) => "halt",
        };
        format!("{word} {} {}\n", self.host.pid, self.host.start)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (activity, by_user) = match words.next()? {
            "busy" => (Activity::Busy, false),
            "user" => (Activity::Busy, true),
            "idle" => (Activity::Idle, false),
            "done" => (Activity::Idle, true),
            "halt" => (Activity::Interrupted, false),
            _ => return None,
        };
        let host = ProcessKey { pid: words.next()?.parse().ok()?, start: words.next()?.parse().ok()? };
        Some(Self { host, activity, by_user })
    }
}

/// What a lease holder noted about its one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The write began.
    Writing(AttemptId),
    /// The write ended.
    Written {
        /// The attempt.
        attempt: AttemptId,
        /// Whether it was whole and in time: within half of the host's limit.
        in_time: bool,
    },
}

impl Note {
    fn encode(self) -> String {
        match self {
            Self::Writing(attempt) => format!("writing {attempt}\n"),
            Self::Written { attempt, in_time: true } => format!("written {attempt}\n"),
            Self::Written { attempt, in_time: false } => format!("late {attempt}\n"),
        }
    }
}

/// Makes `writing` of the same attempt `written`, which is as long: in place, without another file.
fn finish_note(path: &Path, attempt: AttemptId) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut text = [0; 64];
    let length = file.read(&mut text)?;
    if text[..length] != *Note::Writing(attempt).encode().as_bytes() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.rewind()?;
    file.write_all(Note::Written { attempt, in_time: true }.encode().as_bytes())
}

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
        lock.lock().map_err(StoreError::io("lock", &path))?;
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

    /// Reads the sign of life.
    pub fn live(&self) -> Option<Live> {
        Live::decode(&fs::read_to_string(self.file("live")).ok()?)
    }

    /// When the last sign of life was, in milliseconds since 1970.
    pub fn last_seen(&self) -> Option<i64> {
        let changed = fs::metadata(self.file("live")).ok()?.modified().ok()?;
        i64::try_from(changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    /// Gives a sign of life.
    pub fn set_live(&self, live: Live) -> Result<(), StoreError> {
        if self.touch_live(live.host, |_| live) {
            return Ok(());
        }
        let path = self.file("live");
        private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| file.write_all(live.encode().as_bytes()))
            .map_err(StoreError::io("write", &path))
    }

    /// The fast path's sign of life: gives it only if the file names `host`, and says whether it did. `next` makes it of
    /// what stands there.
    pub fn touch_live(&self, host: ProcessKey, next: impl FnOnce(Live) -> Live) -> bool {
        let Ok(mut file) = OpenOptions::new().read(true).write(true).open(self.file("live")) else {
            return false;
        };
        let mut text = String::new();
        if file.read_to_string(&mut text).is_err() {
            return false;
        }
        let Some(live) = Live::decode(&text).filter(|live| live.host == host) else { return false };
        file.rewind().and_then(|()| file.write_all(next(live).encode().as_bytes())).is_ok()
    }

    /// A peer's text came into the present turn: it is no longer its user's alone.
    pub(crate) fn join_turn(&self) {
        if let Some(live) = self.live().filter(|live| live.by_user) {
            // Were this to fail, the chain would be counted one hop shorter.
            self.touch_live(live.host, |live| Live { by_user: false, ..live });
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
        let path = self.file("door");
        if fs::read(&path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        let fresh = self.file(&format!(".door-{}", ulid::Ulid::generate()));
        private()
            .write(true)
            .create_new(true)
            .open(&fresh)
            .and_then(|mut file| file.write_all(&text))
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

    /// Takes the lease if nobody holds it.
    pub fn try_lease(&self) -> Result<Option<Lease>, StoreError> {
        self.try_lock("lock")
    }

    /// The same for ringing this session's door: there is one ringer at a time.
    pub fn try_ringer(&self) -> Result<Option<Lease>, StoreError> {
        self.try_lock("ringer")
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

    /// Notes how far a write got. The lease must be held. Who reads meanwhile sees the old note or the new one; a note
    /// that was killed half-way reads as none, which is what it says: nothing was put out yet.
    pub fn set_note(&self, note: Note, _lease: &Lease) -> Result<(), StoreError> {
        let text = note.encode();
        let path = self.file("note");
        let short_cut = match note {
            // The usual case: the last one was cleared.
            Note::Writing(_) => private()
                .write(true)
                .create_new(true)
                .open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes())),
            Note::Written { attempt, in_time: true } => finish_note(&path, attempt),
            Note::Written { .. } => Err(io::ErrorKind::Unsupported.into()),
        };
        if short_cut.is_ok() {
            return Ok(());
        }
        let fresh = self.file(".note");
        private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(StoreError::io("write", &path))
    }

    /// The last holder's note.
    pub(crate) fn note(&self) -> Option<Note> {
        let text = fs::read_to_string(self.file("note")).ok()?;
        let (word, attempt) = text.trim_end().split_once(' ')?;
        let attempt = attempt.parse().ok()?;
        match word {
            "writing" => Some(Note::Writing(attempt)),
            "written" => Some(Note::Written { attempt, in_time: true }),
            "late" => Some(Note::Written { attempt, in_time: false }),
            _ => None,
        }
    }

    /// Forgets the note once its content is in the store.
    pub(crate) fn clear_note(&self) {
        let _ = fs::remove_file(self.file("note"));
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
        let Ok(entries) = fs::read_dir(&self.path) else { return false };
        entries.flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("server-") && LifeLock::is_held(&entry.path())
        })
    }

    fn server_file(&self, server: &str) -> PathBuf {
        self.file(&format!("server-{server}"))
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, RunFolders) {
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
    fn a_note_says_what_was_noted_last() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let lease = folder.try_lease().unwrap().unwrap();
        let (one, two) = (AttemptId::generate(), AttemptId::generate());
        let written = |attempt, in_time| Note::Written { attempt, in_time };
        for note in [
            written(one, true),
            Note::Writing(one),
            written(one, true),
            Note::Writing(two),
            written(one, true),
            written(two, false),
            written(two, true),
        ] {
            folder.set_note(note, &lease).unwrap();
            assert_eq!(folder.note(), Some(note));
        }
        folder.clear_note();
        assert_eq!(folder.note(), None);
        folder.set_note(Note::Writing(two), &lease).unwrap();
        assert_eq!(folder.note(), Some(Note::Writing(two)));
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
    fn the_fast_path_needs_the_same_host() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let host = ProcessKey { pid: 7, start: 9 };
        let mine = Live { host, activity: Activity::Idle, by_user: true };
        let busy = |live| Live { activity: Activity::Busy, ..live };
        assert!(!folder.touch_live(host, busy), "no file yet");
        folder.set_live(mine).unwrap();
        assert!(folder.touch_live(host, busy));
        assert_eq!(folder.live(), Some(busy(mine)));
        assert!(!folder.touch_live(ProcessKey { start: 10, ..host }, busy), "a reused pid");
    }

    #[test]
    fn a_sign_of_life_says_whose_turn_it_is() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let host = ProcessKey { pid: 7, start: 9 };
        let length = |live: Live| live.encode().len();
        for activity in [Activity::Busy, Activity::Idle, Activity::Interrupted] {
            for by_user in [false, true] {
                let live = Live { host, activity, by_user };
                folder.set_live(live).unwrap();
                let read = folder.live().unwrap();
                assert_eq!(read.activity, activity);
                assert_eq!(read.by_user, by_user && activity != Activity::Interrupted);
                assert_eq!(length(live), length(read), "a file that is rewritten in place keeps its length");
            }
        }
        folder.set_live(Live { host, activity: Activity::Busy, by_user: true }).unwrap();
        folder.join_turn();
        assert_eq!(folder.live(), Some(Live { host, activity: Activity::Busy, by_user: false }));
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

    #[test]
    fn one_lease_at_a_time() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let held = folder.try_lease().unwrap();
        assert!(held.is_some());
        assert!(folder.try_lease().unwrap().is_none());
        drop(held);
        assert!(folder.try_lease().unwrap().is_some());
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
