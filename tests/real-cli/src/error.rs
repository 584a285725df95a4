//! Why a CLI could not be driven.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a CLI could not be driven. What a CLI did wrong is for the test to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// A file or folder could not be read or changed.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started or waited for.
    #[error("cannot run {program}: {source}")]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{program} failed ({status}): {detail}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// What it printed.
        detail: String,
    },
    /// Something did not happen in time.
    #[error("waited {limit:?} in vain for {what}\n{state}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What was there instead.
        state: String,
    },
    /// A file does not hold what it should.
    #[error("{}: {detail}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Something that the tests need is not on this machine.
    #[error("these tests need {what}: {detail}")]
    Missing {
        /// What is needed.
        what: &'static str,
        /// How that showed.
        detail: String,
    },
    /// The mock model could not be started.
    #[error(transparent)]
    Model(#[from] session_bridge_mock_model::MockError),
}

impl DriverError {
    /// Turns an I/O error at `path` into one that says what was tried there.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { operation, path, source }
    }

    pub(crate) fn program(program: &str) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        move |source| Self::Program { program, source }
    }
}
