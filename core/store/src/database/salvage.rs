//! Repair: a damaged store is set aside, a new one takes its place, and what the old one still tells comes over
//! (rules B3 and D8).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params_from_iter};
use serde::Serialize;
use session_bridge_core::home::Home;
use session_bridge_core::id::{AttemptId, SessionId};
use session_bridge_core::name::Name;

use crate::clock::{Clock, Reading};
use crate::collect;
use crate::database::generation::{self, Pointer};
use crate::database::open::{self, Role, Store};
use crate::database::schema;
use crate::delivery::attempt;
use crate::error::StoreError;
use crate::run::RunFolders;
use crate::sessions::session;
use crate::waking::wake;

/// So long after the pointer changed, nobody writes to the old file any more: a writer waits for less than ten seconds,
/// and looks at the pointer before each piece of work.
pub(crate) const WRITERS_DEADLINE: Duration = Duration::from_secs(12);
/// So many messages may still have come into the old file after the new one was begun: their places are left free.
const MARGIN: i64 = 10_000;
/// So many rows in a row may be unreadable before the rest of a table is given up.
const MAX_GAP: i64 = 5_000;

/// What came over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Sessions that the present store did not know.
    pub sessions: u32,
    /// Messages that the present store did not have.
    pub messages: u32,
    /// Deliveries that the present store did not have.
    pub deliveries: u32,
    /// What could not be read, in words.
    pub lost: Vec<String>,
}

/// A store that was set aside and not salvaged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its file.
    pub path: PathBuf,
    generation: u32,
}

/// A table, the columns that come over, and the key that orders its rows.
struct Table {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
}

const SESSION: Table = Table { name: "session", columns: session::COLUMNS, key: "id" };
const ALIAS: Table = Table { name: "alias", columns: "provider, native, session", key: "provider, native" };
const DELIVERY: Table = Table {
    name: "delivery",
    columns: "session, seq, state, parked, wakes, doubt, attempt, shown, marked, answer, remark, sender, expires, \
     boot, boot_expires",
    key: "session, seq",
};
const FANOUT: Table = Table { name: "fanout", columns: "seq, session, wakes, remark", key: "seq, session" };
const RULE: Table = Table { name: "rule", columns: "reader, kind, peer, since", key: "reader, kind, peer" };
const STEP: Table = Table { name: "step", columns: "session, seq, state, at, surface, evidence", key: "id" };
const ATTEMPT: Table = Table {
    name: "attempt",
    columns: "id, session, conversation, turn, surface, event, call, server, guards, by_name, status, created",
    key: "id",
};
const ITEM: Table = Table { name: "item", columns: "attempt, seq, part", key: "attempt, seq" };
const EARLIER: Table = Table { name: "salvaged", columns: "generation, at", key: "generation" };
const MESSAGE_COLUMNS: &str = "seq, id, room, thread, reply_to, sender, sender_name, sender_provider, via, target, \
     kind, subject, body, urgency, hop, created, expires, boot, boot_expires, cleared";

type Row = Vec<Value>;

impl Store {
    /// Sets the present store aside if it is damaged, and says which file that was; `None` if it is whole. Afterwards
    /// an empty store is present that knows the readable sessions, so that addresses go on to work.
    pub fn set_aside(home: &Home, clock: &Clock) -> Result<Option<PathBuf>, StoreError> {
        let hold = generation::hold(home, WRITERS_DEADLINE)?;
        match Self::open_with(home, Role::Cli, clock.clone()).and_then(|store| store.integrity()) {
            Ok(faults) if faults.is_empty() => return Ok(None),
            Ok(_) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let number = generation::present(home)?;
        let old_path = generation::database(home, number);
        let newest = generation::present_files(home).last().copied().unwrap_or(number);
        let next = newest.max(number) + 1;
        let (_, mut db) = open::open_file(&generation::database(home, next), Role::Cli)?;
        if let Some(old) = open_old(&old_path) {
            let tx = db.transaction()?;
            let mut found = Salvaged::default();
            sessions(&tx, &RunFolders::of(home), &old, &clock.read(), &mut found)?;
            let last: i64 =
                old.query_row("SELECT coalesce(max(seq), 0) FROM message", [], |row| row.get(0)).unwrap_or(0);
            tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('message', ?1)", [last + MARGIN])?;
            tx.commit()?;
        }
        // Its pages reach the database file before anybody can look for them there.
        db.close().map_err(|(_, error)| error)?;
        generation::point(home, Pointer { number: next, since: clock.now() }, &hold)?;
        Ok(Some(old_path))
    }

    /// The stores that were set aside and not salvaged yet, newest first.
    pub fn unsalvaged(&self) -> Result<Vec<SetAside>, StoreError> {
        let present = generation::present(self.home())?;
        let mut found = Vec::new();
        for generation in generation::present_files(self.home()).into_iter().rev().filter(|n| *n < present) {
            let known = "SELECT 1 FROM salvaged WHERE generation = ?1";
            if self.db.query_row(known, [generation], |_| Ok(())).optional()?.is_none() {
                found.push(SetAside { path: generation::database(self.home(), generation), generation });
            }
        }
        Ok(found)
    }

    /// How long it takes until nobody can write to a store any more that was set aside.
    pub fn salvage_due(&self) -> Result<Duration, StoreError> {
        let since = generation::read(self.home())?.map_or(0, |pointer| pointer.since);
        let passed = u64::try_from(self.now() - since).unwrap_or(0);
        Ok(WRITERS_DEADLINE.saturating_sub(Duration::from_millis(passed)))
    }

    /// Brings over what reads from the stores that were set aside. Ids stay, what is here already is left as it is, and
    /// what was under way is in doubt. All of it and every bell is one transaction, so that nobody writes before the
    /// bells stand. [`StoreError::Busy`] before [`Store::salvage_due`] has passed.
    pub fn salvage(&mut self) -> Result<Salvaged, StoreError> {
        self.refresh()?;
        if !self.salvage_due()?.is_zero() {
            return Err(StoreError::Busy);
        }
        let (aside, clocks, run) = (self.unsalvaged()?, self.clock.read(), self.run().clone());
        self.write(|tx| {
            let mut found = Salvaged::default();
            for old in &aside {
                match open_old(&old.path) {
                    Some(db) => bring_over(tx, &run, &db, &clocks, &mut found)?,
                    None => found.lost.push(format!("{}: nothing in it can be read", old.path.display())),
                }
                tx.execute("INSERT OR IGNORE INTO salvaged VALUES (?1, ?2)", (old.generation, clocks.wall))?;
            }
            Ok(found)
        })
    }
}

/// Opens a file that was set aside, without changing it; `None` if it does not open or holds no store that we know.
fn open_old(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).ok()?;
    db.busy_timeout(Duration::from_secs(1)).ok()?;
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).ok()?;
    db.pragma_update(None, "query_only", true).ok()?;
    // Otherwise a file that is shorter than it says is refused as a whole.
    db.pragma_update(None, "writable_schema", true).ok()?;
    let format = schema::format(&db).ok()?;
    (format > 0 && format <= schema::FORMAT).then_some(db)
}

fn bring_over(
    tx: &Transaction<'_>,
    run: &RunFolders,
    old: &Connection,
    clocks: &Reading,
    found: &mut Salvaged,
) -> Result<(), StoreError> {
    for row in rows(old, &EARLIER, found) {
        insert(tx, &EARLIER, &row)?;
    }
    sessions(tx, run, old, clocks, found)?;
    let (places, parted) = messages(tx, old, found)?;
    for mut row in rows(old, &FANOUT, found) {
        if let Some(seq) = place(&places, &row[0]) {
            row[0] = Value::Integer(seq);
            insert(tx, &FANOUT, &row)?;
        }
    }
    let fresh = deliveries(tx, old, &places, &parted, found)?;
    attempts(tx, old, &places, found)?;
    let sessions: BTreeSet<SessionId> =
        fresh.iter().filter_map(|(session, _)| session.parse().ok()).collect();
    for session in sessions {
        if attempt::is_hot(tx, session)? {
            run.session(session).ring()?;
            wake::leave(tx, session, clocks.wall)?;
        }
    }
    Ok(())
}

fn sessions(
    tx: &Transaction<'_>,
    run: &RunFolders,
    old: &Connection,
    clocks: &Reading,
    found: &mut Salvaged,
) -> Result<(), StoreError> {
    for row in rows(old, &SESSION, found) {
        let fresh = insert(tx, &SESSION, &row)?;
        found.sessions += u32::from(fresh);
        // Whoever came since may have its label.
        if let (true, Some(id)) = (fresh, row.first().and_then(text).and_then(|id| id.parse().ok()))
            && let Some(session) = session::by_id(tx, id)?.filter(|session| session.ended.is_none())
        {
            let base = session.label.parse().unwrap_or_else(|_| Name::slug(&session.label, "session"));
            let label = session::free_label(tx, run, &session.room, &base, id, clocks)?;
            tx.execute("UPDATE session SET label = ?2 WHERE id = ?1", (id.to_string(), label.as_str()))?;
        }
    }
    for row in rows(old, &ALIAS, found) {
        insert(tx, &ALIAS, &row)?;
    }
    // The page of the aliases may be the damaged one: then the next event of a session would register another one beside it.
    tx.execute(
        "INSERT OR IGNORE INTO alias (provider, native, session) SELECT provider, native, id FROM session ORDER BY id DESC",
        [],
    )?;
    // Before anybody sends: what a person refused stays refused.
    for row in rows(old, &RULE, found) {
        insert(tx, &RULE, &row)?;
    }
    Ok(())
}

/// Messages one by one, each at its old place in the order where that is free. Says which old place became which, and which of
/// those that were there before have lost deliveries to collection.
fn messages(
    tx: &Transaction<'_>,
    old: &Connection,
    found: &mut Salvaged,
) -> Result<(BTreeMap<i64, i64>, BTreeSet<i64>), StoreError> {
    let (mut places, mut parted) = (BTreeMap::new(), BTreeSet::new());
    let sql = format!("SELECT {MESSAGE_COLUMNS} FROM message WHERE seq >= ?1 ORDER BY seq LIMIT 1");
    let (mut at, mut gap, mut unread) = (0, 0, 0);
    while gap < MAX_GAP {
        let row = old.prepare_cached(&sql).and_then(|mut find| find.query_row([at], values).optional());
        let Ok(row) = row else {
            (at, gap, unread) = (at + 1, gap + 1, unread + 1);
            continue;
        };
        let Some(mut row) = row else { break };
        let Some(Value::Integer(seq)) = row.first().cloned() else { break };
        (at, gap) = (seq + 1, 0);
        let place = |tx: &Transaction<'_>| {
            tx.query_row("SELECT seq FROM message WHERE id = ?1", [&row[1]], |row| row.get(0)).optional()
        };
        if let Some(known) = place(tx)? {
            places.insert(seq, known);
            if collect::cleared(tx, known)? > 0 {
                parted.insert(known);
            }
            continue;
        }
        let taken = tx.query_row("SELECT 1 FROM message WHERE seq = ?1", [seq], |_| Ok(())).optional()?;
        if taken.is_some() {
            row[0] = Value::Null;
        }
        found.messages += u32::from(insert_into(tx, "message", MESSAGE_COLUMNS, &row)?);
        places.insert(seq, tx.last_insert_rowid());
    }
    if unread > 0 {
        found.lost.push("message: a part of the table cannot be read".to_owned());
    }
    Ok((places, parted))
}

/// Deliveries of messages that are there, with their steps. Says which ones are new here. Of a message that lost some here,
/// an unread one may be among those: it is in doubt.
fn deliveries(
    tx: &Transaction<'_>,
    old: &Connection,
    places: &BTreeMap<i64, i64>,
    parted: &BTreeSet<i64>,
    found: &mut Salvaged,
) -> Result<BTreeSet<(String, i64)>, StoreError> {
    let (mut fresh, mut orphans) = (BTreeSet::new(), 0);
    for mut row in rows(old, &DELIVERY, found) {
        let (Some(session), Some(seq)) = (text(&row[0]).map(str::to_owned), place(places, &row[1])) else {
            orphans += 1;
            continue;
        };
        row[1] = Value::Integer(seq);
        if insert(tx, &DELIVERY, &row)? {
            if parted.contains(&seq) {
                let sql =
                    format!("UPDATE delivery SET {} WHERE session = ?1 AND seq = ?2", attempt::IN_DOUBT);
                tx.execute(&sql, (&session, seq))?;
            }
            fresh.insert((session, seq));
        }
    }
    found.deliveries += u32::try_from(fresh.len()).unwrap_or(u32::MAX);
    if orphans > 0 {
        found.lost.push(format!("{orphans} deliveries whose message cannot be read"));
    }
    for mut row in rows(old, &STEP, found) {
        if let (Some(session), Some(seq)) = (text(&row[0]), place(places, &row[1]))
            && fresh.contains(&(session.to_owned(), seq))
        {
            row[1] = Value::Integer(seq);
            insert(tx, &STEP, &row)?;
        }
    }
    Ok(fresh)
}

/// The attempts; nobody will bring evidence for those that were under way, so what they carried is in doubt.
fn attempts(
    tx: &Transaction<'_>,
    old: &Connection,
    places: &BTreeMap<i64, i64>,
    found: &mut Salvaged,
) -> Result<(), StoreError> {
    let mut fresh = BTreeSet::new();
    for row in rows(old, &ATTEMPT, found) {
        if insert(tx, &ATTEMPT, &row)? {
            fresh.extend(text(&row[0]).and_then(|id| id.parse::<AttemptId>().ok()));
        }
    }
    for mut row in rows(old, &ITEM, found) {
        if let Some(seq) = place(places, &row[1]) {
            row[1] = Value::Integer(seq);
            insert(tx, &ITEM, &row)?;
        }
    }
    for id in fresh {
        if let Some(attempt) = attempt::find(tx, id)? {
            attempt::doubt(tx, &attempt)?;
        }
    }
    // Those whose attempt, or what it carried, could not be read.
    let sql = format!(
        "UPDATE delivery SET {}
         WHERE attempt IS NOT NULL
           AND attempt NOT IN (SELECT id FROM attempt WHERE status IN ('open', 'written', 'injected'))",
        attempt::IN_DOUBT
    );
    tx.execute(&sql, [])?;
    Ok(())
}

/// All rows of a table that read: from its begin to the first fault, and from its end to the last one.
fn rows(old: &Connection, table: &Table, found: &mut Salvaged) -> Vec<Row> {
    let read = |order: &str, into: &mut Vec<Row>| -> Result<(), rusqlite::Error> {
        let Table { name, columns, .. } = table;
        let mut statement =
            old.prepare(&format!("SELECT {columns} FROM {name} NOT INDEXED ORDER BY {order}"))?;
        for row in statement.query_map([], values)? {
            into.push(row?);
        }
        Ok(())
    };
    let mut forward = Vec::new();
    if let Err(error) = read(table.key, &mut forward) {
        found.lost.push(format!("{}: {error}", table.name));
        let backward = table.key.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>();
        // What both directions read is inserted once: keys are unique.
        let _ = read(&backward.join(", "), &mut forward);
    }
    forward
}

fn values(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

fn insert(tx: &Transaction<'_>, table: &Table, row: &Row) -> Result<bool, StoreError> {
    insert_into(tx, table.name, table.columns, row)
}

/// Inserts a row unless its key is there. What breaks a rule of the table is damage and left out.
fn insert_into(tx: &Transaction<'_>, table: &str, columns: &str, row: &Row) -> Result<bool, StoreError> {
    let marks = vec!["?"; row.len()].join(", ");
    let sql = format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})");
    match tx.prepare_cached(&sql)?.execute(params_from_iter(row)) {
        Ok(count) => Ok(count > 0),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn place(places: &BTreeMap<i64, i64>, old: &Value) -> Option<i64> {
    if let Value::Integer(seq) = old { places.get(seq).copied() } else { None }
}
