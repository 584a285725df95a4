//! Subagents whose events look like their session's: how many are at work.
//!
//! Their host says when one begins and when the call that began it is over. In between a tool event may be the subagent's,
//! and a text beside it would be read by the subagent alone (rule W5). While one is at work, the bell stands, so that the end
//! of each is heard; a new prompt, the end of a turn and a new start know of none, whatever became of the last ones.

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::SessionId;

use crate::error::StoreError;

/// Counts the event in, and says whether it is the session's own for certain.
pub(crate) fn count(
    tx: &Transaction<'_>,
    session: SessionId,
    event: &HookEvent<'_>,
) -> Result<bool, StoreError> {
    let before: i64 = tx
        .prepare_cached("SELECT subagents FROM session WHERE id = ?1")?
        .query_row([session.to_string()], |row| row.get(0))?;
    let now = match event.moment {
        Moment::BeforeSubagent => before + 1,
        Moment::AfterTool if event.subagent_done => (before - 1).max(0),
        Moment::AfterTool => before,
        _ => 0,
    };
    if now != before {
        tx.execute("UPDATE session SET subagents = ?2 WHERE id = ?1", params![session.to_string(), now])?;
    }
    Ok(now == 0)
}
