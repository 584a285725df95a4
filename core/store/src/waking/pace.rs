//! How often sessions are woken: a cooldown for each, and a number per minute for all that share a role in a room.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use session_bridge_core::id::SessionId;
use session_bridge_core::limits::Limits;
use session_bridge_core::nudge::WakeId;

use crate::error::StoreError;

const MINUTE_MS: i64 = 60_000;

/// The limits that count here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    cooldown_ms: i64,
    per_minute: u32,
}

impl Pace {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { cooldown_ms: i64::from(limits.wake_cooldown_s) * 1000, per_minute: limits.wakes_per_minute }
    }

    /// When a session may be woken again at the earliest, and which limit says so. `last` is its last wake.
    pub(crate) fn next(
        self,
        tx: &Transaction<'_>,
        session: SessionId,
        last: Option<i64>,
        now: i64,
    ) -> Result<(i64, String), StoreError> {
        let mut next = last.map_or(0, |at| at + self.cooldown_ms);
        let mut why =
            format!("it was woken less than {} s ago (limits.wake_cooldown_s)", self.cooldown_ms / 1000);
        for who in who(tx, session)? {
            // The wake that has to be a minute ago before there is room for another.
            let filled: Option<i64> = tx
                .prepare_cached(
                    "SELECT at FROM rung WHERE who = ?1 AND at > ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3",
                )?
                .query_row(params![who.key, now - MINUTE_MS, self.per_minute - 1], |row| row.get(0))
                .optional()?;
            if let Some(free) = filled.map(|at| at + MINUTE_MS).filter(|free| *free > next) {
                next = free;
                why = format!(
                    "{} woken {} times within a minute (limits.wakes_per_minute)",
                    who.name, self.per_minute
                );
            }
        }
        Ok((next, why))
    }
}

/// Counts one nudge for everybody whom it counts for, and forgets what is over.
pub(crate) fn count(
    tx: &Transaction<'_>,
    session: SessionId,
    wake: &WakeId,
    now: i64,
) -> Result<(), StoreError> {
    for who in who(tx, session)? {
        tx.execute("DELETE FROM rung WHERE who = ?1 AND at <= ?2", params![who.key, now - MINUTE_MS])?;
        tx.execute(
            "INSERT OR IGNORE INTO rung (who, at, wake) VALUES (?1, ?2, ?3)",
            params![who.key, now, wake.as_str()],
        )?;
    }
    Ok(())
}

/// Whose wakes are counted together.
struct Who {
    key: String,
    name: String,
}

/// The roles of a session in its room, or the session itself.
fn who(db: &Connection, session: SessionId) -> Result<Vec<Who>, StoreError> {
    let row = crate::sessions::session::by_id(db, session)?.ok_or(StoreError::NoSession(session))?;
    if row.roles.is_empty() {
        return Ok(vec![Who { key: session.to_string(), name: "it was".to_owned() }]);
    }
    let shared = row.roles.iter().map(|role| Who {
        key: format!("{} {}", row.room.to_lowercase(), role.to_lowercase()),
        name: format!("sessions with the role `{role}` were"),
    });
    Ok(shared.collect())
}
