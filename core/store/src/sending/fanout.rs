//! Messages to many: one transaction writes and rings a bounded number of recipients, so that no hook waits long for the
//! write lock. The rest stands in a table, and whoever opens the store next finishes it (rule D9).

use rusqlite::{Transaction, params};
use session_bridge_core::id::SessionId;

use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::parsed;
use crate::run::RunFolders;
use crate::sending::send::{self, Lay};

/// Recipients of one transaction.
pub(crate) const CHUNK: usize = 64;

/// Lays a message down for the first recipients, and notes the others.
pub(crate) fn begin(
    tx: &Transaction<'_>,
    run: &RunFolders,
    seq: i64,
    recipients: &[(SessionId, Lay)],
    now: i64,
) -> Result<(), StoreError> {
    let (first, rest) = recipients.split_at(recipients.len().min(CHUNK));
    for (recipient, lay) in first {
        send::deliver(tx, run, seq, *recipient, lay, now)?;
    }
    for (recipient, lay) in rest {
        tx.execute(
            "INSERT OR IGNORE INTO fanout (seq, session, wakes, remark) VALUES (?1, ?2, ?3, ?4)",
            params![seq, recipient.to_string(), lay.wakes, lay.remark],
        )?;
    }
    Ok(())
}

/// Nobody else gets the message.
pub(crate) fn forget(tx: &Transaction<'_>, seq: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM fanout WHERE seq = ?1", [seq])?;
    Ok(())
}

impl Store {
    /// Lays down what senders have not yet, oldest first, in at most so many transactions.
    pub(crate) fn finish_fanout(&mut self, chunks: usize) -> Result<(), StoreError> {
        for _ in 0..chunks {
            if !self.db.prepare_cached("SELECT 1 FROM fanout LIMIT 1")?.exists([])? {
                break;
            }
            let now = self.now();
            let run = self.run.clone();
            self.write(|tx| chunk(tx, &run, now))?;
        }
        Ok(())
    }
}

fn chunk(tx: &Transaction<'_>, run: &RunFolders, now: i64) -> Result<(), StoreError> {
    let sql = format!("SELECT seq, session, wakes, remark FROM fanout ORDER BY seq, session LIMIT {CHUNK}");
    let mut statement = tx.prepare_cached(&sql)?;
    let due = statement
        .query_map([], |row| {
            Ok((row.get(0)?, parsed(row, 1)?, Lay { wakes: row.get(2)?, remark: row.get(3)? }))
        })?
        .collect::<Result<Vec<(i64, SessionId, Lay)>, _>>()?;
    for (seq, recipient, lay) in due {
        send::deliver(tx, run, seq, recipient, &lay, now)?;
        tx.execute(
            "DELETE FROM fanout WHERE seq = ?1 AND session = ?2",
            params![seq, recipient.to_string()],
        )?;
    }
    Ok(())
}
