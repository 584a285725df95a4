//! Clears away what is not kept any longer: one server a day, when it has nothing else to do.
//!
//! There is no daemon, so whichever server is idle at the right time does it. Each piece is a job of the store's thread
//! like any other: a call that comes meanwhile waits for one piece at most, and the rest waits until it is quiet again.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use session_bridge_core::settings::Settings;
use session_bridge_store::{Collection, Pause, Store, StoreError};
use tokio::sync::watch;
use tokio::time::sleep;

use super::store_thread::{Desk, StoreThread};

/// When it is looked again whether a day has passed.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);
/// Between two pieces: other processes come to the store as well.
const PAUSE: Duration = Duration::from_millis(25);

/// Where the task is told of calls.
#[derive(Debug)]
pub(super) struct Collector {
    calls: watch::Sender<()>,
}

impl Collector {
    /// Starts the task.
    pub(super) fn start(store: &StoreThread) -> Arc<Self> {
        let (calls, receiver) = watch::channel(());
        tokio::spawn(keep(receiver, store.clone()));
        Arc::new(Self { calls })
    }

    /// A call arrived: this server is not idle.
    pub(super) fn called(&self) {
        self.calls.send_replace(());
    }
}

async fn keep(mut calls: watch::Receiver<()>, store: StoreThread) {
    // What was begun and interrupted by a call.
    let mut begun = None;
    loop {
        calls.mark_unchanged();
        tokio::select! {
            () = sleep(idle(&store)) => {}
            changed = calls.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        }
        begun = match begun.take() {
            Some(collection) => Some(collection),
            None => store.run(take).await.flatten(),
        };
        while let Some(collection) = begun.take() {
            let Some(more) = store.run(move |desk| piece(desk, collection)).await else { return };
            begun = more;
            sleep(PAUSE).await;
            if calls.has_changed().unwrap_or(true) {
                break;
            }
        }
        if begun.is_none() {
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// After how much quiet, by the present settings.
fn idle(store: &StoreThread) -> Duration {
    let settings = fs::read(store.home().settings()).map(|bytes| Settings::parse_or_default(&bytes));
    Duration::from_secs(settings.unwrap_or_default().limits.collect_idle_s.into())
}

/// The day's collection, if it is this server's. One that fails is left to whoever comes next: nobody waits for it.
fn take(desk: &mut Desk) -> Option<Box<Collection>> {
    // A home without a store has nothing to clear away, and a paused bridge leaves everything alone.
    if !desk.home().store().exists() || Pause::Everything.stands(desk.home()) {
        return None;
    }
    desk.store().and_then(Store::take_collection).ok().flatten().map(Box::new)
}

/// One piece; `None` when nothing is left to do.
fn piece(desk: &mut Desk, mut collection: Box<Collection>) -> Option<Box<Collection>> {
    let more = desk.store().and_then(|store| store.collect(&mut collection));
    match more {
        // If it was busy, somebody else writes all the time, and what was left out stays for tomorrow.
        Ok(true) | Err(StoreError::Busy) => Some(collection),
        Ok(false) | Err(_) => None,
    }
}
