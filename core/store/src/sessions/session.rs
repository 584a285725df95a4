//! Sessions: one row each, found by the host's own ids, kept through `/clear` and resume.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use session_bridge_core::address::Candidate;
use session_bridge_core::event::Start;
use session_bridge_core::id::SessionId;
use session_bridge_core::name::Name;
use session_bridge_core::process::{self, ProcessKey};

use crate::clock::Reading;
use crate::database::open::Store;
use crate::database::schema::UNREAD;
use crate::delivery::attempt;
use crate::error::StoreError;
use crate::row::parsed;
use crate::run::{Activity, RunFolders};
use crate::sending::notice;
use crate::sessions::claimed;
use crate::sessions::end::{bury, end, gone, leave_open};
use crate::sessions::pause::Pause;
use crate::sessions::wanted::Wanted;

/// One running conversation of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its bridge id.
    pub id: SessionId,
    /// Its provider's id.
    pub provider: String,
    /// The host's own id for the present conversation.
    pub native: String,
    /// The process that hosts it.
    pub host: Option<ProcessKey>,
    /// Its room.
    pub room: String,
    /// Its label, unique among the live sessions of its room.
    pub label: String,
    /// What else it answers to.
    pub roles: Vec<String>,
    /// Its folder.
    pub cwd: String,
    /// Its repository's name.
    pub repo: Option<String>,
    /// What it says it is doing.
    pub summary: Option<String>,
    /// Counts stretches of context: `/clear` begins a new one.
    pub conversation: i64,
    /// Whether this conversation was told how to take peer text.
    pub guarded: bool,
    /// How its conversation began, if it was paused then and the text for a beginning is still to be said.
    pub owes: Option<Start>,
    /// When it was first seen.
    pub started: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// Why it ended.
    pub end_reason: Option<String>,
}

/// What an event or call says about its session when it arrives.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// A short word for made-up labels.
    pub short: &'a str,
    /// The host's own session or thread id.
    pub native: &'a str,
    /// The process that hosts it.
    pub host: Option<ProcessKey>,
    /// Whether a process hosts one conversation at a time, so that hook and server find each other by it.
    pub one_per_process: bool,
    /// The session's folder.
    pub cwd: Option<&'a Path>,
    /// For a session start: why.
    pub start: Option<Start>,
    /// The bridge id that the environment asks for. It counts for nothing where a process serves several sessions.
    pub claimed: Option<SessionId>,
    /// What a new session starts with.
    pub wanted: Wanted,
}

/// Whether a session can be expected to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// In a turn.
    Busy,
    /// Waiting for its user.
    Idle,
    /// No sign of life for ten minutes, and no server of it lives.
    Offline,
    /// Ended; reached by id, when it is resumed.
    Ended,
}

impl Presence {
    /// The word on every surface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Offline => "offline",
            Self::Ended => "ended",
        }
    }
}

/// A session with what the run folder knows.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The row.
    pub session: Session,
    /// Whether it can be expected to hear.
    pub presence: Presence,
    /// When it was last seen, in milliseconds since 1970.
    pub seen: i64,
    /// Messages whose body has not reached it.
    pub unread: u32,
    /// What pauses it.
    pub paused: Option<Pause>,
}

pub(crate) const COLUMNS: &str = "id, provider, native, host_pid, host_start, room, label, roles, cwd, repo, \
     summary, conversation, guarded, started, ended, end_reason, owes";

impl Session {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let pid: Option<u32> = row.get(3)?;
        let start: Option<i64> = row.get(4)?;
        let roles: String = row.get(7)?;
        Ok(Self {
            id: parsed(row, 0)?,
            provider: row.get(1)?,
            native: row.get(2)?,
            host: pid.zip(start).map(|(pid, start)| ProcessKey { pid, start: start.cast_unsigned() }),
            room: row.get(5)?,
            label: row.get(6)?,
            roles: roles.split_ascii_whitespace().map(str::to_owned).collect(),
            cwd: row.get(8)?,
            repo: row.get(9)?,
            summary: row.get(10)?,
            conversation: row.get(11)?,
            guarded: row.get(12)?,
            started: row.get(13)?,
            ended: row.get(14)?,
            end_reason: row.get(15)?,
            owes: row.get::<_, Option<String>>(16)?.map(|word| Start::from_word(&word)),
        })
    }

    /// Whether an arrival says nothing new, so that there is nothing to write.
    fn is_as(&self, a: &Arrival<'_>) -> bool {
        a.start.is_none()
            && self.ended.is_none()
            && self.native == a.native
            && (a.host.is_none() || self.host == a.host)
            && a.cwd.is_none_or(|cwd| cwd.to_string_lossy() == self.cwd)
    }

    /// As the resolver of addresses needs it.
    pub fn candidate(&self, seen: i64) -> Candidate {
        Candidate {
            id: self.id,
            label: self.label.clone(),
            roles: self.roles.clone(),
            cwd: self.cwd.clone(),
            repo: self.repo.clone(),
            ended: self.ended.is_some(),
            seen,
        }
    }
}

impl Store {
    /// Finds or makes the session that an event or call belongs to: one upsert on provider and native id, from
    /// whichever comes first. Returns the row as it now stands.
    pub fn arrive(&mut self, arrival: &Arrival<'_>) -> Result<Session, StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        let known = by_native(&self.db, arrival.provider, arrival.native)?;
        let session = match known.filter(|session| session.is_as(arrival)) {
            Some(session) => session,
            None => self.write(|tx| {
                let session = arrive(tx, &run, arrival, &clocks)?;
                claimed::note(tx, arrival, session.id)?;
                Ok(session)
            })?,
        };
        self.run.bind(arrival.provider, arrival.native, session.id)?;
        Ok(session)
    }

    /// The live session of a process that hosts one at a time.
    pub fn hosted_by(&self, provider: &str, host: ProcessKey) -> Result<Option<Session>, StoreError> {
        let mut found = hosted(&self.db, provider, host)?;
        // More than one live conversation: the process names none of them.
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// The session that a host's own id belongs to, now or before a `/clear`.
    pub fn named_by(&self, provider: &str, native: &str) -> Result<Option<Session>, StoreError> {
        by_native(&self.db, provider, native)
    }

    /// One session by id.
    pub fn session(&self, id: SessionId) -> Result<Session, StoreError> {
        by_id(&self.db, id)?.ok_or(StoreError::NoSession(id))
    }

    /// Says what a session is doing; shown in lists.
    pub fn set_summary(&mut self, id: SessionId, summary: Option<&str>) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE session SET summary = ?2 WHERE id = ?1", params![id.to_string(), summary])?;
            Ok(())
        })
    }

    /// Notes that a session's present conversation was told how to take peer text.
    pub fn set_guarded(&mut self, id: SessionId) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE session SET guarded = 1 WHERE id = ?1", [id.to_string()])?;
            Ok(())
        })
    }

    /// The sessions of a room, or of all rooms, live ones first, the last seen first among them. Sessions whose
    /// process is gone are noted as ended on the way.
    pub fn sessions(&mut self, room: Option<&str>, with_ended: bool) -> Result<Vec<SessionView>, StoreError> {
        self.reap()?;
        let filter = if with_ended { "" } else { "AND ended IS NULL" };
        let sql = format!("SELECT {COLUMNS} FROM session WHERE (?1 IS NULL OR room = ?1) {filter}");
        let mut statement = self.db.prepare(&sql)?;
        let rows = statement.query_map([room], Session::read)?.collect::<Result<Vec<_>, _>>()?;
        drop(statement);
        let mut views = rows.into_iter().map(|row| self.view(row)).collect::<Result<Vec<_>, _>>()?;
        views.sort_by_key(|v| (v.presence == Presence::Ended, std::cmp::Reverse(v.seen), v.session.id));
        Ok(views)
    }

    /// The sessions of a room as addresses are resolved among them, ended ones included.
    pub fn candidates(&mut self, room: &str) -> Result<Vec<Candidate>, StoreError> {
        self.reap()?;
        let sql = format!("SELECT {COLUMNS} FROM session WHERE room = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map([room], Session::read)?;
        rows.map(|row| row.map(|session| session.candidate(self.seen(&session))).map_err(Into::into))
            .collect()
    }

    /// One session with what the run folder knows.
    pub fn view(&self, session: Session) -> Result<SessionView, StoreError> {
        let (presence, seen) = (self.presence(&session), self.seen(&session));
        let sql = format!(
            "SELECT count(*) FROM delivery INDEXED BY delivery_unread WHERE session = ?1 AND {UNREAD}"
        );
        let unread = self.db.prepare_cached(&sql)?.query_row([session.id.to_string()], |row| row.get(0))?;
        let paused = self.paused(&session);
        Ok(SessionView { session, presence, seen, unread, paused })
    }

    /// Whether a session can be expected to hear.
    pub fn presence(&self, session: &Session) -> Presence {
        let folder = self.run.session(session.id);
        let quiet = self.now() - self.seen(session) > i64::from(self.limits().offline_after_s) * 1000;
        match folder.live() {
            _ if session.ended.is_some() => Presence::Ended,
            _ if quiet && !folder.any_server_lives() => Presence::Offline,
            Some(live) if live.activity == Activity::Busy => Presence::Busy,
            _ => Presence::Idle,
        }
    }

    /// When a session gave its last sign of life, in milliseconds since 1970.
    fn seen(&self, session: &Session) -> i64 {
        self.run.session(session.id).last_seen().unwrap_or(session.started).max(session.started)
    }
}

pub(crate) fn by_id(db: &Connection, id: SessionId) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM session WHERE id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id.to_string()], Session::read).optional()?)
}

/// A session's label; its id if it is not known.
pub(crate) fn label(db: &Connection, id: SessionId) -> Result<String, StoreError> {
    Ok(by_id(db, id)?.map_or_else(|| id.to_string(), |session| session.label))
}

fn hosted(db: &Connection, provider: &str, host: ProcessKey) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session WHERE ended IS NULL AND provider = ?1 AND host_pid = ?2 AND host_start = ?3"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![provider, host.pid, host.start.cast_signed()], Session::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn arrive(
    tx: &Transaction<'_>,
    run: &RunFolders,
    a: &Arrival<'_>,
    clocks: &Reading,
) -> Result<Session, StoreError> {
    let known = match by_native(tx, a.provider, a.native)? {
        Some(session) => Some(session),
        None => predecessor(tx, a)?,
    };
    let Some(session) = known else { return create(tx, run, a, clocks) };

    let same_host = a.host.is_none() || session.host.is_none() || session.host == a.host;
    let new_context = a.start == Some(Start::Cleared) && session.native != a.native;
    if new_context || !same_host {
        leave_open(tx, run, session.id, clocks)?;
    }
    let forgets = matches!(a.start, Some(Start::Cleared | Start::Compacted | Start::Forked));
    if forgets {
        attempt::forget_guards(tx, session.id)?;
    }
    let host = a.host.or(session.host);
    tx.execute(
        "UPDATE session SET native = ?2, host_pid = ?3, host_start = ?4, conversation = conversation + ?5,
                guarded = guarded AND NOT ?6,
                cwd = coalesce(?7, cwd), repo = coalesce(?8, repo), ended = NULL, end_reason = NULL
         WHERE id = ?1",
        params![
            session.id.to_string(),
            a.native,
            host.map(|h| h.pid),
            host.map(|h| h.start.cast_signed()),
            new_context,
            forgets,
            a.cwd.map(|p| p.to_string_lossy()),
            a.cwd.and_then(repo_of),
        ],
    )?;
    note_alias(tx, a, session.id)?;
    if session.ended.is_some() {
        let base: Name = session.label.parse().unwrap_or_else(|_| Name::slug(a.short, "session"));
        let label = free_label(tx, run, &session.room, &base, session.id, clocks)?;
        tx.execute(
            "UPDATE session SET label = ?2 WHERE id = ?1",
            params![session.id.to_string(), label.as_str()],
        )?;
    }
    leave_others(tx, run, a, session.id, clocks)?;
    run.session(session.id).create()?;
    attempt::settle_bell(tx, run, session.id)?;
    by_id(tx, session.id)?.ok_or(StoreError::NoSession(session.id))
}

fn by_native(tx: &Connection, provider: &str, native: &str) -> Result<Option<Session>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session
         WHERE id = (SELECT session FROM alias WHERE provider = ?1 AND native = ?2)"
    );
    Ok(tx.prepare_cached(&sql)?.query_row([provider, native], Session::read).optional()?)
}

/// The session that goes on under a new native id: the one that this process hosted before `/clear`, or the one that
/// the environment claims and nobody alive holds.
fn predecessor(tx: &Transaction<'_>, a: &Arrival<'_>) -> Result<Option<Session>, StoreError> {
    if let (true, Some(Start::Cleared), Some(host)) = (a.one_per_process, a.start, a.host) {
        let mut found = hosted(tx, a.provider, host)?;
        if found.len() == 1 {
            return Ok(found.pop());
        }
    }
    let Some(claimed) = claimed::claim(a) else { return Ok(None) };
    let Some(session) = by_id(tx, claimed)? else { return Ok(None) };
    let free = session.ended.is_some() || session.host.is_some_and(|host| !process::is_alive(host));
    Ok((free && session.provider == a.provider).then_some(session))
}

fn create(
    tx: &Transaction<'_>,
    run: &RunFolders,
    a: &Arrival<'_>,
    clocks: &Reading,
) -> Result<Session, StoreError> {
    let unclaimed = claimed::claim(a)
        .map(|id| Ok::<_, StoreError>(by_id(tx, id)?.is_none().then_some(id)))
        .transpose()?;
    // A session of a store that was lost or set aside keeps its id, its run folder and its bell.
    let known = run.bound(a.provider, a.native);
    let known = known.map(|id| Ok::<_, StoreError>(by_id(tx, id)?.is_none().then_some(id))).transpose()?;
    let id = unclaimed.flatten().or(known.flatten()).unwrap_or_else(SessionId::generate);
    let room = a.wanted.room.clone().unwrap_or_else(Name::default_room);
    let folder =
        a.cwd.and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let base = match &a.wanted.label {
        Some(label) => label.clone(),
        None => Name::slug(&format!("{}-{folder}", a.short), a.short),
    };
    let label = free_label(tx, run, room.as_str(), &base, id, clocks)?;
    let roles: Vec<&str> = a.wanted.roles.iter().map(Name::as_str).collect();
    tx.execute(
        "INSERT INTO session (id, provider, native, host_pid, host_start, room, label, roles, cwd, repo, started)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            id.to_string(),
            a.provider,
            a.native,
            a.host.map(|h| h.pid),
            a.host.map(|h| h.start.cast_signed()),
            room.as_str(),
            label.as_str(),
            roles.join(" "),
            a.cwd.map(|p| p.to_string_lossy()).unwrap_or_default(),
            a.cwd.and_then(repo_of),
            clocks.wall
        ],
    )?;
    note_alias(tx, a, id)?;
    leave_others(tx, run, a, id, clocks)?;
    run.session(id).create()?;
    by_id(tx, id)?.ok_or(StoreError::NoSession(id))
}

fn note_alias(tx: &Transaction<'_>, a: &Arrival<'_>, id: SessionId) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO alias (provider, native, session) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET session = excluded.session",
        params![a.provider, a.native, id.to_string()],
    )?;
    Ok(())
}

/// A process that hosts one conversation at a time has left its former one.
fn leave_others(
    tx: &Transaction<'_>,
    run: &RunFolders,
    a: &Arrival<'_>,
    stays: SessionId,
    clocks: &Reading,
) -> Result<(), StoreError> {
    let (true, Some(host)) = (a.one_per_process, a.host) else { return Ok(()) };
    for other in hosted(tx, a.provider, host)? {
        if other.id != stays {
            end(tx, run, other.id, "its window went on with another session", clocks)?;
        }
    }
    Ok(())
}

/// The first of `base`, `base-2`, `base-3`, … that no live session of the room has, nor one that looks like it. The
/// name under which the bridge itself speaks is nobody's.
pub(crate) fn free_label(
    tx: &Transaction<'_>,
    run: &RunFolders,
    room: &str,
    base: &Name,
    me: SessionId,
    clocks: &Reading,
) -> Result<Name, StoreError> {
    let taken = |tx: &Transaction<'_>| -> Result<Vec<String>, StoreError> {
        let mut statement =
            tx.prepare("SELECT label FROM session WHERE room = ?1 AND ended IS NULL AND id <> ?2")?;
        let rows = statement.query_map(params![room, me.to_string()], |row| row.get(0))?;
        let bridge = std::iter::once(Ok(notice::NAME.to_owned()));
        Ok(rows.chain(bridge).collect::<Result<_, _>>()?)
    };
    let mut labels = taken(tx)?;
    if labels.iter().any(|label| base.looks_like(label)) {
        bury(tx, run, &gone(tx, Some(room))?, clocks)?;
        labels = taken(tx)?;
    }
    let mut n = 1;
    while labels.iter().any(|label| base.numbered(n).looks_like(label)) {
        n += 1;
    }
    Ok(base.numbered(n))
}

/// The repository's name: of a worktree, that of the main one.
fn repo_of(cwd: &Path) -> Option<String> {
    for folder in cwd.ancestors() {
        let git = folder.join(".git");
        if git.is_dir() {
            return folder.file_name().map(|n| n.to_string_lossy().into_owned());
        }
        if let Ok(text) = std::fs::read_to_string(&git) {
            // `gitdir: /path/of/main/.git/worktrees/name`
            let gitdir = PathBuf::from(text.strip_prefix("gitdir:")?.trim());
            let main = gitdir.ancestors().find(|p| p.file_name().is_some_and(|n| n == ".git"))?.parent()?;
            return main.file_name().map(|n| n.to_string_lossy().into_owned());
        }
    }
    None
}
