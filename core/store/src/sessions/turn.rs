//! Turns of hosts that do not name them.
//!
//! Such a turn lies between a prompt and the next. It is named after the event that began it, and the name stands in the
//! session's row. A prompt with nothing to do leaves the store closed, so the name may be an older turn's; then nothing of
//! that turn is under way any more, since the bell would stand. Only what the turn's end counts must not be an older
//! turn's: the first end of each turn begins a name of its own, for what makes the turn go on.

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment, fingerprint};
use session_bridge_core::id::SessionId;

use crate::delivery::attempt;
use crate::error::StoreError;

/// The event with the name of its turn, where the host left it to us. A prompt begins a turn, unless it is a text of ours
/// that goes on.
pub(crate) fn placed<'a>(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'a>,
) -> Result<HookEvent<'a>, StoreError> {
    let mut event = told.clone();
    if is_unnamed(told) {
        let goes_on = match told.echo {
            Some(id) => attempt::alive(tx, session)?.iter().any(|attempt| attempt.id == id),
            None => told.moment != Moment::PromptSubmit,
        };
        let name = if goes_on { current(tx, session)? } else { Some(begin(tx, session, told)?) };
        event.turn = name.map(Into::into);
    }
    Ok(event)
}

/// At the first end of a turn: what makes it go on belongs to a turn of its own.
pub(crate) fn goes_on(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'_>,
    event: &mut HookEvent<'_>,
) -> Result<(), StoreError> {
    if is_unnamed(told) && told.moment == Moment::TurnEnd && !told.continued {
        event.turn = Some(begin(tx, session, told)?.into());
    }
    Ok(())
}

/// Whether the event may prove something. Such a host tells the end of a turn after Esc as well: an end that gives the very
/// words of the end before it has no answer to what made the turn go on.
pub(crate) fn answered(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'_>,
) -> Result<bool, StoreError> {
    if told.moment != Moment::TurnEnd || !is_unnamed(told) {
        return Ok(true);
    }
    let said = told.said.map(|said| format!("{:016x}", fingerprint(said)));
    let mut statement = tx.prepare_cached("SELECT said FROM session WHERE id = ?1")?;
    let before: Option<String> = statement.query_row([session.to_string()], |row| row.get(0))?;
    tx.execute("UPDATE session SET said = ?2 WHERE id = ?1", params![session.to_string(), said])?;
    Ok(!told.continued || said != before)
}

/// Whether the host left this event's turn to be named, which needs a name of the event. Other moments belong to no turn.
fn is_unnamed(told: &HookEvent<'_>) -> bool {
    let nameable = told.turn.is_none() && told.stamp.is_some();
    nameable && matches!(told.moment, Moment::PromptSubmit | Moment::AfterTool | Moment::TurnEnd)
}

fn current(tx: &Transaction<'_>, session: SessionId) -> Result<Option<String>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT turn FROM session WHERE id = ?1")?;
    Ok(statement.query_row([session.to_string()], |row| row.get(0))?)
}

/// Begins a turn at this event, as the host told it, and names it.
fn begin(tx: &Transaction<'_>, session: SessionId, told: &HookEvent<'_>) -> Result<String, StoreError> {
    let name = told.identity();
    tx.execute("UPDATE session SET turn = ?2 WHERE id = ?1", params![session.to_string(), name])?;
    Ok(name)
}
