//! One event that may come twice: through the entries of two installations that one host runs (rule W1).

use session_bridge_core::event::{HookEvent, Moment, fingerprint};
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Lease, Live, RunFolder, StoreError};

/// The event as bytes, and what came before it.
pub(crate) struct Twice {
    /// The event's fingerprint. A host hands the same bytes to all its hooks of an event.
    event: u64,
    /// What the session was doing before this hook gave its sign of life.
    pub(crate) before: Option<Live>,
}

impl Twice {
    pub(crate) fn of(stdin: &[u8], process: Option<ProcessKey>, before: Option<Live>) -> Self {
        let host = process.map_or(0, |host| u64::from(host.pid) ^ host.start.rotate_left(32));
        Self { event: fingerprint(stdin) ^ host, before }
    }

    /// Whether another hook has heard it. If that made the turn go on, its end is none.
    pub(crate) fn is_heard(&self, folder: &RunFolder, event: &HookEvent<'_>) -> bool {
        let heard = folder.has_heard(self.event);
        if let (true, Moment::TurnEnd, Some(before)) = (heard, event.moment, self.before) {
            folder.touch_live(before.host, |_| before);
        }
        heard
    }

    /// Tells the others that this one has.
    pub(crate) fn set_heard(&self, folder: &RunFolder, lease: &Lease) -> Result<(), StoreError> {
        folder.set_heard(self.event, lease)
    }
}
