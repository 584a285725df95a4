//! Wakes: when an idle session is nudged, and what its door did (rules B6, B7). Times are decided here; doors are rung
//! by whoever may.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};
use session_bridge_core::id::SessionId;
use session_bridge_core::nudge::{Nudge, WakeId};
use session_bridge_core::process::ProcessKey;

use crate::claim;
use crate::clock::{PASSED, Reading};
use crate::error::StoreError;
use crate::open::Store;
use crate::row::{MESSAGE, Message, State};
use crate::rule::UNMUTED;
use crate::run::Activity;
use crate::schema::HOT;

/// A burst is gathered: no nudge before the newest message is so old, in milliseconds.
const GATHER_MS: i64 = 250;
/// But a burst that does not end is not waited for longer than this.
const GATHER_MOST_MS: i64 = 2_000;
/// A hook that noted `idle` may still be at work.
const SETTLE_MS: i64 = 400;
/// A session noted busy is left to its hooks until it was silent for so long.
const BUSY_MS: i64 = 20_000;
/// From one nudge to the next. Less often than twelve times a minute, whatever happens.
const COOLDOWN_MS: i64 = 8_000;
/// How long nudges without any event are waited for, one after the other.
const PAUSES_MS: [i64; 4] = [30_000, 60_000, 120_000, 120_000];
/// What begins the remark on a delivery that no nudge moved.
const HELD: &str = "held: ";
/// How many waiting messages are looked at.
const LOOK: usize = 500;

/// Whoever rings a door: through which one, and of which process.
#[derive(Debug, Clone, Copy)]
pub struct Ringer<'a> {
    /// The door's name, for receipts.
    pub door: &'a str,
    /// The process that the door leads to; only a session that its hooks last saw there is nudged.
    pub host: Option<ProcessKey>,
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
    tries: usize,
}

impl Store {
    /// Decides whether a session is nudged now. At most one wake is open per session, and each try is committed before
    /// it is made, so that of several ringers one rings.
    pub fn wake_due(&mut self, session: SessionId, ringer: Ringer<'_>) -> Result<Due, StoreError> {
        let clocks = self.clock.read();
        let now = clocks.wall;
        let run = self.run.clone();
        let folder = run.session(session);
        if !folder.bell_stands() {
            return Ok(Due::Nothing);
        }
        let Some(live) = folder.live().filter(|live| ringer.host.is_none_or(|host| host == live.host)) else {
            return Ok(Due::Nothing);
        };
        if self.paused(&self.session(session)?).is_some() {
            return Ok(Due::Nothing);
        }
        let seen = folder.last_seen().unwrap_or(now);
        self.write(|tx| {
            let claims = claim::standing(tx, session, now, |server| folder.server_lives(server))?;
            let waiting = waiting(tx, session, &clocks)?;
            let (Some(oldest), Some(newest)) =
                (waiting.iter().map(|m| m.created).min(), waiting.iter().map(|m| m.created).max())
            else {
                return Ok(Due::Nothing);
            };
            if !claims.is_empty() {
                // A tool call of ours is under way there.
                return Ok(Due::At(now + BUSY_MS));
            }
            let open = open(tx, session)?;
            let tries = open.as_ref().map_or(0, |wake| wake.tries);
            let last = last_try(tx, session)?;
            let quiet = match live.activity {
                Activity::Idle => seen + SETTLE_MS,
                // What the host took will be read when it goes on, and that is an event.
                Activity::Busy if tries > 0 => return Ok(Due::Nothing),
                Activity::Busy => seen + BUSY_MS,
            };
            let pause = match tries.checked_sub(1) {
                None => COOLDOWN_MS,
                Some(n) => PAUSES_MS.get(n).copied().unwrap_or(PAUSES_MS[PAUSES_MS.len() - 1]),
            };
            let gathered = (newest + GATHER_MS).min(oldest + GATHER_MOST_MS);
            // A clock that was set back must not put a wake off for long.
            let at = gathered.max(quiet).max(last.map_or(0, |at| at + pause)).min(now + PAUSES_MS[3]);
            if at > now {
                return Ok(Due::At(at));
            }
            if tries >= PAUSES_MS.len() {
                hold(tx, session, &waiting, ringer.door)?;
                return Ok(Due::Nothing);
            }
            let wake = match open {
                Some(open) => open.id,
                None => begin(tx, session)?,
            };
            tx.execute(
                "UPDATE wake SET tries = tries + 1, tried = ?2 WHERE id = ?1",
                params![wake.as_str(), now],
            )?;
            // A later try of the same wake tells a sender nothing new.
            let announces = waiting.iter().filter(|_| tries == 0).map(|message| message.seq).collect();
            Ok(Due::Now(Ring { nudge: Nudge { wake, count: waiting.len() }, announces, at: now }))
        })
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
}

/// Messages that may start a turn and that nobody is about to show.
fn waiting(tx: &Transaction<'_>, session: SessionId, clocks: &Reading) -> Result<Vec<Message>, StoreError> {
    let sql = format!(
        "SELECT {MESSAGE} FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
         WHERE d.session = :session AND {HOT} AND d.state = 'stored' AND d.parked = 0 AND d.attempt IS NULL
           AND d.doubt = 0 AND NOT {PASSED} AND {UNMUTED} ORDER BY d.seq LIMIT {LOOK}"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":session": session.to_string(), ":wall": clocks.wall, ":boot": clocks.boot_id(), ":up": clocks.up()
        },
        Message::read,
    )?;
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    found.retain(crate::row::Message::wakes);
    Ok(found)
}

fn open(tx: &Transaction<'_>, session: SessionId) -> Result<Option<Open>, StoreError> {
    let row = tx
        .query_row(
            "SELECT id, tries FROM wake WHERE session = ?1 AND closed IS NULL",
            [session.to_string()],
            |row| Ok(Open { id: crate::row::parsed(row, 0)?, tries: row.get::<_, u32>(1)? as usize }),
        )
        .optional()?;
    Ok(row)
}

fn begin(tx: &Transaction<'_>, session: SessionId) -> Result<WakeId, StoreError> {
    let id = WakeId::generate();
    tx.execute("INSERT INTO wake (id, session) VALUES (?1, ?2)", params![id.as_str(), session.to_string()])?;
    Ok(id)
}

fn last_try(db: &Connection, session: SessionId) -> Result<Option<i64>, StoreError> {
    Ok(db.query_row("SELECT max(tried) FROM wake WHERE session = ?1", [session.to_string()], |row| {
        row.get(0)
    })?)
}

fn hold(tx: &Transaction<'_>, session: SessionId, waiting: &[Message], door: &str) -> Result<(), StoreError> {
    for message in waiting {
        tx.execute(
            "UPDATE delivery SET remark = ?3 WHERE session = ?1 AND seq = ?2 AND remark IS NULL",
            params![
                session.to_string(),
                message.seq,
                format!(
                    "{HELD}{door} was written to {} times and the session did not react",
                    PAUSES_MS.len()
                )
            ],
        )?;
    }
    Ok(())
}

/// The session reacted: its wake is over, and nothing is held any more.
pub(crate) fn close(tx: &Transaction<'_>, session: SessionId, now: i64) -> Result<(), StoreError> {
    let closed = tx
        .prepare_cached("UPDATE wake SET closed = ?2 WHERE session = ?1 AND closed IS NULL")?
        .execute(params![session.to_string(), now])?;
    if closed > 0 {
        tx.execute(
            "UPDATE delivery INDEXED BY delivery_remark SET remark = NULL
             WHERE session = ?1 AND remark IS NOT NULL AND remark LIKE ?2 || '%'",
            params![session.to_string(), HELD],
        )?;
    }
    Ok(())
}

/// Whether this session was nudged under that id.
pub(crate) fn is_known(db: &Connection, session: SessionId, wake: &WakeId) -> Result<bool, StoreError> {
    Ok(db.query_row(
        "SELECT EXISTS (SELECT 1 FROM wake WHERE id = ?1 AND session = ?2)",
        params![wake.as_str(), session.to_string()],
        |row| row.get(0),
    )?)
}
