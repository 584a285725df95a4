//! What a hook puts out: one write, between two notes of the attempt that it carries.

use std::time::Duration;

use session_bridge_core::event::{HookEvent, Reply};
use session_bridge_core::provider::Provider;
use session_bridge_store::{Lease, Note, Outcome, RunFolder, StoreError};

use crate::outside::Outside;

/// What a person reads in place of a nudge that came late.
const LATE: &str = "session-bridge: the messages of this wake were delivered already.";
/// The same while the session is paused.
const PAUSED: &str = "session-bridge is paused: the messages of this wake wait until it is turned on.";
/// Longest answer, so that it leaves in one write.
const MAX_STDOUT: usize = 16 * 1024;

/// What is to go out.
pub(crate) struct Answer<'a> {
    pub(crate) provider: &'static dyn Provider,
    /// The event that is answered.
    pub(crate) event: &'a HookEvent<'a>,
    /// What the store has for it.
    pub(crate) outcome: &'a Outcome,
    /// A file that the host is to watch for us.
    pub(crate) watch: Option<&'a str>,
}

impl Answer<'_> {
    /// Three steps: note `writing`, one write, note `written`. An attempt without a note put out nothing.
    pub(crate) fn put_out(
        &self,
        folder: &RunFolder,
        lease: &Lease,
        outside: &mut impl Outside,
    ) -> Result<(), String> {
        let Some(reply) = self.reply() else { return Ok(()) };
        let limit = self.provider.card().hook(&self.event.name).map_or(10, |spec| spec.timeout_secs);
        let limit = Duration::from_secs(u64::from(limit));
        if outside.elapsed() > limit / 4 {
            return Err(format!("too late after {:?}: nothing was put out", outside.elapsed()));
        }
        let output = self.provider.encode(self.event, &reply);
        if output.stdout.is_empty() || output.stdout.len() > MAX_STDOUT {
            return Err(format!("an answer of {} bytes is not put out", output.stdout.len()));
        }
        let text = |error: StoreError| error.to_string();
        if let Some(attempt) = self.outcome.attempt {
            outside.note(folder, Note::Writing(attempt), lease).map_err(text)?;
        }
        let whole = outside.write(&output.stdout);
        if let Some(attempt) = self.outcome.attempt {
            let in_time = whole && outside.elapsed() <= limit / 2;
            outside.note(folder, Note::Written { attempt, in_time }, lease).map_err(text)?;
        }
        Ok(())
    }

    /// In neutral words; nothing if there is nothing to say.
    fn reply(&self) -> Option<Reply<'_>> {
        let Outcome { late_nudge, paused, text, .. } = self.outcome;
        Some(match (*late_nudge, text.as_str(), self.watch) {
            (true, ..) => Reply::Drop(if *paused { PAUSED } else { LATE }),
            (false, "", None) => return None,
            (false, text, Some(file)) => Reply::Watch { text, file },
            (false, text, None) => Reply::carrying(self.event.moment, text),
        })
    }
}
