//! What is ours in other programs' files, on disk.
//!
//! One JSON file per provider, `ledger/<provider>.json` in the bridge's home, and the files as they were without us
//! under `backup/<sha256>`. Nothing else is needed to undo an installation: neither the plan nor the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::edit::ConfigError;
use crate::fsx;
use crate::plan::{ConfigEdit, Format};

/// The format that this release writes, and the newest that it understands.
pub const VERSION: u64 = 1;

/// What one provider's installation has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u64,
    provider: String,
    /// One record per file, in the order in which they were first edited.
    pub files: Vec<FileRecord>,
}

/// One file that we have edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The path of the plan; a symlink is followed anew each time.
    pub path: PathBuf,
    /// How its bytes are read.
    pub format: Format,
    /// What is in force.
    #[serde(flatten)]
    pub done: Done,
    /// What was about to come in force when this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
}

/// The outcome of a write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// SHA-256 of the file as it would be without us, kept in `backup/`; `None` if there would be no file.
    pub base: Option<String>,
    /// SHA-256 of the file as we left it.
    pub post: Option<String>,
    /// The edits in it.
    pub edits: Vec<ConfigEdit>,
    /// Folders that we made for it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<PathBuf>,
}

/// A write that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// SHA-256 of the file before the write; `None` if there was none.
    pub before: Option<String>,
    /// The new content, before it gets its name.
    pub temp: PathBuf,
    /// What holds once the file has the content with the hash `then.post`.
    pub then: Done,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(provider: &str) -> Self {
        Self { version: VERSION, provider: provider.to_owned(), files: Vec::new() }
    }

    fn path(home: &Path, provider: &str) -> PathBuf {
        home.join("ledger").join(format!("{provider}.json"))
    }

    /// Reads a provider's ledger; a missing one is empty. A newer format is read as far as it can be understood.
    pub fn load(home: &Path, provider: &str) -> Result<Self, ConfigError> {
        let path = Self::path(home, provider);
        let Some(bytes) = fsx::read(&path)? else { return Ok(Self::new(provider)) };
        let damaged = |error: serde_json::Error| ConfigError::DamagedLedger {
            path: path.clone(),
            reason: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        let newer = value.get("version").and_then(serde_json::Value::as_u64).filter(|found| *found > VERSION);
        serde_json::from_value(value).map_err(|error| match newer {
            Some(found) => ConfigError::NewerLedger { path: path.clone(), found, known: VERSION },
            None => damaged(error),
        })
    }

    /// Fails if a newer release has written this ledger.
    pub fn writable(&self, home: &Path) -> Result<(), ConfigError> {
        if self.version > VERSION {
            let path = Self::path(home, &self.provider);
            return Err(ConfigError::NewerLedger { path, found: self.version, known: VERSION });
        }
        Ok(())
    }

    /// Writes the ledger, atomically; an empty one is removed.
    pub fn save(&self, home: &Path) -> Result<(), ConfigError> {
        self.writable(home)?;
        let path = Self::path(home, &self.provider);
        if self.files.is_empty() {
            fsx::remove(&path)?;
            return fsx::sync_parent(&path);
        }
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| ConfigError::DamagedLedger { path: path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        fsx::write_private(&path, &bytes)
    }

    /// The record of a file.
    pub fn file(&self, path: &Path) -> Option<&FileRecord> {
        self.files.iter().find(|record| record.path == path)
    }

    /// The record of a file, made if there is none.
    pub(crate) fn file_mut(&mut self, path: &Path, format: Format) -> &mut FileRecord {
        let index = self.files.iter().position(|record| record.path == path).unwrap_or_else(|| {
            let (path, done) = (path.to_owned(), Done::default());
            self.files.push(FileRecord { path, format, done, intent: None });
            self.files.len() - 1
        });
        &mut self.files[index]
    }

    /// Every edit that is in force, with its file.
    pub fn edits(&self) -> impl Iterator<Item = &ConfigEdit> {
        self.files.iter().flat_map(|record| &record.done.edits)
    }

    /// The backups that undoing may need.
    pub(crate) fn backups(&self) -> BTreeSet<String> {
        let bases = self.files.iter().flat_map(|record| {
            let intent = record.intent.as_ref();
            [
                record.done.base.clone(),
                intent.and_then(|i| i.before.clone()),
                intent.and_then(|i| i.then.base.clone()),
            ]
        });
        bases.flatten().collect()
    }

    /// Finishes or forgets what a crash interrupted, and clears away what it left lying about. Returns whether there
    /// was anything to repair.
    pub(crate) fn recover(&mut self) -> Result<bool, ConfigError> {
        let mut left: Vec<PathBuf> = Vec::new();
        for record in &self.files {
            let Some(intent) = &record.intent else { continue };
            fsx::remove(&intent.temp)?;
            left.extend(intent.then.made.iter().rev().cloned());
        }
        let repaired = self.settle()?;
        let owned = |folder: &PathBuf| self.files.iter().any(|record| record.done.made.contains(folder));
        let ownerless = left.iter().filter(|folder| !owned(folder));
        let full: Vec<_> = ownerless.filter(|folder| !fsx::remove_if_empty(folder)).cloned().collect();
        self.hand_on(Path::new(""), full.iter());
        Ok(repaired)
    }

    /// The folders that we made for a file, outermost first.
    pub(crate) fn made_for(&self, path: &Path) -> &[PathBuf] {
        self.files.iter().find(|record| record.path == path).map_or(&[], |record| &record.done.made)
    }

    /// Folders that we made for a file which is gone, and in which another file of ours stands: they go with that one.
    pub(crate) fn hand_on<'f>(&mut self, gone: &Path, folders: impl Iterator<Item = &'f PathBuf>) {
        for folder in folders {
            let holds = |record: &&mut FileRecord| record.path != gone && record.path.starts_with(folder);
            if let Some(record) = self.files.iter_mut().find(holds)
                && !record.done.made.contains(folder)
            {
                record.done.made.push(folder.clone());
                record.done.made.sort();
            }
        }
    }

    /// Takes back the intent to write a file that was not written.
    pub(crate) fn abandon(&mut self, path: &Path) -> Result<(), ConfigError> {
        let Some(intent) =
            self.files.iter_mut().find(|record| record.path == path).and_then(|r| r.intent.take())
        else {
            return Ok(());
        };
        fsx::remove(&intent.temp)?;
        self.files.retain(|record| !record.done.edits.is_empty());
        let owned = |folder: &PathBuf| self.files.iter().any(|record| record.done.made.contains(folder));
        for folder in intent.then.made.iter().rev().filter(|folder| !owned(folder)) {
            fsx::remove_if_empty(folder);
        }
        Ok(())
    }

    /// Decides in memory what became of interrupted writes: the file itself tells on which side of the rename it
    /// happened.
    pub(crate) fn settle(&mut self) -> Result<bool, ConfigError> {
        let mut repaired = false;
        for record in &mut self.files {
            let Some(intent) = record.intent.take() else { continue };
            repaired = true;
            let now = fsx::read(&fsx::resolve(&record.path)?)?.as_deref().map(fsx::hash);
            if now == intent.then.post {
                record.done = intent.then;
            } else if now != intent.before && !intent.then.edits.is_empty() {
                // Someone wrote since. Undoing what is not there does no harm; forgetting what is there would.
                let known = std::mem::replace(&mut record.done, intent.then).edits;
                let new = &mut record.done.edits;
                new.extend(
                    known
                        .into_iter()
                        .filter(|old| new.iter().all(|new| new.id != old.id))
                        .collect::<Vec<_>>(),
                );
            }
        }
        self.files.retain(|record| !record.done.edits.is_empty());
        Ok(repaired)
    }
}

/// Keeps bytes under their hash and returns it.
pub(crate) fn back_up(home: &Path, bytes: &[u8]) -> Result<String, ConfigError> {
    let hash = fsx::hash(bytes);
    let path = home.join("backup").join(&hash);
    if fsx::read(&path)?.as_deref() != Some(bytes) {
        fsx::write_private(&path, bytes)?;
    }
    Ok(hash)
}

/// Removes backups that no ledger needs any more: they are whole copies of files that may hold keys. Where a ledger
/// cannot be read, all of them stay: its owner may need them.
pub(crate) fn forget(home: &Path, mut backups: BTreeSet<String>) {
    let Ok(names) = fsx::names(&home.join("ledger")) else { return };
    for provider in names.iter().filter_map(|name| name.strip_suffix(".json")) {
        let Ok(ledger) = Ledger::load(home, provider) else { return };
        backups.retain(|hash| !ledger.backups().contains(hash));
    }
    for hash in backups {
        // What cannot be removed now does no harm: the folder is the user's alone.
        let _ = fsx::remove(&home.join("backup").join(hash));
    }
}

/// Bytes that were kept, if they are still what they were.
pub(crate) fn backed_up(home: &Path, hash: &str) -> Result<Option<Vec<u8>>, ConfigError> {
    let bytes = fsx::read(&home.join("backup").join(hash))?;
    Ok(bytes.filter(|bytes| fsx::hash(bytes) == hash))
}
