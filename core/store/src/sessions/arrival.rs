//! Arrivals as hooks and servers meet them: what the event or call says, with what this process's environment asks for.

use std::path::Path;

use session_bridge_core::environment;
use session_bridge_core::event::Start;
use session_bridge_core::host::Host;
use session_bridge_core::process::ProcessKey;
use session_bridge_core::provider::Card;

use crate::database::open::Store;
use crate::error::StoreError;
use crate::sessions::session::{Arrival, Session};
use crate::sessions::wanted::Wanted;

/// What an event or call says of its session.
#[derive(Debug, Clone, Copy)]
pub struct Sign<'a> {
    /// The host's own session or thread id.
    pub native: &'a str,
    /// The process that hosts it.
    pub host: Option<ProcessKey>,
    /// The session's folder.
    pub cwd: Option<&'a Path>,
    /// For a session start: why.
    pub start: Option<Start>,
}

impl Store {
    /// [`Store::arrive`] with the environment and settings of `machine`. They matter to a new session only, and are read
    /// only for one.
    pub fn arrive_on(
        &mut self,
        machine: &dyn Host,
        card: &Card,
        sign: Sign<'_>,
    ) -> Result<Session, StoreError> {
        let provider = card.id.as_str();
        let new = self.named_by(provider, sign.native)?.is_none();
        // Whether it binds is decided there: a process that hosts several conversations hands it on to all of them.
        let claimed = machine.env_text(environment::SESSION_ID.name);
        let wanted =
            if new { Wanted::from_environment(machine, self.home(), provider) } else { Wanted::default() };
        self.arrive(&Arrival {
            provider,
            short: card.short,
            native: sign.native,
            host: sign.host,
            one_per_process: card.one_per_process(),
            cwd: sign.cwd,
            start: sign.start,
            claimed: claimed.and_then(|id| id.parse().ok()),
            wanted,
        })
    }
}
