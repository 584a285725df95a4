//! Why an edit cannot be made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Any failure to read, edit or write configuration. Nothing was changed in the file that it names.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not what its format says.
    #[error("{} does not parse: {reason} (line {line}, column {column})", path.display())]
    Unparsable {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// Counted from one, in characters.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A foreign value or a value of the wrong type is in the way.
    #[error("{}: {at} {problem}", path.display())]
    Clash {
        /// The file.
        path: PathBuf,
        /// The key.
        at: String,
        /// What is in the way.
        problem: String,
    },
    /// Someone else kept writing, or held the lock for too long.
    #[error("{} is being changed by another program", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file is not ours to write.
    #[error("{} cannot be changed: {reason}", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// Owner or mode.
        reason: String,
    },
    /// The ledger was written by a newer release.
    #[error("{} was written by a newer release (format {found}, this release knows {known})", path.display())]
    NewerLedger {
        /// The ledger file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The ledger cannot be understood.
    #[error("{} is damaged: {reason}", path.display())]
    DamagedLedger {
        /// The ledger file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An editor produced something that differs in more than our entries. A fault of ours; nothing was written.
    #[error("the edit of {} would have changed more than our entries", path.display())]
    Guard {
        /// The file.
        path: PathBuf,
    },
    /// The operating system said no.
    #[error("could not {op} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        op: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

impl ConfigError {
    /// Wraps an I/O error; refusals for want of permission become [`ConfigError::Denied`].
    pub fn io(op: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path, reason: format!("could not {op} it: {source}") }
            }
            _ => Self::Io { op, path, source },
        }
    }

    /// A name for programs; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unparsable { .. } => "config_unparsable",
            Self::Clash { .. } => "config_clash",
            Self::Busy { .. } => "config_busy",
            Self::Denied { .. } => "config_denied",
            Self::NewerLedger { .. } => "config_newer_ledger",
            Self::DamagedLedger { .. } => "config_damaged_ledger",
            Self::Guard { .. } => "config_guard",
            Self::Io { .. } => "config_io",
        }
    }

    /// What to do next, in one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unparsable { .. } => {
                "Repair the file at that place and run the command again; it was left as it is."
            }
            Self::Clash { .. } => {
                "Rename or remove that entry and run the command again; the file was left as it is."
            }
            Self::Busy { .. } => {
                "Close the program that writes this file, or wait a moment, and run the command again."
            }
            Self::Denied { .. } => {
                "Make the file and its folder writable for your user, or edit it as its owner; nothing was changed."
            }
            Self::NewerLedger { .. } => {
                "Install the newer release of session-bridge and run the command with it."
            }
            Self::DamagedLedger { .. } => {
                "Move that file away; `init` finds the entries that are still there and writes a new ledger."
            }
            Self::Guard { .. } => {
                "This is a fault of session-bridge: please report it with the file's content."
            }
            Self::Io { .. } => "See the cause below; nothing was left half written.",
        }
    }
}
