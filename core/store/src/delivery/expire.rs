//! Deadlines, evaluated whenever state is read, and by the timer of a sender's server. Whose message expired is told so
//! (rules R4, R5).

use std::time::Duration;

use rusqlite::{Connection, ToSql, Transaction, named_params};
use session_bridge_core::id::SessionId;

use crate::clock::{PASSED, Reading};
use crate::database::open::Store;
use crate::delivery::attempt;
use crate::error::StoreError;
use crate::row::{State, parsed};
use crate::run::RunFolders;
use crate::sending::notice::{self, News};

/// Only deliveries without a body under way can expire. The words of the indices for it come first.
const CAN: &str = "d.state = 'stored' AND d.expires IS NOT NULL AND d.attempt IS NULL AND d.doubt = 0";
/// The same, and what is under way: it may come back before its deadline. Once that has passed, what ends the attempt ends it.
const MAY: &str = "d.state = 'stored' AND d.expires IS NOT NULL AND d.doubt = 0";
/// So many end with one look: a broadcast to everybody must not keep the write lock.
const LOOK: usize = 64;
/// While only the wall clock holds a deadline back, it is looked at so often, in milliseconds.
const WALL_LOOK: i64 = 60_000;

impl Store {
    /// Ends what this session sent and nobody read in time, as far as one look goes, and says after how long to look
    /// again: when the next of its deadlines passes, or within a minute where that is up to the wall clock alone, which
    /// may be set meanwhile. `None` if there is no deadline. A zero means that there is more to end now. Where nothing
    /// is due, nothing is written.
    pub fn expire_sent(&mut self, session: SessionId) -> Result<Option<Duration>, StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        let sender = session.to_string();
        if any_due(&self.db, "d.sender = :key", &sender, &clocks)? {
            self.write(|tx| end(tx, &run, "d.sender = :key", &sender, &clocks))?;
        }
        next(&self.db, &sender, &clocks)
    }
}

/// Ends what waited too long for one session, and what it sent and others left unread.
pub(crate) fn for_session(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
    clocks: &Reading,
) -> Result<(), StoreError> {
    for_recipient(tx, run, session, clocks)?;
    end(tx, run, "d.sender = :key", &session.to_string(), clocks)
}

/// Ends what waited for a session that is no more, and was held back only by what it had under way.
pub(crate) fn for_recipient(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
    clocks: &Reading,
) -> Result<(), StoreError> {
    end(tx, run, "d.session = :key", &session.to_string(), clocks)
}

/// The same for the recipients of one message.
pub(crate) fn for_message(
    tx: &Transaction<'_>,
    run: &RunFolders,
    seq: i64,
    clocks: &Reading,
) -> Result<(), StoreError> {
    end(tx, run, "d.seq = :key", &seq, clocks)
}

/// Whether [`for_message`] has something to do.
pub(crate) fn is_due(db: &Connection, seq: i64, clocks: &Reading) -> Result<bool, StoreError> {
    any_due(db, "d.seq = :key", &seq, clocks)
}

fn any_due(db: &Connection, which: &str, key: &dyn ToSql, clocks: &Reading) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM delivery d WHERE {which} AND {CAN} AND {PASSED})");
    Ok(db.prepare_cached(&sql)?.query_row(
        named_params! { ":key": key, ":wall": clocks.wall, ":boot": clocks.boot_id(), ":up": clocks.up() },
        |row| row.get(0),
    )?)
}

fn end(
    tx: &Transaction<'_>,
    run: &RunFolders,
    which: &str,
    key: &dyn ToSql,
    clocks: &Reading,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT d.session, d.seq FROM delivery d WHERE {which} AND {CAN} AND {PASSED} LIMIT {LOOK}"
    ))?;
    let due = statement
        .query_map(
            named_params! { ":key": key, ":wall": clocks.wall, ":boot": clocks.boot_id(), ":up": clocks.up() },
            |row| Ok((parsed::<SessionId>(row, 0)?, row.get(1)?)),
        )?
        .collect::<Result<Vec<(SessionId, i64)>, _>>()?;
    for (session, seq) in due {
        let why = Some("its lifetime passed unread");
        if attempt::advance(tx, session, seq, State::Expired, None, why, clocks.wall)? {
            notice::tell(tx, run, seq, session, News::Expired, clocks.wall)?;
            attempt::settle_bell(tx, run, session)?;
        }
    }
    Ok(())
}

/// How long until a deadline of what a session sent and what may expire can have passed. None passes before the boot clock
/// says so, which nobody can set; from then on, and where only the wall clock counts, that clock is looked at again and again:
/// a timer would not hear of its being set.
fn next(db: &Connection, sender: &str, clocks: &Reading) -> Result<Option<Duration>, StoreError> {
    if any_due(db, "d.sender = :key", &sender, clocks)? {
        return Ok(Some(Duration::ZERO));
    }
    let sql = format!(
        "SELECT min(CASE WHEN d.boot IS :boot AND d.boot_expires > :up THEN d.boot_expires - :up
                         ELSE min(d.expires - :wall, {WALL_LOOK}) END)
         FROM delivery d WHERE d.sender = :key AND {MAY} AND NOT {PASSED}"
    );
    let wait: Option<i64> = db.prepare_cached(&sql)?.query_row(
        named_params! { ":key": sender, ":wall": clocks.wall, ":boot": clocks.boot_id(), ":up": clocks.up() },
        |row| row.get(0),
    )?;
    Ok(wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::plan_of;

    /// Each look goes by an index that holds what can still expire, and nothing that did or was read.
    #[test]
    fn a_look_costs_nothing_for_what_is_over() {
        for (which, index) in [
            ("d.session = :key", "delivery_due (session=?"),
            ("d.sender = :key", "delivery_sender_due (sender=?"),
            ("d.seq = :key", "delivery_message (seq=?)"),
        ] {
            let sql = format!("SELECT d.seq FROM delivery d WHERE {which} AND {CAN} AND {PASSED}");
            let plan = &plan_of(&sql)[0];
            assert!(plan.contains(index), "{which}: {plan}");
        }
    }
}
