//! What it proves that a call names a message.

use rusqlite::{Transaction, params};
use session_bridge_core::id::SessionId;

use crate::delivery::attempt;
use crate::error::StoreError;
use crate::row::State;

/// A call that names a message proves that its model saw it, where nothing else can: its body was put out on a surface of
/// whose fate no event of the host tells, and nothing speaks against its having arrived. Elsewhere the events of the turn
/// tell, and a name proves nothing: calls that a model makes side by side look like calls in turn, an id stands in lists
/// and in lines that announce or refer to its body, and what a result held may be lost again before the next request.
pub(crate) fn named(
    tx: &Transaction<'_>,
    session: SessionId,
    seq: i64,
    evidence: &str,
    now: i64,
) -> Result<(), StoreError> {
    let proves: bool = tx.query_row(
        "SELECT d.doubt = 0 AND EXISTS (SELECT 1 FROM attempt a JOIN item i ON i.attempt = a.id
             WHERE a.id = d.attempt AND a.by_name = 1 AND a.status = 'written' AND i.seq = d.seq AND i.part = 'body')
         FROM delivery d WHERE d.session = ?1 AND d.seq = ?2",
        params![session.to_string(), seq],
        |row| row.get(0),
    )?;
    if proves {
        attempt::advance(tx, session, seq, State::Injected, None, Some(evidence), now)?;
        attempt::advance(tx, session, seq, State::Seen, None, Some(evidence), now)?;
    }
    Ok(())
}
