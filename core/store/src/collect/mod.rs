//! Collection: what nobody will ask for again is removed, so that the store stays small. `docs/adr/0016-collection.md`.
//!
//! What goes, by table, and why nothing misses it:
//!
//! | table | goes | who reads it, and why that is over |
//! | --- | --- | --- |
//! | `message`, `delivery`, `step` | whole threads, see [`threads`] | An answer is in the thread of its question, so nothing that stays refers to what goes: not `reply_to`, `answer`, a hop count (of the answered message), nor quiet (of the thread). Sequence numbers are never given twice. |
//! | `delivery`, `step` | singly, of messages to several that somebody else has not read, see [`parts`] | `message.cleared` counts them: the recipient is told that it went, the sender how many receipts did, a cancellation that it was out, a notice of how many. Nobody is asked again who gets it. |
//! | `session.collected` | never | It keeps the one thing that order needs of removed deliveries: how far bodies were put out. |
//! | `attempt`, `item` | attempts that can change nothing more, once none of their deliveries is there | Proofs look at live attempts only. Marks of ours in prompts and the count of a turn's ends look at those of the present turn: [`TRACES_MS`]. |
//! | `wake`, `rung` | closed wakes; counts of nudges | The next nudge looks back for two minutes; a nudge that comes late is known for [`TRACES_MS`]. |
//! | `claim` | those whose time is over | They count only while it runs. |
//! | `fanout`, `rule`, `salvaged` | never | Whatever is named there stays: recipients to come, what a person decided, what was salvaged. |
//! | `session`, `alias`, `ignored_claim` | sessions that ended, see [`sessions`] | Only if no row and no file of a person refers to it. If its host resumes it, it registers as a new one. |
//!
//! Each piece is one look without a lock and at most one short transaction, which decides anew: what others did
//! meanwhile counts. A kill between two pieces leaves a store like any other, and the next collection goes on.

pub(crate) mod aside;
mod parts;
mod sessions;
mod space;
mod threads;
mod traces;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use session_bridge_core::id::MessageId;

use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::Message;

/// From one collection that servers begin to the next, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Attempts, wakes and the like are kept for so long in any case: a turn that goes on may still look at them.
const TRACES_MS: i64 = DAY_MS;
/// A transaction looks at no further message after this time: a hook waits 50 ms for the lock, and others may be before it.
const HOLD: Duration = Duration::from_millis(5);
/// Between two pieces at least: whoever waits for the lock looks again within 0.6 ms.
const PAUSE: Duration = Duration::from_millis(2);
/// Of a delivery `d`: its reader ended so long ago that it will not come back.
const READER_IS_GONE: &str = "EXISTS (SELECT 1 FROM session s WHERE s.id = d.session AND s.ended < :before)";

/// What a collection removed, and what it left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Threads that went as a whole.
    pub threads: u64,
    /// Messages.
    pub messages: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Deliveries that were read or declined, or put out to readers that ended, of messages to several that stay.
    pub singly: u64,
    /// Attempts, wakes, claims and counts of nudges that nothing refers to.
    pub traces: u64,
    /// Sessions that ended long ago.
    pub sessions: u64,
    /// Old threads that stay.
    pub kept: Kept,
}

/// Old threads that stay, each for the first reason that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Something in them is unread.
    pub unread: u64,
    /// A question in them was shown and is neither answered nor marked, and its reader may come back.
    pub open: u64,
    /// Something is under way: an attempt, a wait, recipients to come.
    pub in_use: u64,
    /// Something changed since.
    pub changed: u64,
}

/// When servers or people last collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCollection {
    /// When it began, in milliseconds since 1970.
    pub began: i64,
    /// When one last came to its end.
    pub ended: Option<i64>,
}

/// One collection, from piece to piece.
#[derive(Debug)]
pub struct Collection {
    /// What changed at or after this time stays, in milliseconds since 1970.
    before: i64,
    /// The same for traces.
    traces_before: i64,
    /// Nothing is changed; what would be is counted.
    dry_run: bool,
    step: Step,
    /// Messages that would be gone by now, in a dry run.
    going: HashSet<i64>,
    /// Recipients whose deliveries would be gone by now, in a dry run, by the position of the message.
    parted: HashMap<i64, HashSet<String>>,
    report: Collected,
    /// How long the last transaction held the write lock, and the longest.
    held: Duration,
    longest: Duration,
}

/// Where a collection is.
#[derive(Debug)]
enum Step {
    Threads(Box<threads::Walk>),
    Parts(parts::Walk),
    Traces(traces::Walk),
    Sessions(String),
    Space,
    Done,
}

/// When a look or a removal is made, and what changed at or after which time stays.
#[derive(Clone, Copy)]
struct Times {
    now: i64,
    before: i64,
}

impl Collection {
    /// Of what did not change for so long, in milliseconds.
    pub fn new(store: &Store, older_than_ms: i64, dry_run: bool) -> Self {
        let now = store.now();
        let before = now.saturating_sub(older_than_ms.max(0));
        Self {
            before,
            traces_before: before.min(now - TRACES_MS),
            dry_run,
            step: Step::Threads(Box::default()),
            going: HashSet::new(),
            parted: HashMap::new(),
            report: Collected::default(),
            held: Duration::ZERO,
            longest: Duration::ZERO,
        }
    }

    /// What was removed so far.
    pub fn report(&self) -> &Collected {
        &self.report
    }

    /// The longest time that one of its transactions held the write lock.
    pub fn longest_hold(&self) -> Duration {
        self.longest
    }

    /// How long to wait before the next piece, so that others come to the lock.
    pub fn pause(&self) -> Duration {
        self.held.max(PAUSE)
    }

    /// Whether a message is there, for what a dry run would leave.
    fn stays(&self, db: &Connection, seq: i64) -> Result<bool, StoreError> {
        let known = db.prepare_cached("SELECT 1 FROM message WHERE seq = ?1")?.exists([seq])?;
        Ok(known && !self.going.contains(&seq))
    }

    /// The same for a delivery.
    fn delivery_stays(&self, db: &Connection, session: &str, seq: i64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM delivery WHERE session = ?1 AND seq = ?2";
        let known = db.prepare_cached(sql)?.exists(params![session, seq])?;
        let parted = self.parted.get(&seq).is_some_and(|sessions| sessions.contains(session));
        Ok(known && !parted && !self.going.contains(&seq))
    }
}

impl Store {
    /// Carries out one piece: a look, and at most one short transaction. False once nothing is left to do.
    pub fn collect(&mut self, collection: &mut Collection) -> Result<bool, StoreError> {
        collection.held = Duration::ZERO;
        match &collection.step {
            Step::Done => return Ok(false),
            // Pages are given back as they become free: the longer their list, the longer each search in it.
            Step::Threads(_) | Step::Parts(_) | Step::Traces(_)
                if self.has_much_space()? && !collection.dry_run =>
            {
                self.give_space_back(collection)?;
            }
            Step::Threads(_) => self.collect_threads(collection)?,
            Step::Parts(_) => self.collect_parts(collection)?,
            Step::Traces(_) => self.collect_traces(collection)?,
            Step::Sessions(_) => self.collect_sessions(collection)?,
            Step::Space if collection.dry_run => collection.step = Step::Done,
            Step::Space => {
                if !self.give_space_back(collection)? {
                    self.shorten_log();
                    self.note_end()?;
                    collection.step = Step::Done;
                }
            }
        }
        Ok(!matches!(collection.step, Step::Done))
    }

    /// Collects until nothing is left to do, with pauses in which others write. Ends early if the store is set aside
    /// meanwhile.
    pub fn gc(&mut self, older_than_ms: i64, dry_run: bool) -> Result<Collection, StoreError> {
        self.reap()?;
        let mut collection = Collection::new(self, older_than_ms, dry_run);
        if !dry_run {
            self.note_begin(None)?;
        }
        while self.is_present() && self.collect(&mut collection)? {
            if collection.held > Duration::ZERO {
                std::thread::sleep(collection.pause());
            }
        }
        Ok(collection)
    }

    /// For servers: whether a day has passed since the last collection began. If so, it is the caller's to begin this one,
    /// and nobody else's. `None` as well where everything is kept.
    pub fn take_collection(&mut self) -> Result<Option<Collection>, StoreError> {
        let Some(older_than_ms) = self.limits().retention_ms() else { return Ok(None) };
        let now = self.now();
        let fresh = |last: Option<LastCollection>| {
            // One that began in the future began under another clock.
            last.is_some_and(|last| last.began <= now && now - last.began < DAY_MS)
        };
        if fresh(self.last_collection()?) || !self.note_begin(Some(&fresh))? {
            return Ok(None);
        }
        self.reap()?;
        Ok(Some(Collection::new(self, older_than_ms, false)))
    }

    /// When the last collection was; `None` if there was none.
    pub fn last_collection(&self) -> Result<Option<LastCollection>, StoreError> {
        last(&self.db)
    }

    /// Notes that a collection begins now, unless that is `taken` already; whether it was noted.
    fn note_begin(
        &mut self,
        taken: Option<&dyn Fn(Option<LastCollection>) -> bool>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        self.commit(|tx| {
            if let Some(taken) = taken
                && taken(last(tx)?)
            {
                return Ok(false);
            }
            let sql = "INSERT INTO collection (one, began) VALUES (1, ?1)
                       ON CONFLICT DO UPDATE SET began = excluded.began";
            tx.execute(sql, [now])?;
            Ok(true)
        })
    }

    fn note_end(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        self.commit(|tx| {
            tx.execute("UPDATE collection SET ended = ?1", [now])?;
            Ok(())
        })
    }

    /// As [`Store::commit`], and says how long the lock was held.
    fn piece<T>(
        &mut self,
        collection: &mut Collection,
        work: impl FnOnce(&Transaction<'_>, Instant) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut began = None;
        let done = self.commit(|tx| work(tx, *began.insert(Instant::now())));
        collection.held = began.map_or(Duration::ZERO, |began| began.elapsed());
        collection.longest = collection.longest.max(collection.held);
        done
    }
}

fn last(db: &Connection) -> Result<Option<LastCollection>, StoreError> {
    let sql = "SELECT began, ended FROM collection";
    let read = |row: &rusqlite::Row<'_>| Ok(LastCollection { began: row.get(0)?, ended: row.get(1)? });
    Ok(db.prepare_cached(sql)?.query_row([], read).optional()?)
}

/// A body that was put out to this session goes: what is older stays late.
fn put_out(tx: &Transaction<'_>, session: &str, seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE session SET collected = ?2 WHERE id = ?1 AND collected < ?2";
    tx.prepare_cached(sql)?.execute(params![session, seq])?;
    Ok(())
}

/// How many deliveries of a message that is there went singly.
pub(crate) fn cleared(db: &Connection, seq: i64) -> Result<u32, StoreError> {
    let sql = "SELECT cleared FROM message WHERE seq = ?1";
    Ok(db.prepare_cached(sql)?.query_row([seq], |row| row.get(0))?)
}

/// Why a session has no delivery of a message that is there: it may have gone, if any did.
pub(crate) fn not_for(db: &Connection, message: &Message) -> StoreError {
    match cleared(db, message.seq) {
        Ok(0) => StoreError::NotYours(message.id),
        Ok(_) => StoreError::Collected(message.id),
        Err(error) => error,
    }
}

/// Why a message is not there. Ids grow with time, so the greatest that was ever removed tells which ones may have been.
pub(crate) fn missing(db: &Connection, id: MessageId) -> StoreError {
    let sql = "SELECT 1 FROM collection WHERE newest >= ?1";
    match db.prepare_cached(sql).and_then(|mut known| known.exists(params![id.to_string()])) {
        Ok(true) => StoreError::Collected(id),
        Ok(false) => StoreError::NoMessage(id),
        Err(error) => error.into(),
    }
}
