//! Order: a session gets its mail in the store's sequence, and what comes out of it says so (rule R5).
//!
//! A message is *late* if the body of a younger one was put out to the same session before, or may have been. That
//! happens to what a wait had claimed, to what was in a result that was never written, and to what a dead sender left
//! to others to lay down.

use rusqlite::{Connection, params};
use session_bridge_core::id::SessionId;

use crate::error::StoreError;

/// Where lateness begins: of the messages from `oldest` on, those before this position are late. Looks at nothing older.
pub(crate) fn late_before(db: &Connection, session: SessionId, oldest: i64) -> Result<i64, StoreError> {
    let sql = "SELECT max(?2,
             coalesce((SELECT seq FROM delivery WHERE session = ?1 AND seq > ?2 AND shown = 2 ORDER BY seq DESC LIMIT 1), 0),
             coalesce((SELECT collected FROM session WHERE id = ?1), 0))";
    Ok(db.prepare_cached(sql)?.query_row(params![session.to_string(), oldest], |row| row.get(0))?)
}
