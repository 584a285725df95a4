//! Opening the store: which file, with which settings, and whether it is still the one that everybody means.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use session_bridge_core::home::Home;
use session_bridge_core::limits::Limits;
use session_bridge_core::settings::Settings;

use crate::clock::Clock;
use crate::database::generation;
use crate::database::schema;
use crate::delivery::attempt;
use crate::error::StoreError;
use crate::run::{RunFolders, create_folder};

/// Who opens the store; sets deadlines and durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A hook: 50 ms for the write lock, no checkpoints, `synchronous=NORMAL` for attempts and settlements.
    Hook,
    /// An MCP server: what it wrote is flushed to the medium before anybody hears of it; patient.
    Server,
    /// The command line: as a server.
    Cli,
}

/// The log is merged into the database when it has so many pages: a merge waits twice for the medium, so it must not
/// come with every few hundred messages.
const CHECKPOINT_PAGES: u32 = 4_000;
/// By how much the file grows that readers and writers share. From SQLite's file format.
const SHARED_BYTES: u64 = 32 * 1024;
/// How a write-ahead log begins; the last bit says in which order its checksums are. From SQLite's file format.
const LOG_MAGIC: u32 = 0x377f_0683;

/// The open store. One connection, used by one thread at a time.
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Connection,
    pub(crate) home: Home,
    pub(crate) run: RunFolders,
    pub(crate) clock: Clock,
    limits: Limits,
    role: Role,
    file: FileKey,
    /// The write-ahead log, once something had to be flushed. It stays the same file as long as `db` is open.
    wal: Option<File>,
    /// Whether this connection committed something that it has not flushed.
    unflushed: bool,
}

/// Which file the connection writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileKey {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Store {
    /// Opens the present store, and makes one if there is none.
    pub fn open(home: &Home, role: Role) -> Result<Self, StoreError> {
        Self::open_with(home, role, Clock::system())
    }

    /// As [`Store::open`], with a clock for tests.
    pub fn open_with(home: &Home, role: Role, clock: Clock) -> Result<Self, StoreError> {
        Self::refuse_foreign_layout(home)?;
        create_folder(&home.store())?;
        tighten(home.root())?;
        let pointer = generation::read(home)?;
        let path = generation::database(home, pointer.map_or(1, |pointer| pointer.number));
        if pointer.is_some() {
            expect_content(&path)?;
        }
        let (file, db) = open_file(&path, role)?;
        if pointer.is_none() && schema::format(&db)? <= schema::FORMAT {
            generation::begin(home, clock.now())?;
        }
        let limits = if role == Role::Hook { Limits::default() } else { read_limits(home) };
        let mut store = Self {
            db,
            run: RunFolders::of(home),
            home: home.clone(),
            clock,
            limits,
            role,
            file,
            wal: None,
            unflushed: false,
        };
        store.help_out();
        Ok(store)
    }

    /// Refuses a home that is an earlier program's: those kept one file per message below the same folder name.
    pub fn refuse_foreign_layout(home: &Home) -> Result<(), StoreError> {
        if home.store().exists() {
            return Ok(());
        }
        for sign in ["inbox", "sessions", "broadcasts", ".migrated-to"] {
            if home.root().join(sign).exists() {
                return Err(StoreError::ForeignLayout { path: home.root().to_owned(), sign });
            }
        }
        Ok(())
    }

    /// The folders of the sessions of this store.
    pub fn run(&self) -> &RunFolders {
        &self.run
    }

    /// The bridge's home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What `settings.json` limits. Hooks do not read it: what they may do was decided when the message was sent.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Milliseconds since 1970, by the store's clock.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Runs `work` under the write lock and commits it, or leaves no trace of it. What a server or the command line
    /// writes is flushed as well, after the lock was released, so that many processes wait for the medium at the same
    /// time (`docs/adr/0011-group-commit.md`). If only the flush fails, the work is committed all the same.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.commit(work)?;
        if self.unflushed && self.role != Role::Hook {
            self.make_durable()?;
        }
        Ok(done)
    }

    /// As [`Store::write`], for what may be undone by a power failure: nothing is flushed for it.
    pub(crate) fn commit<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.file.path.clone();
        // What an attempt that failed meant to do is not done.
        self.run.take_quiet();
        let run = || {
            // Before, because such a store may be open for reading only; inside, because a newer release may have
            // changed it while this one waited for the lock.
            schema::expect_ours(&self.db)?;
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            schema::expect_ours(&tx)?;
            let before = tx.total_changes();
            let done = work(&tx)?;
            self.unflushed |= tx.total_changes() != before;
            tx.commit()?;
            Ok(done)
        };
        let done = run().map_err(|error| with_path(error, &path))?;
        self.silence_bells();
        Ok(done)
    }

    /// Takes away the bells that have nothing to tell any more, now that this is committed; under a write lock of its own, so that no
    /// sender has rung meanwhile. A bell that stays, because the lock is not to be had or the process dies, costs the next event of
    /// its session a look into the store.
    fn silence_bells(&mut self) {
        let quiet = self.run.take_quiet();
        // What another store holds, this one does not know.
        if quiet.is_empty() || !self.is_present() {
            return;
        }
        let Ok(tx) = self.db.transaction_with_behavior(TransactionBehavior::Immediate) else { return };
        for session in quiet {
            if matches!(attempt::is_hot(&tx, session), Ok(false)) {
                let _ = self.run.session(session).silence();
            }
        }
    }

    /// As [`Store::write`], for what whoever reads tidies up on the way: a newer store is read as it is.
    pub(crate) fn tidy(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.write(work) {
            Err(StoreError::Newer { .. }) => Ok(()),
            done => done,
        }
    }

    /// Refuses a store of a newer format: it is read as far as it can be, and never written.
    pub fn expect_writable(&self) -> Result<(), StoreError> {
        schema::expect_ours(&self.db)
    }

    /// Whether the store's path still leads to the file that this connection writes to (rule D8).
    pub(crate) fn is_present(&self) -> bool {
        generation::present(&self.home)
            .and_then(|number| FileKey::of(&generation::database(&self.home, number)))
            .is_ok_and(|key| key == self.file)
    }

    /// Device and inode of the file that this connection writes to.
    pub(crate) fn file_id(&self) -> (u64, u64) {
        (self.file.device, self.file.inode)
    }

    /// Turns to the present store if the file was set aside meanwhile, and says whether it was. Two small reads: for
    /// whoever keeps a store open, before each piece of work.
    pub fn refresh(&mut self) -> Result<bool, StoreError> {
        let moved = !self.is_present();
        if self.is_stuck() {
            // Connections of one process share what they know of a file, so the old one has to be gone first.
            drop(std::mem::replace(&mut self.db, Connection::open_in_memory()?));
            *self = Self::open_with(&self.home, self.role, self.clock.clone())?;
        } else if moved {
            *self = Self::open_with(&self.home, self.role, self.clock.clone())?;
        } else {
            if self.role != Role::Hook {
                self.limits = read_limits(&self.home);
            }
            self.help_out();
        }
        Ok(moved)
    }

    /// Whether it can only read because its disk or its file could not be written when it was opened: the library remembers that for as
    /// long as the connection is open, whatever becomes of the disk. Or whether it could not be opened again after that.
    fn is_stuck(&self) -> bool {
        let in_memory = self.db.path().is_none_or(str::is_empty);
        in_memory
            || self.db.is_readonly(rusqlite::MAIN_DB).unwrap_or(false)
                && schema::expect_ours(&self.db).is_ok()
    }

    /// Finishes what dead senders left undone; a hook has time for one part of it. What fails here is tried again by
    /// the next one, and must not keep this one from its own work.
    fn help_out(&mut self) {
        let _ = self.finish_fanout(if self.role == Role::Hook { 1 } else { usize::MAX });
    }

    /// Makes everything durable that anybody committed until now: states are shown to senders only after this.
    pub(crate) fn make_durable(&mut self) -> Result<(), StoreError> {
        if self.wal.is_none() {
            let mut path = self.file.path.clone().into_os_string();
            path.push("-wal");
            match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) => self.wal = Some(file),
                // Nobody has committed anything since the log was last merged into the database, durably.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(StoreError::io("open", PathBuf::from(path))(error)),
            }
        }
        // On macOS, this is the flush that reaches the medium (F_FULLFSYNC).
        let flushed = self.wal.as_ref().map_or(Ok(()), File::sync_data);
        flushed.map_err(StoreError::io("flush", &self.file.path))?;
        self.expect_log()?;
        self.unflushed = false;
        Ok(())
    }

    /// What a log without its beginning holds is lost to whoever opens it next. The library, which reads its own copy
    /// of the log's index, would not notice.
    fn expect_log(&self) -> Result<(), StoreError> {
        let Some(log) = &self.wal else { return Ok(()) };
        let mut magic = [0; 4];
        match log.read_exact_at(&mut magic, 0) {
            Ok(()) if u32::from_be_bytes(magic) | 1 != LOG_MAGIC => Err(StoreError::Damaged {
                path: self.file.path.clone(),
                detail: "its write-ahead log was overwritten".to_owned(),
            }),
            // It is as short as a log can be.
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Err(StoreError::io("read", &self.file.path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes a hook wait for the write lock until so long from now, and for no wait shorter than hooks do. A beginning or an end
    /// of a session that is not heard makes the bridge take the events after it for another session's, and no later event
    /// tells of it again.
    pub fn wait_longer(&mut self, patience: Duration) -> Result<(), StoreError> {
        UNTIL.set(Some(Instant::now() + patience));
        Ok(self.db.busy_handler(Some(busy_beginning))?)
    }

    /// Waits for the write lock as this role does, after somebody had it not wait at all.
    pub(crate) fn be_patient(&mut self) -> Result<(), StoreError> {
        set_patience(&mut self.db, self.role)
    }

    /// Reads the whole file and names what is wrong with it; empty when all is well.
    pub fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.db.prepare("PRAGMA integrity_check(20)")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

/// A damaged file means the defaults; `doctor` says so.
fn read_limits(home: &Home) -> Limits {
    fs::read(home.settings()).map(|bytes| Settings::parse_or_default(&bytes).limits).unwrap_or_default()
}

impl FileKey {
    fn of(path: &Path) -> Result<Self, StoreError> {
        let meta = fs::metadata(path).map_err(StoreError::io("look at", path))?;
        Ok(Self { path: path.to_owned(), device: meta.dev(), inode: meta.ino() })
    }
}

/// Opens a database file, and makes it where there is none. One of a newer format is opened for reading only.
pub(crate) fn open_file(path: &Path, role: Role) -> Result<(FileKey, Connection), StoreError> {
    // Not opened where it exists: closing it would end the locks that this process may hold there already.
    if !path.exists() {
        let created = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        created.map_err(StoreError::io("open", path))?;
    }
    let opened = connect(path, role).and_then(|db| Ok((FileKey::of(path)?, db)));
    opened.map_err(|error| with_path(error, path))
}

/// A database that the pointer names was complete once: an empty file, or none, is not a new store.
fn expect_content(path: &Path) -> Result<(), StoreError> {
    let detail = match fs::metadata(path) {
        Ok(meta) if meta.len() > 0 => return Ok(()),
        Ok(_) => "the file is empty",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "the file is gone",
        Err(error) => return Err(StoreError::io("look at", path)(error)),
    };
    Err(StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() })
}

fn connect(path: &Path, role: Role) -> Result<Connection, StoreError> {
    let mut db = connection(path, role, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match schema::format(&db)? {
        0 => {
            // It counts only as long as the file is empty. Collection gives pages back in small pieces.
            db.pragma_update(None, "auto_vacuum", "incremental")?;
            db.pragma_update(None, "journal_mode", "wal")?;
            schema::create(&mut db)?;
        }
        format if format > schema::FORMAT => {
            return connection(path, role, OpenFlags::SQLITE_OPEN_READ_ONLY);
        }
        _ => {}
    }
    // A commit is not flushed under the write lock: `Store::write` does that after it. The log's header and
    // checkpoints are, by SQLite, with NORMAL.
    match role {
        Role::Hook => db.execute_batch("PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;")?,
        Role::Server | Role::Cli => db.execute_batch(&format!(
            "PRAGMA synchronous=NORMAL; PRAGMA fullfsync=ON; PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES};"
        ))?,
    }
    Ok(db)
}

fn connection(path: &Path, role: Role, access: OpenFlags) -> Result<Connection, StoreError> {
    let mut db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    set_patience(&mut db, role)?;
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    if role == Role::Hook {
        db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    Ok(db)
}

/// How long a connection waits for the write lock.
fn set_patience(db: &mut Connection, role: Role) -> Result<(), StoreError> {
    db.busy_handler(Some(match role {
        Role::Hook => busy_hook,
        Role::Server | Role::Cli => busy_patient,
    }))?;
    Ok(())
}

/// How long a hook waits for the write lock.
const HOOK_PATIENCE: Duration = Duration::from_millis(50);
/// How long others do: less than ten seconds, on which [`crate::database::salvage::WRITERS_DEADLINE`] builds.
const PATIENCE: Duration = Duration::from_secs(9);
/// How often the lock is looked at, however long that takes.
const LEAST_TRIES: i32 = 4;
/// The longest nap between two looks at the lock.
const LONGEST_NAP: Duration = Duration::from_millis(10);

fn busy_hook(tries: i32) -> bool {
    wait(tries, HOOK_PATIENCE)
}

fn busy_beginning(tries: i32) -> bool {
    let early = UNTIL.get().is_some_and(|until| Instant::now() < until);
    wait(tries, if early { Duration::MAX } else { HOOK_PATIENCE })
}

fn busy_patient(tries: i32) -> bool {
    wait(tries, PATIENCE)
}

thread_local! {
    /// When this thread began to wait.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Until when this thread's hook waits, where it has to be heard.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// One nap, or the end of the wait. A nap is about an eighth of the time waited so far, instead of the library's steps to 100 ms: who
/// came in a moment ago looks again in a moment, and hundreds who have waited long leave the lock's holder its time. Time ends the
/// wait, not tries: on a machine that is busy a nap can take many times what was asked for. Only a few tries are made in any case, as
/// the one nap that took all the time says nothing of the lock.
fn wait(tries: i32, patience: Duration) -> bool {
    let since = match (tries, SINCE.get()) {
        (1.., Some(since)) => since,
        _ => Instant::now(),
    };
    SINCE.set(Some(since));
    let waited = since.elapsed();
    if waited >= patience && tries >= LEAST_TRIES {
        return false;
    }
    // Different for each try and process, so that two who meet part again.
    let spread = (tries.unsigned_abs().wrapping_mul(197) ^ std::process::id()) % 64;
    let nap = Duration::from_micros(50) + waited / 8;
    std::thread::sleep(nap.min(LONGEST_NAP) * (32 + spread) / 64);
    true
}

/// Errors of the library do not know their file.
fn with_path(error: StoreError, at: &Path) -> StoreError {
    match error {
        StoreError::Damaged { detail, .. } => StoreError::Damaged { path: at.to_owned(), detail },
        StoreError::Full { .. } => StoreError::Full { path: at.to_owned() },
        StoreError::Database(error) if crate::error::lacks_room_to_share(&error) && is_full(at) => {
            StoreError::Full { path: at.to_owned() }
        }
        other => other,
    }
}

/// Whether the disk of a file has no room for what readers and writers share.
fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < SHARED_BYTES)
}

/// The home is the user's alone; a looser mode is tightened when found.
fn tighten(root: &Path) -> Result<(), StoreError> {
    let meta = fs::metadata(root).map_err(StoreError::io("look at", root))?;
    if meta.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))
            .map_err(StoreError::io("tighten", root))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::sessions::session::Arrival;
    use crate::sessions::wanted::Wanted;

    fn arrival(native: &str) -> Arrival<'_> {
        Arrival {
            provider: "p",
            short: "p",
            native,
            host: None,
            one_per_process: false,
            cwd: None,
            start: None,
            claimed: None,
            wanted: Wanted::default(),
        }
    }

    /// What is flushed is the file that is written to, whoever comes and goes and however often the log begins anew.
    #[test]
    fn the_flushed_log_stays_the_one_that_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let mut store = Store::open(&home, Role::Server).unwrap();
        store.arrive(&arrival("first")).unwrap();
        let flushed = store.wal.as_ref().unwrap().metadata().unwrap().ino();
        for n in 0..3 {
            let mut other = Store::open(&home, Role::Cli).unwrap();
            other.arrive(&arrival(&format!("other-{n}"))).unwrap();
            other.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            drop(other);
            store.arrive(&arrival(&format!("mine-{n}"))).unwrap();
        }
        let log = dir.path().join("store/bridge-1.db-wal");
        assert_eq!(fs::metadata(log).unwrap().ino(), flushed);
        assert!(!store.unflushed);
    }

    #[test]
    fn a_hook_that_has_to_be_heard_waits_as_long_as_it_has_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let mut hook = Store::open(&home, Role::Hook).unwrap();
        let other = Store::open(&home, Role::Cli).unwrap();
        other.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        hook.wait_longer(Duration::ZERO).unwrap();
        assert!(matches!(hook.arrive(&arrival("a")), Err(StoreError::Busy)));
        hook.wait_longer(Duration::from_secs(60)).unwrap();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(2 * HOOK_PATIENCE);
            other.db.execute_batch("COMMIT").unwrap();
        });
        hook.arrive(&arrival("a")).unwrap();
        writer.join().unwrap();
    }

    /// What failed or never came to its end has left everything to do, and nobody would look without a bell.
    #[test]
    fn a_bell_is_taken_away_only_after_the_commit() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&Home::at(dir.path()), Role::Cli).unwrap();
        let session = store.arrive(&arrival("first")).unwrap().id;
        let (run, folder) = (store.run.clone(), store.run.session(session));
        let owe = |tx: &Transaction<'_>, owed: Option<&str>| {
            tx.execute("UPDATE session SET owes = ?1", [owed])?;
            attempt::settle_bell(tx, &run, session)
        };
        store.write(|tx| owe(tx, Some("resumed"))).unwrap();
        assert!(folder.bell_stands());
        let failed = store.write(|tx| {
            owe(tx, None)?;
            assert!(folder.bell_stands(), "it is not committed yet");
            Err::<(), _>(StoreError::Busy)
        });
        assert!(failed.is_err() && folder.bell_stands());
        store.write(|_| Ok(())).unwrap();
        assert!(folder.bell_stands(), "what failed is not made good by the next");
        store.write(|tx| owe(tx, None)).unwrap();
        assert!(!folder.bell_stands());
    }

    #[test]
    fn a_store_that_was_opened_for_reading_only_is_written_once_it_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&Home::at(dir.path()), Role::Server).unwrap();
        // Permissions do not bind the superuser.
        store.db = connection(store.path(), Role::Server, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        assert_eq!(store.arrive(&arrival("first")).unwrap_err().code(), "store_failed");
        assert!(!store.refresh().unwrap(), "it is the same file");
        store.arrive(&arrival("first")).unwrap();
    }

    #[test]
    fn a_hook_leaves_its_commits_to_the_next_flush() {
        let dir = tempfile::tempdir().unwrap();
        let mut hook = Store::open(&Home::at(dir.path()), Role::Hook).unwrap();
        hook.arrive(&arrival("first")).unwrap();
        assert!(hook.unflushed && hook.wal.is_none());
        hook.make_durable().unwrap();
        assert!(!hook.unflushed);
    }
}
