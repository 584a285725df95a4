//! What a run of the hook meets outside of itself: time, its standard output, and its one note. Simulations hand in their
//! own, so that it is the hook's own code that lives through their faults.

use std::time::{Duration, Instant};

use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Clock, Lease, Note, RunFolder, Store, StoreError};

use crate::entry::HostProcess;
use crate::{Started, Told, serve};

/// Time, output and note.
pub trait Outside {
    /// The store's clocks.
    fn clock(&self) -> Clock;
    /// Since the hook began.
    fn elapsed(&self) -> Duration;
    /// The store is needed no more.
    fn leave(&mut self, store: Store);
    /// Keeps a note. An error ends the run there, as a kill would.
    fn note(&mut self, folder: &RunFolder, note: Note, lease: &Lease) -> Result<(), StoreError>;
    /// Writes the whole answer at once, and says whether all of it went out.
    fn write(&mut self, answer: &[u8]) -> bool;
}

/// The system's.
pub(crate) struct Real {
    /// When the program began.
    pub(crate) began: Instant,
}

impl Outside for Real {
    fn clock(&self) -> Clock {
        Clock::system()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The system closes it with this process, which ends in a moment. No lock of it is held, and a hook merges no log.
    fn leave(&mut self, store: Store) {
        std::mem::forget(store);
    }

    fn note(&mut self, folder: &RunFolder, note: Note, lease: &Lease) -> Result<(), StoreError> {
        folder.set_note(note, lease)
    }

    fn write(&mut self, answer: &[u8]) -> bool {
        rustix::io::write(rustix::stdio::stdout(), answer).is_ok_and(|count| count == answer.len())
    }
}

/// One run for an event of a host that is `process`, with the words of its entry. What the error says would stand in the
/// log. Not for [`Moment::Doorbell`](session_bridge_core::event::Moment::Doorbell), which waits by the system's time.
pub fn run(
    home: &Home,
    host: &dyn Host,
    process: ProcessKey,
    (words, stdin): (&[String], &[u8]),
    outside: &mut impl Outside,
) -> Result<(), String> {
    let hosting = HostProcess::known(process);
    serve(home, host, Started { words, stdin, hosting }, outside, &mut Told::default()).map(drop)
}
