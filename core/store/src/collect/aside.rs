//! Databases that were set aside because they were damaged. Collection lists them; only who says so removes them.

use std::fs;
use std::path::PathBuf;

use rusqlite::OptionalExtension;
use serde::Serialize;

use crate::database::generation;
use crate::database::open::Store;
use crate::error::StoreError;

/// A database that is not the present one any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsideFile {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes on the disk, with its log.
    pub bytes: u64,
    /// When what reads was brought over, in milliseconds since 1970; `None` if it was not yet.
    pub salvaged: Option<i64>,
}

/// What belongs to a database.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

impl AsideFile {
    fn parts(&self) -> impl Iterator<Item = PathBuf> {
        PARTS.iter().map(|part| {
            let mut path = self.path.clone().into_os_string();
            path.push(part);
            PathBuf::from(path)
        })
    }
}

impl Store {
    /// The databases that were set aside, oldest first.
    pub fn aside(&self) -> Result<Vec<AsideFile>, StoreError> {
        let present = generation::present(self.home())?;
        let mut found = Vec::new();
        for number in generation::present_files(self.home()).into_iter().filter(|number| *number < present) {
            let sql = "SELECT at FROM salvaged WHERE generation = ?1";
            let salvaged = self.db.query_row(sql, [number], |row| row.get(0)).optional()?;
            let mut file = AsideFile { path: generation::database(self.home(), number), bytes: 0, salvaged };
            file.bytes = file.parts().filter_map(|part| fs::metadata(part).ok()).map(|meta| meta.len()).sum();
            found.push(file);
        }
        Ok(found)
    }

    /// Removes those that were salvaged longer ago than this, in milliseconds. Nobody has written to them since.
    pub fn remove_aside(&self, older_than_ms: i64) -> Result<Vec<AsideFile>, StoreError> {
        let before = self.now().saturating_sub(older_than_ms.max(0));
        let mut files = self.aside()?;
        files.retain(|file| file.salvaged.is_some_and(|at| at < before));
        for part in files.iter().flat_map(AsideFile::parts) {
            match fs::remove_file(&part) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", part)(error));
                }
                _ => {}
            }
        }
        Ok(files)
    }
}
