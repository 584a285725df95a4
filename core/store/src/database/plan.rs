//! For tests: how SQLite carries out what the store asks of it.

use rusqlite::Connection;

use super::schema;

/// The steps of a statement's plan in a new store, in order. Its parameters stay open.
pub(crate) fn plan_of(sql: &str) -> Vec<String> {
    let mut db = Connection::open_in_memory().unwrap();
    schema::create(&mut db).unwrap();
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
}
