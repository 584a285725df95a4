//! Which file the store is, whether it is whole, and what stands in it.

pub(crate) mod generation;
pub(crate) mod open;
pub(crate) mod salvage;
pub(crate) mod schema;

#[cfg(test)]
pub(crate) mod tests {
    use rusqlite::Connection;

    use super::schema;

    /// How SQLite carries out a statement in a new store, step by step. Its parameters stay open.
    pub(crate) fn plan_of(sql: &str) -> Vec<String> {
        let mut db = Connection::open_in_memory().unwrap();
        schema::create(&mut db).unwrap();
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
    }
}
