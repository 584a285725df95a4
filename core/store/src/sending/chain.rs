//! Chains: how often agents passed something on without a person in between.
//!
//! A turn that its user began is the start of a chain. A turn that a nudge began, or into which a peer's text came,
//! continues the chain of what was put before the model; what the model sends from there is one hop further, be it a
//! reply or a new message. `docs/adr/0012-loops.md` says why, and what quiet is.

use rusqlite::{Connection, Transaction, params};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::SessionId;
use session_bridge_core::limits::Limits;

use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::error::StoreError;
use crate::row::{Message, parsed};
use crate::run::{Activity, Live, RunFolder, RunFolders};

/// How many sessions of a thread are looked at.
const LOOK: usize = 64;

/// The hop of what a session's model sends now.
pub(crate) fn next(
    tx: &Transaction<'_>,
    run: &RunFolders,
    sender: SessionId,
    parent: Option<&Message>,
    limits: &Limits,
    now: i64,
) -> Result<u32, StoreError> {
    let quiet = i64::from(limits.quiet_reset_s) * 1000;
    let Some(own) = own(tx, run, sender, quiet, now)? else { return Ok(0) };
    match parent {
        // It was not put before the model in this turn: only a thread that goes on counts.
        Some(parent) if parent.hop >= own && !is_quiet(tx, run, parent, sender, now - quiet)? => {
            Ok(parent.hop + 1)
        }
        _ => Ok(own),
    }
}

/// The hop number of a session, by what it was told; `None` while its user's turn is no one else's.
fn own(
    db: &Connection,
    run: &RunFolders,
    session: SessionId,
    quiet: i64,
    now: i64,
) -> Result<Option<u32>, StoreError> {
    let folder = run.session(session);
    let live = folder.live();
    if live.is_some_and(|live| live.by_user) {
        return Ok(None);
    }
    let (hop, at) = of(db, session)?;
    let in_turn = live.is_some_and(|live| live.activity == Activity::Busy);
    let last = folder.last_seen().unwrap_or(at).max(at);
    Ok(Some(if !in_turn && now - last >= quiet { 0 } else { hop }))
}

impl Store {
    /// How many hops a session's chain has, if they are too many for it to wait for more: what a wait returns makes its
    /// turn go on, as a nudge begins one, and two agents that wait for each other need no nudge.
    pub fn too_many_hops(&self, session: SessionId) -> Result<Option<u32>, StoreError> {
        let quiet = i64::from(self.limits().quiet_reset_s) * 1000;
        let hop = own(&self.db, self.run(), session, quiet, self.now())?;
        Ok(hop.filter(|hop| *hop >= self.limits().hops))
    }
}

/// Whether nothing was sent in the thread since then, and none of its other sessions is in a turn.
fn is_quiet(
    tx: &Transaction<'_>,
    run: &RunFolders,
    parent: &Message,
    but: SessionId,
    since: i64,
) -> Result<bool, StoreError> {
    let thread = parent.thread.to_string();
    let newest: i64 = tx
        .prepare_cached("SELECT max(created) FROM message WHERE thread = ?1")?
        .query_row([&thread], |row| row.get(0))?;
    if newest > since {
        return Ok(false);
    }
    let mut statement = tx.prepare_cached(&format!(
        "SELECT sender FROM message WHERE thread = ?1 AND sender IS NOT NULL
         UNION SELECT d.session FROM message m JOIN delivery d USING (seq) WHERE m.thread = ?1 LIMIT {LOOK}"
    ))?;
    for session in statement.query_map([&thread], |row| parsed::<SessionId>(row, 0))? {
        let session = session?;
        let live = run.session(session).live();
        if session != but && live.is_some_and(|live| live.activity == Activity::Busy) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An event of a session put these messages before its model, or none: which chain its turn is of now.
pub(crate) fn heard(
    tx: &Transaction<'_>,
    session: SessionId,
    event: &HookEvent<'_>,
    live: Option<Live>,
    hops: impl Iterator<Item = u32>,
    now: i64,
) -> Result<(), StoreError> {
    let carried = hops.max().map(|hop| hop + 1);
    let by_user = live.is_some_and(|live| live.by_user);
    let hop = match (event.moment, carried) {
        // Its mail comes later in the turn, which is of that mail's chain from the start.
        (Moment::PromptSubmit, None) if event.nudge.is_some() => waiting(tx, session)?.map(|hop| hop + 1),
        (Moment::PromptSubmit, _) if event.nudge.is_none() && !event.by_host => Some(0),
        (Moment::PromptSubmit, Some(carried)) if event.nudge.is_some() || by_user => Some(carried),
        (Moment::PromptSubmit | Moment::AfterTool | Moment::TurnEnd, Some(carried)) => {
            Some(if by_user { carried } else { of(tx, session)?.0.max(carried) })
        }
        _ => None,
    };
    hop.map_or(Ok(()), |hop| set(tx, session, hop, now))
}

/// The highest hop among the mail that a nudge is for.
fn waiting(tx: &Transaction<'_>, session: SessionId) -> Result<Option<u32>, StoreError> {
    let sql = format!(
        "SELECT max(m.hop) FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
         WHERE d.session = ?1 AND {HOT} AND d.state = 'stored' AND d.parked = 0 AND d.wakes = 1"
    );
    Ok(tx.prepare_cached(&sql)?.query_row([session.to_string()], |row| row.get(0))?)
}

/// Whether a peer's text that comes with this event joins a turn which its user began.
pub(crate) fn joins(event: &HookEvent<'_>) -> bool {
    event.moment != Moment::SessionStart && (event.moment != Moment::PromptSubmit || event.by_host)
}

/// A tool call took these messages. The answer to a question of the session's own brings the chain back to where the
/// question was asked: the two are one hop.
pub(crate) fn pulled(
    tx: &Transaction<'_>,
    folder: &RunFolder,
    session: SessionId,
    hops: impl Iterator<Item = u32>,
    own_answer: bool,
    now: i64,
) -> Result<(), StoreError> {
    let Some(carried) = hops.max().map(|hop| if own_answer { hop } else { hop + 1 }) else { return Ok(()) };
    let before = if folder.live().is_some_and(|live| live.by_user) { 0 } else { of(tx, session)?.0 };
    set(tx, session, before.max(carried), now)
}

fn of(db: &Connection, session: SessionId) -> Result<(u32, i64), StoreError> {
    let sql = "SELECT hop, hop_at FROM session WHERE id = ?1";
    Ok(db.prepare_cached(sql)?.query_row([session.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

fn set(tx: &Transaction<'_>, session: SessionId, hop: u32, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE session SET hop = ?2, hop_at = ?3 WHERE id = ?1")?.execute(params![
        session.to_string(),
        hop,
        now
    ])?;
    Ok(())
}
