//! How sessions end: their host says so, or its process is gone.
//!
//! Whoever ends a session names the process that it knew it in. Another one may have resumed it meanwhile: that one has given
//! its sign of life, so its events would never look into the store again, and find out that the session counts as ended.

use rusqlite::{Connection, Transaction, params};
use session_bridge_core::id::SessionId;
use session_bridge_core::process::{self, ProcessKey};

use crate::clock::Reading;
use crate::database::open::Store;
use crate::delivery::attempt;
use crate::delivery::expire;
use crate::error::StoreError;
use crate::row::parsed;
use crate::run::RunFolders;
use crate::sessions::session::Session;
use crate::waking::wake;

impl Store {
    /// Ends a session, wherever it is. Its mail stays.
    pub fn end(&mut self, id: SessionId, reason: &str) -> Result<(), StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        self.write(|tx| end(tx, &run, id, reason, &clocks))
    }

    /// Ends a session in the process that it was read with. Nothing happens if it has gone on in another one.
    pub fn end_in_its_process(&mut self, session: &Session, reason: &str) -> Result<(), StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        self.write(|tx| end_in(tx, &run, session.id, session.host, reason, &clocks))
    }

    /// Notes sessions whose host process is gone as ended. Whoever sends without looking at the list of sessions calls
    /// it first, so that nobody rings the door of a process that is no more.
    pub fn reap(&mut self) -> Result<(), StoreError> {
        let gone = gone(&self.db, None)?;
        if gone.is_empty() {
            return Ok(());
        }
        let clocks = self.clock.read();
        let run = self.run.clone();
        self.tidy(|tx| bury(tx, &run, &gone, &clocks))
    }
}

/// Live sessions, of one room or of all, whose host process is gone, each with that process.
pub(super) fn gone(db: &Connection, room: Option<&str>) -> Result<Vec<(SessionId, ProcessKey)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, host_pid, host_start FROM session
         WHERE ended IS NULL AND host_pid IS NOT NULL AND (?1 IS NULL OR room = ?1)",
    )?;
    let rows = statement.query_map([room], |row| {
        let start: i64 = row.get(2)?;
        Ok((parsed::<SessionId>(row, 0)?, ProcessKey { pid: row.get(1)?, start: start.cast_unsigned() }))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (id, host) = row?;
        if !process::is_alive(host) {
            found.push((id, host));
        }
    }
    Ok(found)
}

/// Ends sessions whose process was found gone.
pub(super) fn bury(
    tx: &Transaction<'_>,
    run: &RunFolders,
    gone: &[(SessionId, ProcessKey)],
    clocks: &Reading,
) -> Result<(), StoreError> {
    gone.iter().try_for_each(|(id, host)| end_in(tx, run, *id, Some(*host), "process gone", clocks))
}

/// Ends a session, unless it is not in that process any more.
fn end_in(
    tx: &Transaction<'_>,
    run: &RunFolders,
    id: SessionId,
    host: Option<ProcessKey>,
    why: &str,
    clocks: &Reading,
) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM session WHERE id = ?1 AND ended IS NULL AND host_pid IS ?2 AND host_start IS ?3";
    let (pid, start) = (host.map(|host| host.pid), host.map(|host| host.start.cast_signed()));
    if tx.prepare_cached(sql)?.exists(params![id.to_string(), pid, start])? {
        end(tx, run, id, why, clocks)?;
    }
    Ok(())
}

/// Ends a session with what is under way in it, and has its bell say what is left.
pub(super) fn end(
    tx: &Transaction<'_>,
    run: &RunFolders,
    id: SessionId,
    why: &str,
    clocks: &Reading,
) -> Result<(), StoreError> {
    let now = clocks.wall;
    leave_open(tx, run, id, clocks)?;
    wake::end(tx, id, now)?;
    tx.execute(
        "UPDATE session SET ended = ?2, end_reason = ?3 WHERE id = ?1 AND ended IS NULL",
        params![id.to_string(), now, why],
    )?;
    attempt::settle_bell(tx, run, id)
}

/// A conversation or its process is over: of what is under way, nothing more can be proven (rule D7). What provably never went
/// out may have waited with its deadline (rule R4), and nobody else may come who looks.
pub(super) fn leave_open(
    tx: &Transaction<'_>,
    run: &RunFolders,
    id: SessionId,
    clocks: &Reading,
) -> Result<(), StoreError> {
    let folder = run.session(id);
    // Whoever holds the lease folds its own note; without a holder, what has no note put out nothing.
    if folder.try_lease().is_ok_and(|lease| lease.is_some()) {
        attempt::fold_note(tx, &folder, clocks.wall)?;
        attempt::sweep_dead(tx, &folder, id)?;
    }
    attempt::doubt_open(tx, id)?;
    expire::for_recipient(tx, run, id, clocks)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use session_bridge_core::home::Home;

    use super::*;
    use crate::database::open::Role;
    use crate::sessions::session::Arrival;
    use crate::sessions::wanted::Wanted;

    /// Between the look at processes and the lock, a session may be resumed in another process.
    #[test]
    fn a_session_that_was_resumed_meanwhile_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&Home::at(dir.path()), Role::Hook).unwrap();
        // It lives until its input is closed, which `wait` does.
        let mut ended = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let old = process::look(ended.id()).unwrap().key;
        ended.wait().unwrap();
        let here = process::look(std::process::id()).unwrap().key;
        let arrival = |host| Arrival {
            provider: "codex",
            short: "codex",
            native: "a",
            host: Some(host),
            one_per_process: true,
            cwd: None,
            start: None,
            claimed: None,
            wanted: Wanted::default(),
        };
        let session = store.arrive(&arrival(old)).unwrap();

        let gone = gone(&store.db, None).unwrap();
        assert_eq!(gone, [(session.id, old)]);
        store.arrive(&arrival(here)).unwrap();
        let (clocks, run) = (store.clock.read(), store.run.clone());
        store.tidy(|tx| bury(tx, &run, &gone, &clocks)).unwrap();
        // The end that the former process tells of comes too late as well.
        store.end_in_its_process(&session, "its host ended it").unwrap();
        assert_eq!(store.session(session.id).unwrap().ended, None);

        let session = store.session(session.id).unwrap();
        store.end_in_its_process(&session, "its host ended it").unwrap();
        assert!(store.session(session.id).unwrap().ended.is_some());
    }
}
