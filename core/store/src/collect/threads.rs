//! Which threads go. A thread is looked at as a whole, newest message first, and goes as a whole: in one transaction, or,
//! if it is longer than one may be, from its end, so that what a kill leaves of it is a thread like any other.
//!
//! It stays while anything in it is unread, under way or an open question, or changed since. A question is open that was
//! shown and neither answered nor marked, as long as its reader is there or ended less than the retention ago: nobody
//! else will answer it. A reply to a person has no delivery, and nobody knows whether it was read; it goes with its thread.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use rusqlite::{Connection, Transaction, named_params, params};
use session_bridge_core::message::Kind;

use super::{Collected, Collection, HOLD, READER_IS_GONE, Step, Times};
use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::error::StoreError;

/// Messages that one look passes or checks.
const LOOK: u32 = 256;
/// Messages of one transaction.
const MESSAGES: usize = 64;
/// Their deliveries, unless one message alone has more.
const DELIVERIES: u64 = 256;

/// How far the look at all threads is.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The position of the last message that was looked at.
    after: i64,
    /// The oldest messages of threads to look at.
    begun: VecDeque<String>,
    checking: Option<Checking>,
    /// What may go, in the order in which it goes.
    doomed: VecDeque<Slice>,
    /// No further messages are old enough.
    at_end: bool,
}

/// A thread that is being looked at.
#[derive(Debug)]
struct Checking {
    thread: String,
    /// The oldest that was checked; from here on it is looked further back.
    from: i64,
    found: Vec<Member>,
}

/// A message that may go, with the number of its deliveries.
#[derive(Debug, Clone, Copy)]
struct Member {
    seq: i64,
    deliveries: u64,
}

/// So much of a thread as goes at once, newest first.
#[derive(Debug)]
struct Slice {
    thread: String,
    members: Vec<Member>,
    /// Nothing of the thread is left after it.
    last: bool,
}

/// Why a message stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    Unread,
    InUse,
    Open,
    Changed,
}

/// A message as far as it matters here.
struct Row {
    seq: i64,
    id: String,
    kind: String,
    created: i64,
}

impl Store {
    /// One piece: removes what is known to go, or looks at a thread, or for further ones.
    pub(super) fn collect_threads(&mut self, collection: &mut Collection) -> Result<(), StoreError> {
        let times = Times { now: self.now(), before: collection.before };
        let Step::Threads(walk) = &mut collection.step else { return Ok(()) };
        let mut walk = std::mem::take(walk);
        if walk.doomed.len() < MESSAGES && !(walk.begun.is_empty() && walk.checking.is_none()) {
            walk.check(&self.db, times, &mut collection.report)?;
        } else if walk.doomed.is_empty() && !walk.at_end {
            walk.advance(&self.db, times)?;
        } else if !walk.doomed.is_empty() {
            let batch = walk.batch();
            if collection.dry_run {
                for slice in &batch {
                    collection.going.extend(slice.members.iter().map(|member| member.seq));
                    count(slice, &mut collection.report);
                }
            } else {
                let (gone, left) = self.piece(collection, |tx, began| remove(tx, batch, times, began))?;
                for slice in &gone {
                    count(slice, &mut collection.report);
                }
                for slice in left.into_iter().rev() {
                    walk.doomed.push_front(slice);
                }
            }
        } else {
            collection.step = Step::Parts(super::parts::Walk::default());
            return Ok(());
        }
        collection.step = Step::Threads(walk);
        Ok(())
    }
}

fn count(slice: &Slice, report: &mut Collected) {
    report.threads += u64::from(slice.last);
    report.messages += slice.members.len() as u64;
    report.deliveries += slice.deliveries();
}

impl Slice {
    fn deliveries(&self) -> u64 {
        self.members.iter().map(|member| member.deliveries).sum()
    }
}

impl Walk {
    /// Looks for the oldest messages of further threads, in the store's order. It ends where all messages of one look are
    /// too young: some may be out of order where the clock was set.
    fn advance(&mut self, db: &Connection, times: Times) -> Result<(), StoreError> {
        let sql = "SELECT m.seq, m.thread, m.created,
                       NOT EXISTS (SELECT 1 FROM message e WHERE e.thread = m.thread AND e.seq < m.seq)
                   FROM message m WHERE m.seq > ?1 ORDER BY m.seq LIMIT ?2";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.after, LOOK])?;
        let mut young = true;
        while let Some(row) = rows.next()? {
            self.after = row.get(0)?;
            let created: i64 = row.get(2)?;
            // What comes from the future was written under another clock.
            young &= created >= times.before && created <= times.now;
            if created < times.before && row.get(3)? {
                self.begun.push_back(row.get(1)?);
            }
        }
        self.at_end = young;
        Ok(())
    }

    /// Checks messages of the next threads, as many as one look may.
    fn check(&mut self, db: &Connection, times: Times, report: &mut Collected) -> Result<(), StoreError> {
        let mut room = LOOK;
        while room > 0 {
            let Some(mut checking) = self.checking.take().or_else(|| Checking::next(&mut self.begun)) else {
                break;
            };
            let rows = checking.rows(db, room)?;
            room = room.saturating_sub(u32::try_from(rows.len()).unwrap_or(room).max(1));
            let done = room > 0;
            let mut stays = None;
            for row in rows {
                let (why, deliveries) = look(db, &row, &checking.thread, times)?;
                stays = why;
                if stays.is_some() {
                    break;
                }
                checking.from = row.seq;
                checking.found.push(Member { seq: row.seq, deliveries });
            }
            match stays {
                Some(Stays::Unread) => report.kept.unread += 1,
                Some(Stays::Open) => report.kept.open += 1,
                Some(Stays::InUse) => report.kept.in_use += 1,
                Some(Stays::Changed) => report.kept.changed += 1,
                None if done => self.doom(&checking),
                None => self.checking = Some(checking),
            }
        }
        Ok(())
    }

    fn doom(&mut self, checked: &Checking) {
        let slices = checked.found.chunks(MESSAGES);
        let last = slices.len();
        for (n, members) in slices.enumerate() {
            let (thread, members) = (checked.thread.clone(), members.to_vec());
            self.doomed.push_back(Slice { thread, members, last: n + 1 == last });
        }
    }

    /// What one transaction takes; at least one slice.
    fn batch(&mut self) -> Vec<Slice> {
        let (mut batch, mut messages, mut deliveries) = (Vec::new(), 0, 0);
        while let Some(next) = self.doomed.front() {
            (messages, deliveries) = (messages + next.members.len(), deliveries + next.deliveries());
            if !batch.is_empty() && (messages > MESSAGES || deliveries > DELIVERIES) {
                break;
            }
            batch.extend(self.doomed.pop_front());
        }
        batch
    }
}

impl Checking {
    fn next(begun: &mut VecDeque<String>) -> Option<Self> {
        begun.pop_front().map(|thread| Self { thread, from: i64::MAX, found: Vec::new() })
    }

    fn rows(&self, db: &Connection, room: u32) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT seq, id, kind, created FROM message INDEXED BY message_thread
                   WHERE thread = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map(params![self.thread, self.from, room], Row::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get(0)?, id: row.get(1)?, kind: row.get(2)?, created: row.get(3)? })
    }
}

/// Why a message stays, if it does; and the number of its deliveries.
fn look(db: &Connection, row: &Row, thread: &str, times: Times) -> Result<(Option<Stays>, u64), StoreError> {
    if row.created >= times.before {
        return Ok((Some(Stays::Changed), 0));
    }
    let sql = format!(
        "SELECT count(*),
             coalesce(max(d.state = 'stored' OR (d.state = 'offered' AND d.marked IS NULL AND NOT {READER_IS_GONE})), 0),
             coalesce(max({HOT}), 0) OR EXISTS (SELECT 1 FROM fanout WHERE seq = :seq)
                 OR EXISTS (SELECT 1 FROM claim WHERE until > :now AND (reply_to = :id OR thread = :thread)),
             coalesce(max(:question AND d.marked IS NULL AND d.state IN ('injected', 'seen')
                          AND NOT {READER_IS_GONE}), 0),
             max(coalesce(max(d.marked), 0),
                 coalesce((SELECT max(at) FROM step INDEXED BY step_delivery WHERE seq = :seq), 0)) >= :before
         FROM delivery d INDEXED BY delivery_message WHERE d.seq = :seq"
    );
    let values = named_params! {
        ":seq": row.seq, ":id": row.id, ":thread": thread, ":now": times.now, ":before": times.before,
        ":question": row.kind == Kind::Question.as_str(),
    };
    let (deliveries, unread, in_use, open, changed): (u32, bool, bool, bool, bool) = db
        .prepare_cached(&sql)?
        .query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
    let why = match (unread, in_use, open, changed) {
        (true, ..) => Some(Stays::Unread),
        (_, true, ..) => Some(Stays::InUse),
        (_, _, true, _) => Some(Stays::Open),
        (.., true) => Some(Stays::Changed),
        _ => None,
    };
    Ok((why, deliveries.into()))
}

/// Removes what nothing has happened to since it was looked at. What there was no time for comes back.
fn remove(
    tx: &Transaction<'_>,
    batch: Vec<Slice>,
    times: Times,
    began: Instant,
) -> Result<(Vec<Slice>, Vec<Slice>), StoreError> {
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    let (mut shown, mut newest) = (BTreeMap::<String, i64>::new(), String::new());
    for slice in batch {
        if !gone.is_empty() && began.elapsed() > HOLD {
            left.push(slice);
            continue;
        }
        let Some(ids) = still_goes(tx, &slice, times)? else { continue };
        for member in &slice.members {
            let sql = "SELECT session FROM delivery INDEXED BY delivery_message WHERE seq = ?1 AND shown = 2";
            let mut statement = tx.prepare_cached(sql)?;
            for session in statement.query_map([member.seq], |row| row.get::<_, String>(0))? {
                let furthest = shown.entry(session?).or_default();
                *furthest = (*furthest).max(member.seq);
            }
            for table in ["step", "delivery", "message"] {
                tx.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?.execute([member.seq])?;
            }
        }
        newest = ids.into_iter().fold(newest, Ord::max);
        gone.push(slice);
    }
    for (session, seq) in shown {
        super::put_out(tx, &session, seq)?;
    }
    if gone.is_empty() {
        return Ok((gone, left));
    }
    let sql = "INSERT INTO collection (one, began, newest) VALUES (1, ?1, ?2)
               ON CONFLICT DO UPDATE SET newest = max(newest, excluded.newest)";
    tx.prepare_cached(sql)?.execute(params![times.now, newest])?;
    Ok((gone, left))
}

/// Under the lock: whether a slice is the end of its thread, and all of it may still go. Then, its ids.
fn still_goes(tx: &Transaction<'_>, slice: &Slice, times: Times) -> Result<Option<Vec<String>>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT max(seq) FROM message WHERE thread = ?1")?;
    let newest: Option<i64> = statement.query_row([&slice.thread], |row| row.get(0))?;
    if newest != slice.members.first().map(|member| member.seq) {
        return Ok(None);
    }
    let mut ids = Vec::with_capacity(slice.members.len());
    let mut statement = tx.prepare_cached("SELECT seq, id, kind, created FROM message WHERE seq = ?1")?;
    for member in &slice.members {
        let row = statement.query_row([member.seq], Row::read)?;
        if look(tx, &row, &slice.thread, times)?.0.is_some() {
            return Ok(None);
        }
        ids.push(row.id);
    }
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use crate::database::tests::plan_of;

    /// Whatever is done for a message goes by an index: it costs nothing for the others.
    #[test]
    fn a_piece_costs_nothing_for_what_it_is_not_about() {
        for (sql, index) in [
            ("SELECT max(seq) FROM message WHERE thread = 'x'", "message_thread (thread=?)"),
            (
                "SELECT seq FROM message INDEXED BY message_thread WHERE thread = 'x' AND seq < 1 ORDER BY seq DESC",
                "message_thread (thread=? AND rowid<?)",
            ),
            (
                "SELECT 1 FROM message e WHERE e.thread = 'x' AND e.seq < 1",
                "message_thread (thread=? AND rowid<?)",
            ),
            ("SELECT max(at) FROM step INDEXED BY step_delivery WHERE seq = 1", "step_delivery (seq=?)"),
            (
                "SELECT session FROM delivery INDEXED BY delivery_message WHERE seq = 1",
                "delivery_message (seq=?)",
            ),
            ("DELETE FROM step WHERE seq = 1", "step_delivery (seq=?)"),
            ("DELETE FROM delivery WHERE seq = 1", "delivery_message (seq=?)"),
            ("DELETE FROM message WHERE seq = 1", "PRIMARY KEY (rowid=?)"),
            ("SELECT 1 FROM fanout WHERE seq = 1", "PRIMARY KEY (seq=?)"),
        ] {
            let plan = &plan_of(sql)[0];
            assert!(plan.contains(index), "{sql}: {plan}");
        }
    }
}
