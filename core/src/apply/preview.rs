//! What a plan would change.

use std::path::PathBuf;

use super::disk::Disk;
use super::job;
use crate::edit::ConfigError;
use crate::fsx;
use crate::ledger::Ledger;
use crate::plan::{ConfigEdit, Format};

/// The files of a plan, before and after.
#[derive(Debug)]
pub struct Preview {
    /// One entry per file that the plan or the ledger names, changed or not.
    pub files: Vec<FileChange>,
}

/// One file, before and after.
#[derive(Debug)]
pub struct FileChange {
    /// The file, as the plan names it.
    pub path: PathBuf,
    /// How its bytes are read.
    pub format: Format,
    /// Its content; `None` if it does not exist.
    pub before: Option<Vec<u8>>,
    /// Its content afterwards (`None`: it would not exist), or why it cannot be edited.
    pub after: Result<Option<Vec<u8>>, ConfigError>,
}

impl FileChange {
    /// Whether the file would have another content.
    pub fn is_change(&self) -> bool {
        self.after.as_ref().is_ok_and(|after| *after != self.before)
    }
}

impl Preview {
    /// Whether nothing would change and nothing is in the way.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.after.is_ok() && !file.is_change())
    }

    /// The files that would have another content.
    pub fn changes(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().filter(|file| file.is_change())
    }
}

/// Works on a copy of the ledger: what a crash left in it is repaired in memory only.
pub(super) fn of(wants: &[ConfigEdit], ledger: &mut Ledger, disk: &Disk) -> Result<Preview, ConfigError> {
    ledger.settle()?;
    let files = job::jobs(wants, ledger, disk)?
        .into_iter()
        .map(|job| {
            let target = fsx::resolve(&job.target.path)?;
            let before = fsx::read(&target)?;
            let after = job.compute(before.as_deref()).and_then(|outcome| {
                if outcome.after != before {
                    fsx::replaceable(&target)?;
                }
                Ok(outcome.after)
            });
            let format = job.format();
            Ok(FileChange { path: job.target.path, format, before, after })
        })
        .collect::<Result<_, ConfigError>>()?;
    Ok(Preview { files })
}
