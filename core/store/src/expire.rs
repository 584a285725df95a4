//! Deadlines, evaluated whenever state is read.

use rusqlite::{Transaction, params};
use session_bridge_core::id::SessionId;

use crate::attempt;
use crate::error::StoreError;
use crate::row::State;

/// Ends what waited too long for one session. Only deliveries without a body under way can expire.
pub(crate) fn for_session(tx: &Transaction<'_>, session: SessionId, now: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT d.seq FROM delivery d JOIN message m USING (seq)
         WHERE d.session = ?1 AND d.state = 'stored' AND d.attempt IS NULL AND d.doubt = 0 AND m.expires <= ?2",
    )?;
    let due = statement
        .query_map(params![session.to_string(), now], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for seq in due {
        attempt::advance(tx, session, seq, State::Expired, None, Some("its lifetime passed unread"), now)?;
    }
    Ok(())
}

/// The same for every recipient of one message; says whom it touched.
pub(crate) fn for_message(tx: &Transaction<'_>, seq: i64, now: i64) -> Result<Vec<SessionId>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT d.session FROM delivery d JOIN message m USING (seq)
         WHERE d.seq = ?1 AND d.state = 'stored' AND d.attempt IS NULL AND d.doubt = 0 AND m.expires <= ?2",
    )?;
    let due = statement
        .query_map(params![seq, now], |row| crate::row::parsed(row, 0))?
        .collect::<Result<Vec<SessionId>, _>>()?;
    for session in &due {
        attempt::advance(tx, *session, seq, State::Expired, None, Some("its lifetime passed unread"), now)?;
    }
    Ok(due)
}
