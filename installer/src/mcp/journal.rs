//! The server's log: failures always, each call when somebody asked for it. Names, codes and times; never what a
//! message says.

use std::time::Duration;

use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::id::SessionId;
use session_bridge_core::log::{self, About, Level, Log};

use super::result::{Refusal, Reply};

/// Where this server's entries go.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    home: Home,
    is_verbose: bool,
}

/// Who called, as far as that was found out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Who {
    pub(super) provider: Option<&'static str>,
    pub(super) session: Option<SessionId>,
}

impl Journal {
    pub(super) fn new(home: Home, host: &dyn Host) -> Self {
        Self { home, is_verbose: log::is_verbose(host) }
    }

    /// Notes how a call of a tool ended.
    pub(super) fn call(&self, who: Who, tool: &str, outcome: &Result<Reply, Refusal>, took: Duration) {
        match outcome {
            // The sentence of a caller's own mistake may quote what it wrote; that of a failure does not.
            Err(refusal) if refusal.is_fault => {
                let what = format!("{tool}: {} [{}] after {took:?}", refusal.message, refusal.code);
                self.write(who, Level::Failed, &what);
            }
            Err(refusal) if self.is_verbose => {
                self.write(who, Level::Debug, &format!("{tool}: refused [{}] after {took:?}", refusal.code));
            }
            Ok(_) if self.is_verbose => {
                self.write(who, Level::Debug, &format!("{tool}: done in {took:?}"));
            }
            _ => {}
        }
    }

    /// Notes a failure outside of any call.
    pub(super) fn failed(&self, who: Who, what: &str) {
        self.write(who, Level::Failed, what);
    }

    fn write(&self, who: Who, level: Level, what: &str) {
        // A home that is not there was taken away, or never made: a log does not bring it back.
        if self.home.root().is_dir() {
            let session = who.session.map(|id| id.to_string());
            let about = About { provider: who.provider, session: session.as_deref() };
            Log::Server.write(&self.home, level, about, what);
        }
    }
}
