//! Overrides that bind nobody (rule W6): the variable is inherited by every CLI that is started inside a session, and by
//! a daemon that serves many. Whoever carries it without being the session that it names is noted here.

use rusqlite::{Transaction, params};
use session_bridge_core::id::SessionId;

use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::parsed;
use crate::sessions::session::Arrival;

/// A live session that was started with an override which belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredClaim {
    /// The session.
    pub session: SessionId,
    /// Its label.
    pub label: String,
    /// What it claimed to be.
    pub claimed: SessionId,
    /// The label of the session that has that id; none if there is no such session.
    pub holder: Option<String>,
    /// Whether its process serves several sessions, which share one environment.
    pub shared: bool,
}

/// Notes whether the session became what its environment claims.
pub(crate) fn note(
    tx: &Transaction<'_>,
    arrival: &Arrival<'_>,
    session: SessionId,
) -> Result<(), StoreError> {
    match arrival.claimed.filter(|claimed| *claimed != session) {
        Some(claimed) => tx.execute(
            "INSERT INTO ignored_claim (session, claimed, shared) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET claimed = excluded.claimed, shared = excluded.shared",
            params![session.to_string(), claimed.to_string(), !arrival.one_per_process],
        )?,
        None => tx.execute("DELETE FROM ignored_claim WHERE session = ?1", [session.to_string()])?,
    };
    Ok(())
}

impl Store {
    /// The live sessions whose override was ignored.
    pub fn ignored_claims(&self) -> Result<Vec<IgnoredClaim>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT i.session, s.label, i.claimed, h.label, i.shared FROM ignored_claim i
             JOIN session s ON s.id = i.session AND s.ended IS NULL
             LEFT JOIN session h ON h.id = i.claimed ORDER BY s.label, s.id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(IgnoredClaim {
                session: parsed(row, 0)?,
                label: row.get(1)?,
                claimed: parsed(row, 2)?,
                holder: row.get(3)?,
                shared: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The id that an arrival may have: where a process serves several sessions, its environment names none of them.
pub(crate) fn claim(arrival: &Arrival<'_>) -> Option<SessionId> {
    arrival.claimed.filter(|_| arrival.one_per_process)
}
