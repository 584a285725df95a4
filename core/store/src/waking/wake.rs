//! Wakes: when an idle session is nudged, and what its door did (rules B6, B7). Times are decided here; doors are rung
//! by whoever may.
//!
//! An open wake stands while mail waits that may start a turn, and says when somebody has to look. It is written in the
//! sender's transaction, and by each event of the session that leaves such mail behind.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};
use session_bridge_core::event::Moment;
use session_bridge_core::id::SessionId;
use session_bridge_core::nudge::{Nudge, WakeId};
use session_bridge_core::process::{self, ProcessKey};

use crate::clock::{PASSED, Reading};
use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::delivery::claim;
use crate::error::StoreError;
use crate::row::State;
use crate::run::{Activity, Live, RunFolder};
use crate::sessions::rule::UNMUTED;
use crate::waking::pace::{self, Pace};

/// A burst is gathered: no nudge before the newest message is so old, in milliseconds.
pub(crate) const GATHER_MS: i64 = 250;
/// But a burst that does not end is not waited for longer than this.
const GATHER_MOST_MS: i64 = 2_000;
/// A hook that noted `idle` may still be at work.
const SETTLE_MS: i64 = 400;
/// A session noted busy is left to its hooks until it was silent for so long.
const BUSY_MS: i64 = 20_000;
/// The same where the door is a queue and the host tells every end of a turn: only a crash leaves it noted busy.
const BUSY_MOST_MS: i64 = 120_000;
/// How long nudges without any event are waited for, one after the other.
const PAUSES_MS: [i64; 4] = [30_000, 60_000, 120_000, 120_000];
/// Who wrote a wake, or serves its session, has so long before others carry it out.
const GRACE_MS: i64 = 2_000;
/// Who took an overdue wake on has so long.
const TAKEN_MS: i64 = 5_000;
/// What begins the remark on a delivery that no wake will come for.
pub(crate) const HELD: &str = "held: ";
/// What begins the remark on a delivery whose wake was put off.
const DEFERRED: &str = "deferred: ";
/// How many waiting messages are looked at.
const LOOK: usize = 500;
/// How long a ringer follows a session's wake; it is much less than any host's limit. A later wake is left to whoever
/// comes.
pub const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS.unsigned_abs());
const PATIENCE_MS: i64 = 25_000;
/// Mail that may start a turn and that nobody is about to show, over the columns of `delivery`.
const WAITS: &str = "state = 'stored' AND parked = 0 AND attempt IS NULL AND doubt = 0 AND wakes = 1";

/// Whoever rings a door: through which one, and of which process.
#[derive(Debug, Clone, Copy)]
pub struct Ringer<'a> {
    /// The door's name, for receipts.
    pub door: &'a str,
    /// The process that the door leads to; only a session that its hooks last saw there is nudged. `None` follows the
    /// hooks.
    pub host: Option<ProcessKey>,
    /// The door is a queue: what it takes waits behind the turn that is under way, and after an interruption until the
    /// next prompt.
    pub queues: bool,
}

/// What is to be done for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing, until its bell or its sign of life changes.
    Nothing,
    /// Look again then, in milliseconds since 1970.
    At(i64),
    /// Ring now. That it is tried is committed.
    Now(Ring),
}

/// A nudge to hand to a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The nudge.
    pub nudge: Nudge,
    /// Messages whose receipts have no step of this wake yet.
    announces: Vec<i64>,
    at: i64,
}

/// The open wake of a session.
struct Open {
    id: WakeId,
    due: Option<i64>,
    tries: usize,
}

/// A message that waits.
struct Waiting {
    seq: i64,
    created: i64,
}

impl Store {
    /// Decides whether a session is nudged now. At most one wake is open per session, and each try is committed before
    /// it is made, so that of several ringers one rings.
    pub fn wake_due(&mut self, session: SessionId, ringer: Ringer<'_>) -> Result<Due, StoreError> {
        let folder = self.run.session(session);
        if !folder.bell_stands() && open(&self.db, session)?.is_none() {
            return Ok(Due::Nothing);
        }
        if self.paused(&self.session(session)?).is_some() {
            return self.write(|tx| plan(tx, session, None)).map(|()| Due::Nothing);
        }
        let look = Look {
            session,
            ringer,
            clocks: self.clock.read(),
            pace: Pace::of(self.limits()),
            live: folder.live(),
            seen: folder.last_seen(),
        };
        self.write(|tx| look.decide(tx, &folder))
    }

    /// Notes in the receipts that the door took a nudge. The deliveries stay as free as they were. The session may have
    /// reacted by now: the step stands at the time of the nudge.
    pub fn nudged(&mut self, session: SessionId, ring: &Ring, door: &str) -> Result<(), StoreError> {
        self.write(|tx| {
            for seq in &ring.announces {
                tx.execute(
                    "INSERT INTO step (session, seq, state, at, surface, evidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        session.to_string(),
                        seq,
                        State::Offered.as_str(),
                        ring.at,
                        door,
                        "nudge written, without the body"
                    ],
                )?;
            }
            Ok(())
        })
    }

    /// Whether somebody has to look after a session's wake within a ringer's [`PATIENCE`].
    pub fn wakes_soon(&self, session: SessionId) -> Result<bool, StoreError> {
        self.wakes_within(session, PATIENCE_MS)
    }

    /// Whether somebody has to look after a session's wake within so many milliseconds.
    pub fn wakes_within(&self, session: SessionId, ms: i64) -> Result<bool, StoreError> {
        let due = open(&self.db, session)?.and_then(|wake| wake.due);
        Ok(due.is_some_and(|due| due <= self.now().saturating_add(ms)))
    }

    /// Sessions of these providers whose wake is overdue: nobody carried it out. They are the caller's for a few
    /// seconds. One look into an index where there is none.
    pub fn take_overdue_wakes(&mut self, providers: &[&str]) -> Result<Vec<SessionId>, StoreError> {
        let now = self.now();
        let marks = vec!["?"; providers.len()].join(", ");
        // A few at a time: each is a process.
        let sql = format!(
            "SELECT w.session FROM wake w JOIN session s ON s.id = w.session
             WHERE w.closed IS NULL AND w.due <= {} AND s.provider IN ({marks}) ORDER BY w.due LIMIT 8",
            now - GRACE_MS
        );
        let find = |db: &Connection| -> Result<Vec<SessionId>, StoreError> {
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(rusqlite::params_from_iter(providers), |row| crate::row::parsed(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        if find(&self.db)?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|tx| {
            let found = find(tx)?;
            for session in &found {
                plan(tx, *session, Some(now + TAKEN_MS))?;
            }
            Ok(found)
        })
    }
}

/// One look at one session.
struct Look<'a> {
    session: SessionId,
    ringer: Ringer<'a>,
    clocks: Reading,
    pace: Pace,
    live: Option<Live>,
    seen: Option<i64>,
}

impl Look<'_> {
    fn decide(&self, tx: &Transaction<'_>, folder: &RunFolder) -> Result<Due, StoreError> {
        let (session, now) = (self.session, self.clocks.wall);
        let Some(live) = self.live.filter(|live| process::is_alive(live.host)) else {
            plan(tx, session, None)?;
            return Ok(Due::Nothing);
        };
        if self.ringer.host.is_some_and(|host| host != live.host) {
            // Somebody else's.
            return Ok(Due::Nothing);
        }
        let waiting = waiting(tx, session, &self.clocks)?;
        let (Some(oldest), Some(newest)) =
            (waiting.iter().map(|m| m.created).min(), waiting.iter().map(|m| m.created).max())
        else {
            end(tx, session, now)?;
            return Ok(Due::Nothing);
        };
        let claims = claim::standing(tx, session, now, |server| folder.server_lives(server))?;
        if !claims.is_empty() {
            // A tool call of ours is under way there.
            return at(tx, session, now + BUSY_MS);
        }
        let open = open(tx, session)?;
        let tries = open.as_ref().map_or(0, |wake| wake.tries);
        let Some(quiet) = self.quiet(live, tries) else {
            plan(tx, session, None)?;
            return Ok(Due::Nothing);
        };
        if let (Activity::Interrupted, true) = (live.activity, self.ringer.queues) {
            let door = self.ringer.door;
            let why = format!(
                "{HELD}its user interrupted the last turn, and {door} keeps what comes until the next prompt"
            );
            remark(tx, session, &why)?;
            plan(tx, session, None)?;
            return Ok(Due::Nothing);
        }
        let pause = tries.checked_sub(1).map(|n| PAUSES_MS.get(n).copied().unwrap_or(PAUSES_MS[3]));
        let gathered = (newest + GATHER_MS).min(oldest + GATHER_MOST_MS).max(quiet);
        let last = last_try(tx, session)?;
        let next = gathered.max(last.map_or(0, |at| at + pause.unwrap_or(0)));
        // Retries keep to the pace by their pauses; a role's share counts them all the same.
        let (paced, why) = self.pace.next(tx, session, last.filter(|_| tries == 0), now)?;
        if paced > next.max(now) {
            remark(tx, session, &format!("{DEFERRED}{why}"))?;
        }
        // A clock that was set back must not put a wake off for long.
        let next = next.max(paced).min(now + PAUSES_MS[3]);
        if next > now {
            return at(tx, session, next);
        }
        if tries >= PAUSES_MS.len() {
            let door = self.ringer.door;
            let why = format!(
                "{HELD}{door} was written to {} times and the session did not react",
                PAUSES_MS.len()
            );
            remark(tx, session, &why)?;
            plan(tx, session, None)?;
            return Ok(Due::Nothing);
        }
        self.ring(tx, open, tries, &waiting)
    }

    /// When the session is quiet enough; `None` if only an event of it can tell.
    fn quiet(&self, live: Live, tries: usize) -> Option<i64> {
        let now = self.clocks.wall;
        let seen = self.seen.unwrap_or(now);
        match live.activity {
            Activity::Idle | Activity::Interrupted => Some(seen + SETTLE_MS),
            // What the host took will be read when it goes on, and that is an event.
            Activity::Busy if tries > 0 => None,
            Activity::Busy if !self.ringer.queues => Some(seen + BUSY_MS),
            // A queue is of no use to a turn. Look again, in case the turn's end is not told.
            Activity::Busy if seen + BUSY_MOST_MS > now => Some((seen + BUSY_MS).max(now + BUSY_MS)),
            Activity::Busy => Some(now),
        }
    }

    fn ring(
        &self,
        tx: &Transaction<'_>,
        open: Option<Open>,
        tries: usize,
        waiting: &[Waiting],
    ) -> Result<Due, StoreError> {
        let (session, now) = (self.session, self.clocks.wall);
        let wake = match open {
            Some(open) => open.id,
            None => begin(tx, session)?,
        };
        tx.execute(
            "UPDATE wake SET tries = tries + 1, tried = ?2, due = ?3 WHERE id = ?1",
            params![wake.as_str(), now, now + PAUSES_MS[tries]],
        )?;
        pace::count(tx, session, &wake, now)?;
        forget_remarks(tx, session, DEFERRED)?;
        // A later try of the same wake tells a sender nothing new.
        let announces = waiting.iter().filter(|_| tries == 0).map(|message| message.seq).collect();
        Ok(Due::Now(Ring { nudge: Nudge { wake, count: waiting.len() }, announces, at: now }))
    }
}

/// Mail was laid down for a session: somebody looks then, if nobody would look at all.
pub(crate) fn ask(tx: &Transaction<'_>, session: SessionId, due: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO wake (id, session, due) VALUES (?1, ?2, ?3)
         ON CONFLICT (session) WHERE closed IS NULL DO UPDATE SET due = coalesce(due, excluded.due)",
    )?
    .execute(params![fresh(tx)?.as_str(), session.to_string(), due])?;
    Ok(())
}

/// The session reacted: a wake that was tried is over, and nothing is held at its door any more. Mail that is left over
/// gets a wake of its own.
pub(crate) fn react(
    tx: &Transaction<'_>,
    session: SessionId,
    moment: Moment,
    now: i64,
) -> Result<(), StoreError> {
    let closed = tx
        .prepare_cached("UPDATE wake SET closed = ?2 WHERE session = ?1 AND closed IS NULL AND tries > 0")?
        .execute(params![session.to_string(), now])?;
    forget_remarks(tx, session, HELD)?;
    let over = matches!(moment, Moment::TurnEnd | Moment::Interrupt);
    if !waits(tx, session)? {
        return if closed > 0 { Ok(()) } else { end(tx, session, now) };
    }
    ask(tx, session, now + BUSY_MS)?;
    if over { plan(tx, session, Some(now + SETTLE_MS)) } else { Ok(()) }
}

/// A wake for mail that waits, whoever left it.
pub(crate) fn leave(tx: &Transaction<'_>, session: SessionId, now: i64) -> Result<(), StoreError> {
    if waits(tx, session)? { ask(tx, session, now + GATHER_MS) } else { Ok(()) }
}

/// No wake is wanted any more.
pub(crate) fn end(tx: &Transaction<'_>, session: SessionId, now: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE wake SET closed = ?2 WHERE session = ?1 AND closed IS NULL")?
        .execute(params![session.to_string(), now])?;
    Ok(())
}

/// Whether this session was nudged under that id.
pub(crate) fn is_known(db: &Connection, session: SessionId, wake: &WakeId) -> Result<bool, StoreError> {
    Ok(db.query_row(
        "SELECT EXISTS (SELECT 1 FROM wake WHERE id = ?1 AND session = ?2 AND tries > 0)",
        params![wake.as_str(), session.to_string()],
        |row| row.get(0),
    )?)
}

fn waits(tx: &Transaction<'_>, session: SessionId) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_hot WHERE session = ?1 AND {HOT} AND {WAITS})"
    );
    Ok(tx.prepare_cached(&sql)?.query_row([session.to_string()], |row| row.get(0))?)
}

fn waiting(tx: &Transaction<'_>, session: SessionId, clocks: &Reading) -> Result<Vec<Waiting>, StoreError> {
    let sql = format!(
        "SELECT d.seq, m.created FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
         WHERE d.session = :session AND {HOT} AND {WAITS} AND NOT {PASSED} AND {UNMUTED} ORDER BY d.seq LIMIT {LOOK}"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":session": session.to_string(), ":wall": clocks.wall, ":boot": clocks.boot_id(), ":up": clocks.up()
        },
        |row| Ok(Waiting { seq: row.get(0)?, created: row.get(1)? }),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn open(db: &Connection, session: SessionId) -> Result<Option<Open>, StoreError> {
    let row = db
        .prepare_cached("SELECT id, due, tries FROM wake WHERE session = ?1 AND closed IS NULL")?
        .query_row([session.to_string()], |row| {
            Ok(Open {
                id: crate::row::parsed(row, 0)?,
                due: row.get(1)?,
                tries: row.get::<_, u32>(2)? as usize,
            })
        })
        .optional()?;
    Ok(row)
}

/// An id that no wake of this store has. It is short, as it stands in texts: of a hundred thousand, some come twice.
fn fresh(tx: &Transaction<'_>) -> Result<WakeId, StoreError> {
    let mut taken = tx.prepare_cached("SELECT 1 FROM wake WHERE id = ?1")?;
    loop {
        let id = WakeId::generate();
        if !taken.exists([id.as_str()])? {
            return Ok(id);
        }
    }
}

fn begin(tx: &Transaction<'_>, session: SessionId) -> Result<WakeId, StoreError> {
    let id = fresh(tx)?;
    tx.execute("INSERT INTO wake (id, session) VALUES (?1, ?2)", params![id.as_str(), session.to_string()])?;
    Ok(id)
}

/// Says when somebody has to look; `None` leaves it to the session's next event.
fn plan(tx: &Transaction<'_>, session: SessionId, due: Option<i64>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE wake SET due = ?2 WHERE session = ?1 AND closed IS NULL AND due IS NOT ?2")?
        .execute(params![session.to_string(), due])?;
    Ok(())
}

fn at(tx: &Transaction<'_>, session: SessionId, due: i64) -> Result<Due, StoreError> {
    ask(tx, session, due)?;
    plan(tx, session, Some(due))?;
    Ok(Due::At(due))
}

fn last_try(db: &Connection, session: SessionId) -> Result<Option<i64>, StoreError> {
    Ok(db.query_row("SELECT max(tried) FROM wake WHERE session = ?1", [session.to_string()], |row| {
        row.get(0)
    })?)
}

/// Says in the receipts why no nudge comes, or none yet.
fn remark(tx: &Transaction<'_>, session: SessionId, why: &str) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE delivery INDEXED BY delivery_hot SET remark = ?2 WHERE session = ?1 AND {HOT} AND {WAITS}"
    );
    tx.execute(&sql, params![session.to_string(), why])?;
    Ok(())
}

fn forget_remarks(tx: &Transaction<'_>, session: SessionId, begin: &str) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE delivery INDEXED BY delivery_hot SET remark = NULL
         WHERE session = ?1 AND {HOT} AND wakes = 1 AND remark LIKE ?2 || '%'"
    );
    tx.prepare_cached(&sql)?.execute(params![session.to_string(), begin])?;
    Ok(())
}
