//! Turns of hosts that do not name them, or not in each event.
//!
//! Such a turn lies between a prompt and the next, and is named by its prompt's mark ([`TurnMark`]). A prompt with nothing to do
//! leaves the store closed: `live` has the mark of the last one that was heard, and the session's row what the store heard of a turn
//! besides. An event is of the turn that began last. The end of a turn says again what was asked: where that is something else,
//! a prompt was not heard, and the end proves nothing of the turn that seemed to go on. The first end of each turn begins
//! a name of its own, for what makes the turn go on.

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment, fingerprint};
use session_bridge_core::id::SessionId;
use session_bridge_core::turn::TurnMark;

use crate::delivery::attempt;
use crate::error::StoreError;
use crate::run::Live;

/// What the name of a turn begins with of which no prompt is known.
const UNHEARD: char = '?';

/// The event with the name of its turn, where the host left it to us. A prompt begins a turn, unless it is a text of ours
/// that goes on.
pub(crate) fn placed<'a>(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'a>,
    live: Option<Live>,
) -> Result<HookEvent<'a>, StoreError> {
    let mut event = told.clone();
    if is_unnamed(told) {
        let heard = live.and_then(|live| live.turn);
        let goes_on = match told.echo {
            Some(id) => attempt::alive(tx, session)?.iter().any(|attempt| attempt.id == id),
            None => told.moment != Moment::PromptSubmit,
        };
        let name = match (goes_on, told.moment) {
            (false, _) => Some(begin(tx, session, TurnMark::of(told).to_string())?),
            (true, Moment::TurnEnd) => Some(ended(tx, session, told, heard)?),
            (true, _) => current(tx, session, heard)?,
        };
        event.turn = name.map(Into::into);
    }
    Ok(event)
}

/// At the first end of a turn, or of one that nobody heard begin: what makes it go on belongs to a turn of its own.
pub(crate) fn goes_on(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'_>,
    event: &mut HookEvent<'_>,
) -> Result<(), StoreError> {
    if is_unnamed(told) && told.moment == Moment::TurnEnd {
        let began = event.turn.as_deref().and_then(mark_in);
        if !told.continued || began.is_none() {
            let began = began.unwrap_or_else(|| TurnMark::unheard(told));
            let name = format!("{began}/{:016x}", fingerprint(told.identity()));
            event.turn = Some(begin(tx, session, name)?.into());
        }
    }
    Ok(())
}

/// The turn that this prompt began, where `live` says another: it looked like a text of ours that goes on, and is none.
pub(crate) fn unnoted(
    told: &HookEvent<'_>,
    event: &HookEvent<'_>,
    live: Option<Live>,
) -> Option<(Live, TurnMark)> {
    let began = is_unnamed(told) && told.moment == Moment::PromptSubmit;
    let mark = event.turn.as_deref().filter(|_| began).and_then(mark_in)?;
    let live = live.filter(|live| live.turn != Some(mark) && mark == TurnMark::of(told))?;
    Some((live, mark))
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

/// The turn that began last: by what the store heard, or by a prompt that only `live` knows of.
fn current(
    tx: &Transaction<'_>,
    session: SessionId,
    heard: Option<TurnMark>,
) -> Result<Option<String>, StoreError> {
    let row = row(tx, session)?;
    let began = row.as_deref().and_then(mark_in);
    Ok(match heard {
        Some(mark) if began != heard => Some(mark.to_string()),
        _ => row,
    })
}

/// The turn that this is an end of, among those that were asked the same: the one that began last, or the one that an end before
/// made go on. If there is none, a turn that nothing else is of.
fn ended(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &HookEvent<'_>,
    heard: Option<TurnMark>,
) -> Result<String, StoreError> {
    let went_on = if told.continued { row(tx, session)? } else { None };
    let candidates = [current(tx, session, heard)?, went_on];
    let may_be = |name: &String| mark_in(name).is_some_and(|mark| mark.may_end_with(told));
    let found = candidates.into_iter().flatten().find(may_be);
    Ok(found.unwrap_or_else(|| format!("{UNHEARD}{:016x}", fingerprint(told.identity()))))
}

fn row(tx: &Transaction<'_>, session: SessionId) -> Result<Option<String>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT turn FROM session WHERE id = ?1")?;
    Ok(statement.query_row([session.to_string()], |row| row.get(0))?)
}

/// The prompt by which the turn of this name began.
fn mark_in(name: &str) -> Option<TurnMark> {
    name.get(..TurnMark::BYTES)?.parse().ok()
}

/// Begins a turn of this name.
fn begin(tx: &Transaction<'_>, session: SessionId, name: String) -> Result<String, StoreError> {
    tx.execute("UPDATE session SET turn = ?2 WHERE id = ?1", params![session.to_string(), name])?;
    Ok(name)
}
