//! Deliveries that go without their message. A thread stays while anything in it is unread or an open question. Of a message
//! to several, what some of them read or declined, or were told of by id before they ended, would stay for as long as one of
//! them does nothing of that: these deliveries go singly, with their steps, once they are as old as what goes otherwise, and
//! so is the newest message of their thread. The message counts them, and stays as it is for everybody else.
//!
//! Some stay with their message all the same. What was answered names the answer, which stays, too. What expired is what its
//! sender was told of, once for all; and what was cancelled never was anywhere, so that the message can be cancelled again.
//! Nobody gets a message a second time: for whom it is was settled when it was sent, and nothing of it goes while recipients
//! are to come.

use std::collections::VecDeque;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};
use session_bridge_core::message::Kind;

use super::{Collection, HOLD, READER_IS_GONE, Step, Times};
use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::error::StoreError;

/// Messages of one look.
const LOOK: u32 = 256;
/// Deliveries of one transaction.
const CHUNK: usize = 64;

/// A message `m` that went to several, whose thread is old, and that nobody is to get any more or waits for.
const SEVERAL: &str = "m.created < :before
    AND m.cleared + (SELECT count(*) FROM
        (SELECT 1 FROM delivery INDEXED BY delivery_message WHERE seq = m.seq LIMIT 2)) > 1
    AND (SELECT e.created FROM message e INDEXED BY message_thread WHERE e.thread = m.thread
         ORDER BY e.seq DESC LIMIT 1) < :before
    AND NOT EXISTS (SELECT 1 FROM fanout WHERE seq = m.seq)
    AND NOT EXISTS (SELECT 1 FROM claim WHERE until > :now AND (reply_to = m.id OR thread = m.thread))";

/// How far the look at all messages is.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The position of the last message that was looked at.
    after: i64,
    /// What may go, oldest first.
    doomed: VecDeque<Part>,
    /// No further messages are old enough.
    at_end: bool,
}

/// Recipients of one message whose deliveries may go.
#[derive(Debug)]
struct Part {
    seq: i64,
    sessions: Vec<String>,
}

impl Store {
    /// One piece: removes what is known to go, or looks for more.
    pub(super) fn collect_parts(&mut self, collection: &mut Collection) -> Result<(), StoreError> {
        // A turn of a recipient that goes on counts for the thread's quiet, and its attempts stay as long.
        let times = Times { now: self.now(), before: collection.traces_before };
        let Step::Parts(walk) = &mut collection.step else { return Ok(()) };
        let mut walk = std::mem::take(walk);
        if !walk.doomed.is_empty() {
            let batch = walk.batch();
            if collection.dry_run {
                for Part { seq, sessions } in batch {
                    collection.report.singly += sessions.len() as u64;
                    collection.parted.entry(seq).or_default().extend(sessions);
                }
            } else {
                let (gone, left) = self.piece(collection, |tx, began| remove(tx, batch, times, began))?;
                collection.report.singly += gone;
                for part in left.into_iter().rev() {
                    walk.doomed.push_front(part);
                }
            }
        } else if !walk.at_end {
            walk.advance(&self.db, collection, times)?;
        } else {
            collection.step = Step::Traces(super::traces::Walk::default());
            return Ok(());
        }
        collection.step = Step::Parts(walk);
        Ok(())
    }
}

impl Walk {
    /// Looks at further messages, in the store's order. It ends where all of one look are too young, as the look for threads.
    fn advance(&mut self, db: &Connection, collection: &Collection, times: Times) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT m.seq, m.created, m.kind, {SEVERAL} FROM message m WHERE m.seq > :after ORDER BY m.seq LIMIT {LOOK}"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement
            .query(named_params! { ":after": self.after, ":now": times.now, ":before": times.before })?;
        let mut young = true;
        while let Some(row) = rows.next()? {
            self.after = row.get(0)?;
            let created: i64 = row.get(1)?;
            young &= created >= times.before && created <= times.now;
            if row.get(3)? && !collection.going.contains(&self.after) {
                let kind: String = row.get(2)?;
                self.doom(db, &kind, times)?;
            }
        }
        self.at_end = young;
        Ok(())
    }

    /// Notes what of the message that was looked at last may go.
    fn doom(&mut self, db: &Connection, kind: &str, times: Times) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT d.session FROM delivery d INDEXED BY delivery_message WHERE d.seq = :seq AND {}",
            over()
        );
        let mut statement = db.prepare_cached(&sql)?;
        let values =
            named_params! { ":seq": self.after, ":before": times.before, ":question": is_question(kind) };
        let sessions = statement.query_map(values, |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        for sessions in sessions.chunks(CHUNK) {
            self.doomed.push_back(Part { seq: self.after, sessions: sessions.to_vec() });
        }
        Ok(())
    }

    /// What one transaction takes; at least one part.
    fn batch(&mut self) -> Vec<Part> {
        let (mut batch, mut deliveries) = (Vec::new(), 0);
        while let Some(next) = self.doomed.front() {
            deliveries += next.sessions.len();
            if !batch.is_empty() && deliveries > CHUNK {
                break;
            }
            batch.extend(self.doomed.pop_front());
        }
        batch
    }
}

/// A delivery `d` that is over and old, and for which nobody can act any more.
fn over() -> String {
    format!(
        "d.state IN ('injected', 'seen', 'declined', 'offered') AND NOT {HOT} AND coalesce(d.marked, 0) < :before
         AND (d.state = 'declined' OR d.marked IS NOT NULL OR (d.state <> 'offered' AND NOT :question)
              OR {READER_IS_GONE})
         AND coalesce((SELECT max(at) FROM step INDEXED BY step_delivery
                       WHERE seq = d.seq AND session = d.session), 0) < :before"
    )
}

fn is_question(kind: &str) -> bool {
    kind == Kind::Question.as_str()
}

/// Removes what nothing has happened to since it was looked at, and says how many went. What there was no time for comes back.
fn remove(
    tx: &Transaction<'_>,
    batch: Vec<Part>,
    times: Times,
    began: Instant,
) -> Result<(u64, Vec<Part>), StoreError> {
    let (mut gone, mut left) = (0, Vec::new());
    let sql = format!("SELECT m.kind FROM message m WHERE m.seq = :seq AND {SEVERAL}");
    let mut several = tx.prepare_cached(&sql)?;
    for mut part in batch {
        if gone > 0 && began.elapsed() > HOLD {
            left.push(part);
            continue;
        }
        let values = named_params! { ":seq": part.seq, ":now": times.now, ":before": times.before };
        let Some(kind) = several.query_row(values, |row| row.get::<_, String>(0)).optional()? else {
            continue;
        };
        let mut cleared = 0;
        while let Some(session) = part.sessions.pop() {
            cleared += u64::from(remove_one(tx, part.seq, &session, is_question(&kind), times)?);
            if began.elapsed() > HOLD {
                break;
            }
        }
        if cleared > 0 {
            tx.prepare_cached("UPDATE message SET cleared = cleared + ?2 WHERE seq = ?1")?
                .execute(params![part.seq, cleared.cast_signed()])?;
        }
        gone += cleared;
        if !part.sessions.is_empty() {
            left.push(part);
        }
    }
    Ok((gone, left))
}

/// Under the lock: removes one delivery with its steps, if it may still go. Its session keeps how far bodies were put out.
fn remove_one(
    tx: &Transaction<'_>,
    seq: i64,
    session: &str,
    question: bool,
    times: Times,
) -> Result<bool, StoreError> {
    let sql =
        format!("SELECT d.shown FROM delivery d WHERE d.session = :session AND d.seq = :seq AND {}", over());
    let values = named_params! {
        ":session": session, ":seq": seq, ":before": times.before, ":question": question,
    };
    let shown = tx.prepare_cached(&sql)?.query_row(values, |row| row.get::<_, i64>(0)).optional()?;
    let Some(shown) = shown else { return Ok(false) };
    for table in ["step", "delivery"] {
        let sql = format!("DELETE FROM {table} WHERE seq = ?1 AND session = ?2");
        tx.prepare_cached(&sql)?.execute(params![seq, session])?;
    }
    if shown == 2 {
        super::put_out(tx, session, seq)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::plan_of;

    /// A look at a message goes by its place, its thread and its deliveries; a removal finds its row.
    #[test]
    fn a_piece_costs_nothing_for_what_it_is_not_about() {
        let over = over();
        for (sql, indices) in [
            (
                format!("SELECT m.kind FROM message m WHERE m.seq = :seq AND {SEVERAL}"),
                &["PRIMARY KEY (rowid=?)", "delivery_message (seq=?)", "message_thread (thread=?)"][..],
            ),
            (
                format!("SELECT m.seq, {SEVERAL} FROM message m WHERE m.seq > :seq ORDER BY m.seq LIMIT 9"),
                &["PRIMARY KEY (rowid>?)", "delivery_message (seq=?)", "message_thread (thread=?)"],
            ),
            (
                format!("SELECT d.shown FROM delivery d WHERE d.session = 'x' AND d.seq = :seq AND {over}"),
                &["PRIMARY KEY (session=? AND seq=?)", "step_delivery (seq=? AND session=?)"],
            ),
            (
                "DELETE FROM step WHERE seq = 1 AND session = 'x'".to_owned(),
                &["step_delivery (seq=? AND session=?)"],
            ),
            (
                "DELETE FROM delivery WHERE seq = 1 AND session = 'x'".to_owned(),
                &["PRIMARY KEY (session=? AND seq=?)"],
            ),
        ] {
            let plan = plan_of(&sql).join("\n");
            for index in indices {
                assert!(plan.contains(index), "{sql}: {plan}");
            }
            assert!(!plan.contains("SCAN d") && !plan.contains("SCAN m"), "{sql}: {plan}");
        }
    }
}
