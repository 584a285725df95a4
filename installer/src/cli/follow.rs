//! Looking again and again at a store that others write, without looking all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_bridge_store::{Store, Version};

use super::tail_inbox::interrupts;
use crate::report::Failure;

/// How long to nap between two looks at the store's commit counter, which costs a few microseconds.
const NAP: Duration = Duration::from_millis(100);
/// Deadlines pass, and hooks note what they wrote, without a commit: look at least so often.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// When to look, and when to end.
#[derive(Debug)]
pub(super) struct Follow {
    stop: Arc<AtomicBool>,
    until: Option<Instant>,
    /// What the store's counter said at the last look, and when that was.
    last: Option<(Version, Instant)>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Something may have changed.
    Look,
    /// The time is over.
    Timeout,
    /// Ctrl-C.
    Interrupted,
}

impl Follow {
    /// From here on Ctrl-C is an answer of [`Follow::next`] and does not end the process.
    pub(super) fn begin(timeout: Option<Duration>) -> Result<Self, Failure> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        Ok(Self { stop: interrupts()?, until, last: None })
    }

    /// Sleeps until there is something to do. The first answer is a look.
    pub(super) fn next(&mut self, store: &mut Store) -> Result<Next, Failure> {
        loop {
            let now = store.version()?;
            if self.last.is_none_or(|(then, at)| then != now || at.elapsed() >= LOOK_ANYWAY) {
                self.last = Some((now, Instant::now()));
                return Ok(Next::Look);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Next::Interrupted);
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Next::Timeout);
            }
            std::thread::sleep(NAP);
        }
    }
}
