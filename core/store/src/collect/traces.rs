//! Attempts, wakes, counts of nudges and claims: each table is walked once, in the order of its key.

use rusqlite::{Connection, params};

use super::{Collection, Step};
use crate::database::open::Store;
use crate::error::StoreError;

/// Rows of one look, and of one transaction.
const LOOK: usize = 256;

/// How far the walk is.
#[derive(Debug, Default)]
pub(super) struct Walk {
    table: usize,
    /// The key of the last row that was looked at, in its parts.
    after: Vec<String>,
}

/// A table of traces. `key` orders its rows; `old` is true of one that is over since before `?1`.
struct Table {
    name: &'static str,
    key: &'static [&'static str],
    old: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        name: "attempt",
        key: &["id"],
        old: "status NOT IN ('open', 'written', 'injected') AND created < ?1",
    },
    Table { name: "wake", key: &["id"], old: "closed IS NOT NULL AND closed < ?1" },
    Table { name: "rung", key: &["who", "at", "wake"], old: "at < ?1" },
    Table { name: "claim", key: &["id"], old: "until < ?1" },
];

impl Table {
    /// The rows after a key, each with whether it is old.
    fn select(&self) -> String {
        let Self { name, key, old } = self;
        let columns = key.join(", ");
        let texts: Vec<String> = key.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
        format!(
            "SELECT {old}, {} FROM {name} WHERE ({columns}) > ({}) ORDER BY {columns} LIMIT {LOOK}",
            texts.join(", "),
            self.values(2)
        )
    }

    fn delete(&self) -> String {
        let Self { name, key, old } = self;
        format!("DELETE FROM {name} WHERE ({}) = ({}) AND {old}", key.join(", "), self.values(2))
    }

    /// Parameters for the key, the first of which has this number. One column of ours is a number.
    fn values(&self, first: usize) -> String {
        let value = |(n, column): (usize, &&str)| match *column {
            "at" => format!("CAST(?{} AS INTEGER)", n + first),
            _ => format!("?{}", n + first),
        };
        self.key.iter().enumerate().map(value).collect::<Vec<_>>().join(", ")
    }
}

impl Store {
    /// One piece: a look at the next rows, and the removal of those that are over.
    pub(super) fn collect_traces(&mut self, collection: &mut Collection) -> Result<(), StoreError> {
        let before = collection.traces_before;
        let Step::Traces(walk) = &mut collection.step else { return Ok(()) };
        let Some(table) = TABLES.get(walk.table) else {
            collection.step = Step::Sessions(String::new());
            return Ok(());
        };
        let mut walk = std::mem::take(walk);
        walk.after.resize(table.key.len(), String::new());
        let rows = look(&self.db, table, before, &walk.after)?;
        match rows.last() {
            Some((_, key)) => walk.after.clone_from(key),
            None => walk = Walk { table: walk.table + 1, after: Vec::new() },
        }
        collection.step = Step::Traces(walk);
        let mut old: Vec<Vec<String>> =
            rows.into_iter().filter(|(old, _)| *old).map(|(_, key)| key).collect();
        if table.name == "attempt" {
            let mut free = Vec::new();
            for key in old {
                if is_free(&self.db, collection, &key[0])? {
                    free.push(key);
                }
            }
            old = free;
        }
        if old.is_empty() {
            return Ok(());
        }
        let mut removed = old.len() as u64;
        if !collection.dry_run {
            removed = self.piece(collection, |tx, _| {
                let mut statement = tx.prepare_cached(&table.delete())?;
                let mut items = tx.prepare_cached("DELETE FROM item WHERE attempt = ?1")?;
                let mut removed = 0;
                for key in &old {
                    let values = std::iter::once(rusqlite::types::Value::from(before))
                        .chain(key.iter().cloned().map(Into::into));
                    let gone = statement.execute(rusqlite::params_from_iter(values))?;
                    if gone > 0 && table.name == "attempt" {
                        items.execute([&key[0]])?;
                    }
                    removed += gone as u64;
                }
                Ok(removed)
            })?;
        }
        collection.report.traces += removed;
        Ok(())
    }
}

fn look(
    db: &Connection,
    table: &Table,
    before: i64,
    after: &[String],
) -> Result<Vec<(bool, Vec<String>)>, StoreError> {
    let mut statement = db.prepare_cached(&table.select())?;
    let values =
        std::iter::once(rusqlite::types::Value::from(before)).chain(after.iter().cloned().map(Into::into));
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
        let key = (1..=table.key.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?;
        Ok((row.get(0)?, key))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether nothing that an attempt carried is there any more. What is gone does not come back, so this needs no lock.
fn is_free(db: &Connection, collection: &Collection, attempt: &str) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT a.session, i.seq FROM item i JOIN attempt a ON a.id = i.attempt WHERE i.attempt = ?1",
    )?;
    let mut rows = statement.query(params![attempt])?;
    while let Some(row) = rows.next()? {
        if collection.delivery_stays(db, &row.get::<_, String>(0)?, row.get(1)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::plan_of;

    /// A look begins where the last one ended, and a removal finds its row.
    #[test]
    fn a_walk_goes_by_the_key() {
        for table in TABLES {
            for sql in [table.select(), table.delete()] {
                let plan = &plan_of(&sql)[0];
                assert!(plan.contains("USING PRIMARY KEY"), "{sql}: {plan}");
            }
        }
    }
}
