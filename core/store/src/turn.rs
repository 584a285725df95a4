//! Turns of hosts that do not name them.
//!
//! Such a turn lies between a prompt and the next. It is named after the event that began it, and the name stands in the
//! session's row. A prompt with nothing to do leaves the store closed, so the name may be an older turn's; then nothing of
//! that turn is under way any more, since the bell would stand. Only what the turn's end counts must not be an older
//! turn's: the first end of each turn begins a name of its own, for what makes the turn go on.

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::SessionId;

use crate::attempt;
use crate::error::StoreError;

/// Whether the host left this event's turn to be named, which needs a name of the event. Other moments belong to no turn.
pub(crate) fn is_unnamed(event: &HookEvent<'_>) -> bool {
    let nameable = event.turn.is_none() && event.stamp.is_some();
    nameable && matches!(event.moment, Moment::PromptSubmit | Moment::AfterTool | Moment::TurnEnd)
}

/// The name of the turn that an unnamed event belongs to. A prompt begins one, unless it is a text of ours that goes on.
pub(crate) fn current(
    tx: &Transaction<'_>,
    session: SessionId,
    event: &HookEvent<'_>,
) -> Result<Option<String>, StoreError> {
    let goes_on = match event.echo {
        Some(id) => attempt::alive(tx, session)?.iter().any(|attempt| attempt.id == id),
        None => event.moment != Moment::PromptSubmit,
    };
    if !goes_on {
        return begin(tx, session, event).map(Some);
    }
    Ok(tx
        .prepare_cached("SELECT turn FROM session WHERE id = ?1")?
        .query_row([session.to_string()], |row| row.get(0))?)
}

/// Begins a turn at this event, and names it.
pub(crate) fn begin(
    tx: &Transaction<'_>,
    session: SessionId,
    event: &HookEvent<'_>,
) -> Result<String, StoreError> {
    let name = event.identity();
    tx.execute("UPDATE session SET turn = ?2 WHERE id = ?1", params![session.to_string(), name])?;
    Ok(name)
}
