//! Giving space back. Pages that became free are filled from the file's end and cut off, some at a time; nothing copies
//! the database as a whole.

use std::fs;
use std::time::Duration;

use super::{Collection, HOLD};
use crate::database::open::Store;
use crate::error::StoreError;

/// Pages that one transaction moves or cuts off.
const PAGES: usize = 64;
/// So many free pages are much: removal waits until they are given back.
const MUCH: i64 = 256;

impl Store {
    /// The bytes of the database and its log on the disk.
    pub fn bytes(&self) -> u64 {
        let log = || {
            let mut path = self.path().as_os_str().to_owned();
            path.push("-wal");
            fs::metadata(path).map_or(0, |meta| meta.len())
        };
        fs::metadata(self.path()).map_or(0, |meta| meta.len()) + log()
    }

    pub(super) fn has_much_space(&self) -> Result<bool, StoreError> {
        Ok(self.free_pages()? >= MUCH)
    }

    fn free_pages(&self) -> Result<i64, StoreError> {
        // In a database that was made without pointers from page to page nothing can be given back.
        let incremental: i64 =
            self.db.prepare_cached("PRAGMA auto_vacuum")?.query_row([], |row| row.get(0))?;
        if incremental != 2 {
            return Ok(0);
        }
        Ok(self.db.prepare_cached("PRAGMA freelist_count")?.query_row([], |row| row.get(0))?)
    }

    /// Gives some pages back; false if there are none.
    pub(super) fn give_space_back(&mut self, collection: &mut Collection) -> Result<bool, StoreError> {
        if self.free_pages()? == 0 {
            return Ok(false);
        }
        self.piece(collection, |tx, began| {
            let mut statement = tx.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            // Each row is a page.
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() && began.elapsed() < HOLD {}
            Ok(())
        })?;
        Ok(true)
    }

    /// Merges the log into the database and cuts it off, if nobody reads in it just now. The first merge copies while
    /// others write; the second finds nothing to copy, and so holds no lock while it waits for the medium. What fails
    /// here is done by whoever writes next.
    pub(super) fn shorten_log(&mut self) {
        if self.merge_log("PASSIVE").is_ok_and(|(pages, copied)| pages == copied) {
            // It would wait for readers under the write lock.
            let _ = self.db.busy_timeout(Duration::ZERO);
            let _ = self.merge_log("TRUNCATE");
            let _ = self.be_patient();
        }
    }

    /// How many pages are in the log, and how many of them in the database by now.
    fn merge_log(&self, how: &str) -> Result<(i64, i64), StoreError> {
        let sql = format!("PRAGMA wal_checkpoint({how})");
        Ok(self.db.query_row(&sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?)
    }
}
