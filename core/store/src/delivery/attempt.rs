//! Attempts: one try to put bodies, headers or references on one surface, and how it ends.

use rusqlite::{Connection, Row, Transaction, params};
use session_bridge_core::id::{AttemptId, SessionId};

use crate::database::schema::HOT;
use crate::error::StoreError;
use crate::row::{State, parsed};
use crate::run::{Note, RunFolder, RunFolders};

/// How far an attempt got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Committed; nothing is known of its output.
    Open,
    /// Its whole output left our process in time.
    Written,
    /// The host took it.
    Injected,
    /// Nothing more can be proven.
    Done,
}

/// What of a message an attempt carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The whole body.
    Body,
    /// One line that announces a body too large for the surface.
    Header,
    /// One line that says a body may already stand above.
    Reference,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Header => "header",
            Self::Reference => "reference",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "header" => Self::Header,
            "reference" => Self::Reference,
            _ => Self::Body,
        }
    }
}

/// An attempt that can still change something.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) id: AttemptId,
    pub(crate) session: SessionId,
    pub(crate) conversation: i64,
    pub(crate) turn: Option<String>,
    pub(crate) surface: String,
    pub(crate) event: String,
    pub(crate) call: Option<String>,
    pub(crate) server: Option<String>,
    /// It also tells its conversation how to take peer text.
    guards: bool,
    pub(crate) status: Status,
}

/// What a new attempt is made of.
pub(crate) struct NewAttempt<'a> {
    pub(crate) session: SessionId,
    pub(crate) conversation: i64,
    pub(crate) turn: Option<&'a str>,
    pub(crate) surface: &'a str,
    pub(crate) event: &'a str,
    pub(crate) call: Option<&'a str>,
    pub(crate) server: Option<&'a str>,
    pub(crate) guards: bool,
    /// No event of the host proves that it arrived; a call that names what it holds does.
    pub(crate) by_name: bool,
    pub(crate) items: &'a [(i64, Part)],
}

const COLUMNS: &str = "id, session, conversation, turn, surface, event, call, server, guards, status";

impl Attempt {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let status: String = row.get(9)?;
        Ok(Self {
            id: parsed(row, 0)?,
            session: parsed(row, 1)?,
            conversation: row.get(2)?,
            turn: row.get(3)?,
            surface: row.get(4)?,
            event: row.get(5)?,
            call: row.get(6)?,
            server: row.get(7)?,
            guards: row.get(8)?,
            status: match status.as_str() {
                "written" => Status::Written,
                "injected" => Status::Injected,
                _ => Status::Open,
            },
        })
    }
}

/// Records an attempt: from here on its deliveries belong to it.
pub(crate) fn open(tx: &Transaction<'_>, new: &NewAttempt<'_>, now: i64) -> Result<AttemptId, StoreError> {
    let id = AttemptId::generate();
    let session = new.session.to_string();
    tx.execute(
        "INSERT INTO attempt (id, session, conversation, turn, surface, event, call, server, guards, by_name, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            id.to_string(),
            session,
            new.conversation,
            new.turn,
            new.surface,
            new.event,
            new.call,
            new.server,
            new.guards,
            new.by_name,
            now
        ],
    )?;
    for (seq, part) in new.items {
        tx.execute(
            "INSERT INTO item (attempt, seq, part) VALUES (?1, ?2, ?3)",
            params![id.to_string(), seq, part.word()],
        )?;
        tx.execute(
            "UPDATE delivery SET attempt = ?3 WHERE session = ?1 AND seq = ?2",
            params![session, seq, id.to_string()],
        )?;
    }
    Ok(id)
}

/// A session's attempts that can still change something, oldest first.
pub(crate) fn alive(db: &Connection, session: SessionId) -> Result<Vec<Attempt>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attempt
         WHERE session = ?1 AND status IN ('open', 'written', 'injected') ORDER BY created, id"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([session.to_string()], Attempt::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One attempt that can still change something.
pub(crate) fn find(db: &Connection, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
    use rusqlite::OptionalExtension;
    let sql =
        format!("SELECT {COLUMNS} FROM attempt WHERE id = ?1 AND status IN ('open', 'written', 'injected')");
    Ok(db.query_row(&sql, [id.to_string()], Attempt::read).optional()?)
}

/// How often a turn was already made to go on. What put out nothing does not count.
pub(crate) fn continuations(db: &Connection, session: SessionId, turn: &str) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) FROM attempt
               WHERE session = ?1 AND turn = ?2 AND surface = 'turn-end' AND status <> 'void'";
    Ok(db.prepare_cached(sql)?.query_row(params![session.to_string(), turn], |row| row.get(0))?)
}

fn items(tx: &Transaction<'_>, attempt: &Attempt) -> Result<Vec<(i64, Part)>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT seq, part FROM item WHERE attempt = ?1 ORDER BY seq")?;
    let rows = statement.query_map([attempt.id.to_string()], |row| {
        Ok((row.get(0)?, Part::from_word(&row.get::<_, String>(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn set_status(tx: &Transaction<'_>, attempt: &Attempt, status: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE attempt SET status = ?2 WHERE id = ?1", params![attempt.id.to_string(), status])?;
    Ok(())
}

/// Moves a delivery's state forward and keeps the step; a state that is already further on stays.
pub(crate) fn advance(
    tx: &Transaction<'_>,
    session: SessionId,
    seq: i64,
    to: State,
    surface: Option<&str>,
    evidence: Option<&str>,
    now: i64,
) -> Result<bool, StoreError> {
    let before = match to {
        State::Offered => "'stored'",
        State::Seen => "'stored', 'offered', 'injected'",
        State::Answered => "'stored', 'offered', 'injected', 'seen', 'expired', 'answered'",
        State::Declined => "'stored', 'offered', 'injected', 'seen'",
        State::Injected | State::Expired | State::Failed => "'stored', 'offered'",
        State::Stored => return Ok(false),
    };
    let sql =
        format!("UPDATE delivery SET state = ?3 WHERE session = ?1 AND seq = ?2 AND state IN ({before})");
    let moved = tx.execute(&sql, params![session.to_string(), seq, to.as_str()])? > 0;
    if moved {
        tx.execute(
            "INSERT INTO step (session, seq, state, at, surface, evidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![session.to_string(), seq, to.as_str(), now, surface, evidence],
        )?;
    }
    Ok(moved)
}

fn update(tx: &Transaction<'_>, attempt: &Attempt, seq: i64, set: &str) -> Result<(), StoreError> {
    let sql = format!("UPDATE delivery SET {set} WHERE session = ?1 AND seq = ?2 AND attempt = ?3");
    tx.execute(&sql, params![attempt.session.to_string(), seq, attempt.id.to_string()])?;
    Ok(())
}

/// The whole output left our process in time.
pub(crate) fn written(tx: &Transaction<'_>, attempt: &Attempt, now: i64) -> Result<(), StoreError> {
    if attempt.status != Status::Open {
        return Ok(());
    }
    guard(tx, attempt, true)?;
    let items = items(tx, attempt)?;
    // A text without messages has nothing more to prove.
    set_status(tx, attempt, if items.is_empty() { "done" } else { "written" })?;
    for (seq, part) in items {
        if part == Part::Body {
            let evidence = Some("written whole and in time");
            advance(tx, attempt.session, seq, State::Offered, Some(&attempt.surface), evidence, now)?;
        }
        // Why a body waited is of no use to its sender any more.
        let shown = if part == Part::Body { "shown = 2, remark = NULL" } else { "shown = max(shown, 1)" };
        update(tx, attempt, seq, shown)?;
    }
    Ok(())
}

/// The attempt provably put out nothing: everything is as before.
pub(crate) fn void(tx: &Transaction<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    if attempt.status != Status::Open {
        return Ok(());
    }
    set_status(tx, attempt, "void")?;
    for (seq, _) in items(tx, attempt)? {
        update(tx, attempt, seq, "attempt = NULL")?;
    }
    Ok(())
}

/// An announcement that is in doubt for the second time was said twice: it parks the delivery as a confirmed one does. Some hosts
/// confirm nothing, and would be told of one large body for ever.
const ANNOUNCED: &str = "attempt = NULL, announced = 1, parked = max(parked, announced)";

/// A body of which nobody can tell whether it arrived. One that something else proved meanwhile, as a call that names it, is
/// not in doubt; and of one that its model said it dealt with, no line tells it anything.
pub(crate) const IN_DOUBT: &str = "attempt = NULL, shown = 2,
     doubt = CASE WHEN state IN ('stored', 'offered') THEN max(doubt, iif(marked IS NULL, 1, 2)) ELSE doubt END,
     parked = CASE WHEN state IN ('stored', 'offered') THEN 1 ELSE parked END";

/// Nobody can tell whether it arrived: bodies are referred to once, not repeated.
pub(crate) fn unknown(tx: &Transaction<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    set_status(tx, attempt, "unknown")?;
    guard(tx, attempt, false)?;
    for (seq, part) in items(tx, attempt)? {
        let set = match part {
            Part::Body => IN_DOUBT,
            Part::Header => ANNOUNCED,
            Part::Reference => "attempt = NULL, doubt = 2",
        };
        update(tx, attempt, seq, set)?;
    }
    Ok(())
}

/// Whether the attempt's conversation was told how to take peer text, if it was this attempt that told it.
fn guard(tx: &Transaction<'_>, attempt: &Attempt, said: bool) -> Result<(), StoreError> {
    if attempt.guards {
        tx.execute(
            // Results of tools say the guard, but not who the reader is.
            "UPDATE session SET guarded = ?3, owes = CASE WHEN ?3 AND ?4 THEN NULL ELSE owes END
             WHERE id = ?1 AND conversation = ?2",
            params![attempt.session.to_string(), attempt.conversation, said, attempt.server.is_none()],
        )?;
    }
    Ok(())
}

/// What was said before is no longer in the session's context: no earlier attempt tells it anything.
pub(crate) fn forget_guards(tx: &Transaction<'_>, session: SessionId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE attempt INDEXED BY attempt_guards SET guards = 0 WHERE session = ?1 AND guards = 1",
        [session.to_string()],
    )?;
    Ok(())
}

/// An event that names the attempt's own call says which turn it belongs to.
pub(crate) fn set_turn(
    tx: &Transaction<'_>,
    attempt: &Attempt,
    turn: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute("UPDATE attempt SET turn = ?2 WHERE id = ?1", params![attempt.id.to_string(), turn])?;
    Ok(())
}

/// A later event proves that the host took it.
pub(crate) fn injected(
    tx: &Transaction<'_>,
    attempt: &Attempt,
    evidence: &str,
    now: i64,
) -> Result<(), StoreError> {
    set_status(tx, attempt, "injected")?;
    for (seq, part) in items(tx, attempt)? {
        match part {
            Part::Body => {
                let surface = Some(attempt.surface.as_str());
                advance(tx, attempt.session, seq, State::Injected, surface, Some(evidence), now)?;
                update(tx, attempt, seq, "doubt = 0, parked = 0")?;
            }
            Part::Header => update(tx, attempt, seq, "attempt = NULL, parked = 1")?,
            Part::Reference => update(tx, attempt, seq, "attempt = NULL, doubt = 2")?,
        }
    }
    Ok(())
}

/// Model output that could only follow the injection.
pub(crate) fn seen(
    tx: &Transaction<'_>,
    attempt: &Attempt,
    evidence: &str,
    now: i64,
) -> Result<(), StoreError> {
    for (seq, part) in items(tx, attempt)? {
        if part == Part::Body {
            advance(tx, attempt.session, seq, State::Seen, Some(&attempt.surface), Some(evidence), now)?;
        }
    }
    close(tx, attempt)
}

/// Nothing more can be proven; what was proven stays.
pub(crate) fn close(tx: &Transaction<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    set_status(tx, attempt, "done")?;
    for (seq, _) in items(tx, attempt)? {
        update(tx, attempt, seq, "attempt = NULL")?;
    }
    Ok(())
}

/// A conversation was cleared or its process ended: what is under way can no longer be proven.
pub(crate) fn doubt_open(tx: &Transaction<'_>, session: SessionId) -> Result<(), StoreError> {
    for attempt in alive(tx, session)? {
        doubt(tx, &attempt)?;
    }
    Ok(())
}

/// The same for one attempt.
pub(crate) fn doubt(tx: &Transaction<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    match attempt.status {
        Status::Injected => close(tx, attempt),
        Status::Open | Status::Written => unknown(tx, attempt),
        Status::Done => Ok(()),
    }
}

/// Moves the last lease holder's note into the store. A hook's attempt without a note put out nothing; a dead
/// server's open attempt may have. Call only while holding the lease, or when the host is gone.
pub(crate) fn fold_note(tx: &Transaction<'_>, folder: &RunFolder, now: i64) -> Result<(), StoreError> {
    if let Some(note) = folder.note()? {
        let (Note::Writing(id) | Note::Written { attempt: id, .. }) = note;
        if let Some(attempt) = find(tx, id)?.filter(|a| a.status == Status::Open) {
            match note {
                Note::Written { in_time: true, .. } => written(tx, &attempt, now)?,
                _ => unknown(tx, &attempt)?,
            }
        }
    }
    Ok(())
}

/// As [`fold_note`], for anybody: what the note says was written in time, was. The lease is not needed for that, and
/// taking it could make a hook at work believe that another delivers.
pub(crate) fn fold_written(tx: &Transaction<'_>, folder: &RunFolder, now: i64) -> Result<(), StoreError> {
    if let Ok(Some(Note::Written { attempt, in_time: true })) = folder.note()
        && let Some(attempt) = find(tx, attempt)?
    {
        written(tx, &attempt, now)?;
    }
    Ok(())
}

/// Ends what dead holders left open. The caller holds the lease and has folded the note.
pub(crate) fn sweep_dead(
    tx: &Transaction<'_>,
    folder: &RunFolder,
    session: SessionId,
) -> Result<(), StoreError> {
    for attempt in alive(tx, session)?.iter().filter(|a| a.status == Status::Open) {
        match &attempt.server {
            None => void(tx, attempt)?,
            Some(server) if !folder.server_lives(server) => unknown(tx, attempt)?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// Makes the bell say what the deliveries say: rings before the commit, silences after it ([`crate::Store::write`]).
pub(crate) fn settle_bell(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
) -> Result<(), StoreError> {
    let folder = run.session(session);
    let hot = is_hot(tx, session)?;
    match (hot, folder.bell_stands()) {
        (true, false) => folder.ring(),
        (false, true) => {
            run.silence_later(session);
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(crate) fn is_hot(db: &Connection, session: SessionId) -> Result<bool, StoreError> {
    // Subagents that cannot be told apart are counted.
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_hot WHERE session = ?1 AND {HOT})
             OR EXISTS (SELECT 1 FROM session WHERE id = ?1 AND (owes IS NOT NULL OR subagents > 0))"
    );
    Ok(db.prepare_cached(&sql)?.query_row([session.to_string()], |row| row.get(0))?)
}
