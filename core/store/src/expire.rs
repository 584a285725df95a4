//! Deadlines, evaluated whenever state is read. Whose message expired is told so (rule R5).

use rusqlite::{Transaction, params};
use session_bridge_core::id::SessionId;

use crate::attempt;
use crate::error::StoreError;
use crate::notice::{self, News};
use crate::row::{State, parsed};
use crate::run::RunFolders;

/// Only deliveries without a body under way can expire.
const DUE: &str = "d.state = 'stored' AND d.attempt IS NULL AND d.doubt = 0 AND m.expires <= ?2";
/// So many end with one look: a broadcast to everybody must not keep the write lock.
const LOOK: usize = 64;

/// Ends what waited too long for one session, and what it sent and others left unread.
pub(crate) fn for_session(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
    now: i64,
) -> Result<(), StoreError> {
    // Without the index it would be the session's whole history that is looked through.
    let unread = "INDEXED BY delivery_unread";
    end(tx, run, unread, "d.session = ?1 AND d.state IN ('stored', 'offered')", &session.to_string(), now)?;
    end(tx, run, "", "m.sender = ?1 AND m.expires IS NOT NULL", &session.to_string(), now)
}

/// The same for the recipients of one message.
pub(crate) fn for_message(
    tx: &Transaction<'_>,
    run: &RunFolders,
    seq: i64,
    now: i64,
) -> Result<(), StoreError> {
    end(tx, run, "", "d.seq = ?1", &seq, now)
}

fn end(
    tx: &Transaction<'_>,
    run: &RunFolders,
    by: &str,
    which: &str,
    key: &dyn rusqlite::ToSql,
    now: i64,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT d.session, d.seq FROM delivery d {by} JOIN message m USING (seq)
         WHERE {which} AND {DUE} LIMIT {LOOK}"
    ))?;
    let due = statement
        .query_map(params![key, now], |row| Ok((parsed::<SessionId>(row, 0)?, row.get(1)?)))?
        .collect::<Result<Vec<(SessionId, i64)>, _>>()?;
    for (session, seq) in due {
        let why = Some("its lifetime passed unread");
        if attempt::advance(tx, session, seq, State::Expired, None, why, now)? {
            notice::tell(tx, run, seq, session, News::Expired, now)?;
            attempt::settle_bell(tx, run, session)?;
        }
    }
    Ok(())
}
