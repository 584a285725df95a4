//! Prompts that only look like texts of ours. A provider reads a nudge or a mark of ours off the text alone; whoever
//! typed, pasted or made it up is told from the bridge by what the store knows.

use std::borrow::Cow;

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::{AttemptId, SessionId};

use crate::error::StoreError;
use crate::waking::wake;

/// The event without a nudge that this session was never given, and without the mark of an attempt that is not its own.
pub(crate) fn genuine<'a, 'e>(
    tx: &Transaction<'_>,
    session: SessionId,
    told: &'a HookEvent<'e>,
) -> Result<Cow<'a, HookEvent<'e>>, StoreError> {
    let mut event = Cow::Borrowed(told);
    if let Some(nudge) = &told.nudge
        && !wake::is_known(tx, session, &nudge.wake)?
    {
        event.to_mut().nudge = None;
    }
    if let (Moment::PromptSubmit, Some(attempt)) = (told.moment, told.echo)
        && !is_own(tx, session, attempt)?
    {
        let event = event.to_mut();
        event.echo = None;
        // The mark alone spoke for the host.
        event.by_host = false;
    }
    Ok(event)
}

/// Whether the session ever had this attempt, whatever became of it.
fn is_own(tx: &Transaction<'_>, session: SessionId, attempt: AttemptId) -> Result<bool, StoreError> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM attempt WHERE id = ?1 AND session = ?2)",
        params![attempt.to_string(), session.to_string()],
        |row| row.get(0),
    )?)
}
