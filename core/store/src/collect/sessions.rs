//! Sessions that ended long ago and that nothing refers to any more, with their aliases and run folders.
//!
//! One stays that has mail or sent some that is there, that a person paused, muted or blocked or for whom a person did
//! so, or whose folder says that it lives. The row goes under the write lock together with the folder, so that a host
//! that resumes it just now finds both or makes both: a missing folder means the slow path (rule B4).

use std::fs;
use std::io;

use rusqlite::{Connection, Transaction, params};
use session_bridge_core::id::SessionId;

use super::{Collection, Step};
use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::parsed;
use crate::run::RunFolders;
use crate::sessions::pause::Pause;

/// Sessions of one look.
const LOOK: u32 = 64;
/// Sessions of one transaction: each has some files.
const CHUNK: usize = 8;

impl Store {
    /// One piece.
    pub(super) fn collect_sessions(&mut self, collection: &mut Collection) -> Result<(), StoreError> {
        let Step::Sessions(after) = &collection.step else { return Ok(()) };
        let (before, traces_before) = (collection.before, collection.traces_before);
        let sql =
            "SELECT id, ended IS NOT NULL AND ended < ?2 FROM session WHERE id > ?1 ORDER BY id LIMIT ?3";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![after, before, LOOK], |row| Ok((parsed::<SessionId>(row, 0)?, row.get(1)?)))?;
        let rows = rows.collect::<Result<Vec<(SessionId, bool)>, _>>()?;
        drop(statement);
        let (mut free, mut last) = (Vec::new(), None);
        for (session, old) in rows {
            last = Some(session);
            if old && self.is_forgotten(collection, session)? {
                free.push(session);
            }
            if free.len() == CHUNK {
                break;
            }
        }
        collection.step = last.map_or(Step::Space, |id| Step::Sessions(id.to_string()));
        let mut removed = free.len() as u64;
        if !free.is_empty() && !collection.dry_run {
            let run = self.run.clone();
            removed = self.piece(collection, |tx, _| {
                let mut removed = 0;
                for session in &free {
                    removed += u64::from(remove(tx, &run, *session, before, traces_before)?);
                }
                Ok(removed)
            })?;
        }
        collection.report.sessions += removed;
        Ok(())
    }

    /// Whether neither a row nor a file needs a session that ended long ago.
    fn is_forgotten(&self, collection: &Collection, session: SessionId) -> Result<bool, StoreError> {
        let folder = self.run.session(session);
        if folder.last_seen().is_some_and(|seen| seen >= collection.before)
            || Pause::Session(session).stands(&self.home)
            || folder.any_server_lives()
        {
            return Ok(false);
        }
        if !collection.dry_run {
            return is_free(&self.db, session, collection.traces_before);
        }
        // What would be gone by then does not count.
        let id = session.to_string();
        let sql = "SELECT 0, seq FROM delivery WHERE session = ?1
                   UNION ALL SELECT 1, seq FROM message WHERE sender = ?1";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query([&id])?;
        while let Some(row) = rows.next()? {
            let (sent, seq) = (row.get(0)?, row.get(1)?);
            let stays = if sent {
                collection.stays(&self.db, seq)?
            } else {
                collection.delivery_stays(&self.db, &id, seq)?
            };
            if stays {
                return Ok(false);
            }
        }
        no_other_row(&self.db, session, collection.traces_before)
    }
}

fn is_free(db: &Connection, session: SessionId, traces_before: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE session = ?1)
                   OR EXISTS (SELECT 1 FROM message INDEXED BY message_sender WHERE sender = ?1)";
    let used: bool = db.prepare_cached(sql)?.query_row([session.to_string()], |row| row.get(0))?;
    Ok(!used && no_other_row(db, session, traces_before)?)
}

/// Rules and recipients to come are few: people make the ones, and the others are gone in a moment.
fn no_other_row(db: &Connection, session: SessionId, traces_before: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM rule WHERE reader = ?1 OR peer = ?1)
                   OR EXISTS (SELECT 1 FROM fanout WHERE session = ?1)
                   OR EXISTS (SELECT 1 FROM claim WHERE session = ?1 AND until >= ?2)
                   OR EXISTS (SELECT 1 FROM wake WHERE session = ?1 AND (closed IS NULL OR closed >= ?2))
                   OR EXISTS (SELECT 1 FROM attempt INDEXED BY attempt_alive
                              WHERE session = ?1 AND status IN ('open', 'written', 'injected'))";
    let used: bool =
        db.prepare_cached(sql)?.query_row(params![session.to_string(), traces_before], |row| row.get(0))?;
    Ok(!used)
}

/// Under the lock. False if it is needed after all, or its folder cannot be removed.
fn remove(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
    before: i64,
    traces_before: i64,
) -> Result<bool, StoreError> {
    let id = session.to_string();
    let ended = tx
        .prepare_cached("SELECT 1 FROM session WHERE id = ?1 AND ended < ?2")?
        .exists(params![id, before])?;
    if !ended || !is_free(tx, session, traces_before)? {
        return Ok(false);
    }
    let folder = run.session(session);
    let lease = folder.try_lease();
    if matches!(lease, Ok(None)) {
        return Ok(false);
    }
    let mut statement = tx.prepare_cached("SELECT provider, native FROM alias WHERE session = ?1")?;
    let aliases = statement
        .query_map([&id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    for (provider, native) in &aliases {
        if run.bound(provider, native) == Some(session) {
            run.unbind(provider, native);
        }
    }
    match fs::remove_dir_all(folder.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(false),
        _ => {}
    }
    for table in ["alias", "ignored_claim"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE session = ?1"))?.execute([&id])?;
    }
    tx.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([&id])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::database::tests::plan_of;

    #[test]
    fn whether_a_session_is_needed_costs_nothing_for_the_others() {
        for (sql, index) in [
            ("SELECT 1 FROM delivery WHERE session = 'x'", "(session=?)"),
            (
                "SELECT 1 FROM message INDEXED BY message_sender WHERE sender = 'x'",
                "message_sender (sender=?)",
            ),
            ("SELECT 1 FROM claim WHERE session = 'x'", "claim_session (session=?)"),
            ("SELECT 1 FROM wake WHERE session = 'x'", "(session=?)"),
            ("SELECT provider FROM alias WHERE session = 'x'", "alias_session (session=?)"),
        ] {
            let plan = &plan_of(sql)[0];
            assert!(plan.contains(index), "{sql}: {plan}");
        }
    }
}
