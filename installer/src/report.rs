//! The one place that says what went wrong: a code for programs, a sentence, its causes, and what to do next.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use session_bridge_core::address::AddressError;
use session_bridge_core::edit::ConfigError;
use session_bridge_core::frame::printable;
use session_bridge_core::home::NoHome;
use session_bridge_core::message::BadMessage;
use session_bridge_core::name::BadName;
use session_bridge_core::provider::LocateError;
use session_bridge_store::{ErrorKind, StoreError};

use crate::exit;
use crate::post::PostError;
use crate::term::{put, style};

/// Why a command ended without having done what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) help: String,
    pub(crate) exit: u8,
    /// Whoever read our output is gone: there is nobody to tell, and nothing is wrong.
    pub(crate) silent: bool,
}

impl Failure {
    /// A failure with its exit status.
    pub(crate) fn new(
        code: &'static str,
        exit: u8,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), help: help.into(), exit, silent: false }
    }

    /// The command line, or a value in it, cannot be used.
    pub(crate) fn usage(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(code, exit::USAGE, message, help)
    }

    /// A file operation failed; `operation` is a verb.
    pub(crate) fn file(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(
            "file_io",
            exit::NOT_WELL,
            format!("cannot {operation} {}", path.display()),
            "check that the path is right and that you may use it",
        )
        .because(error.to_string())
    }

    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some errors already say their cause in their own sentence.
            if !self.message.contains(&text) {
                self.causes.push(text);
            }
            source = cause.source();
        }
        self
    }

    /// For programs.
    pub(crate) fn document(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message, "causes": self.causes, "help": self.help } })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let (bad, dim) = (style::BAD, style::STRONG);
        let mut out = format!("{bad}error[{}]{bad:#}: {}\n", self.code, printable(&self.message));
        for cause in &self.causes {
            put!(out, "{dim}caused by{dim:#}: {}\n", printable(cause));
        }
        if !self.help.is_empty() {
            let good = style::GOOD;
            put!(out, "{good}help{good:#}: {}\n", printable(&self.help));
        }
        out
    }
}

/// Errors of writing to standard output or error; everything else names its file with [`Failure::file`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { silent: true, ..Self::new("output", exit::OK, "", "") };
        }
        Self::new(
            "output",
            exit::NOT_WELL,
            "cannot write the output",
            "check the disk or the pipe that it goes to",
        )
        .because(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error.kind() {
            ErrorKind::Usage => exit::USAGE,
            ErrorKind::Busy => exit::BUSY,
            _ => exit::NOT_WELL,
        };
        let exit = if matches!(error, StoreError::ForeignLayout { .. }) { exit::CLASH } else { exit };
        Self::new(error.code(), exit, error.to_string(), error.help()).caused_by(&error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::from(&error)
    }
}

impl From<&ConfigError> for Failure {
    fn from(error: &ConfigError) -> Self {
        let exit = match error {
            ConfigError::Clash { .. } | ConfigError::Unparsable { .. } | ConfigError::Denied { .. } => {
                exit::CLASH
            }
            ConfigError::Busy { .. } => exit::BUSY,
            ConfigError::Guard { .. } => exit::BUG,
            _ => exit::NOT_WELL,
        };
        Self::new(error.code(), exit, error.to_string(), error.help()).caused_by(error)
    }
}

impl From<PostError> for Failure {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => error.into(),
            PostError::Address(error) => error.into(),
            other => Self::usage(other.code(), other.to_string(), other.help()),
        }
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        let help = match error {
            AddressError::Unknown { .. } => "`session-bridge list-sessions` shows who is there",
            AddressError::Ambiguous { .. } => "use the id of the one you mean, or --newest",
            _ => error.help(),
        };
        Self::usage(error.code(), error.to_string(), help)
    }
}

impl From<BadMessage> for Failure {
    fn from(error: BadMessage) -> Self {
        Self::usage(error.code(), error.to_string(), error.help())
    }
}

impl From<BadName> for Failure {
    fn from(error: BadName) -> Self {
        Self::usage("bad_name", error.to_string(), "choose another name")
    }
}

impl From<NoHome> for Failure {
    fn from(error: NoHome) -> Self {
        Self::usage("no_home", error.to_string(), "set HOME or SESSION_BRIDGE_HOME")
    }
}

impl From<LocateError> for Failure {
    fn from(error: LocateError) -> Self {
        Self::usage("no_home", error.to_string(), "set the variable, and run the command again")
    }
}

/// A fault of ours ends with its own status instead of a signal, and says where it was.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let what = info.payload().downcast_ref::<&str>().map(ToString::to_string);
        let what = what.or_else(|| info.payload().downcast_ref::<String>().cloned()).unwrap_or_default();
        let failure = Failure::new(
            "bug",
            exit::BUG,
            format!("session-bridge failed at {place}: {what}"),
            "please report this, with the command that you ran",
        );
        let _ = io::Write::write_all(&mut anstream::stderr(), failure.text().as_bytes());
        #[expect(
            clippy::exit,
            reason = "the program is broken; unwinding or aborting would hide the status"
        )]
        std::process::exit(i32::from(exit::BUG));
    }));
}
