//! Carries out the deadlines of what the sessions of this server sent: one timer, for the earliest of them, and none while there is
//! none (rule R5). While only the wall clock holds one back, it fires each minute: that clock may be set. The
//! notice reaches its session like mail; it wakes nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use session_bridge_core::id::SessionId;
use session_bridge_store::StoreError;
use tokio::sync::watch;
use tokio::time::sleep;

use super::store_thread::{Desk, StoreThread};

/// No timer is shorter: clocks that differ by a tick must not make it fire twice.
const SHORTEST: Duration = Duration::from_millis(5);
/// When it is looked again after a failure of the store.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Where the timer's task is told whose deadlines it keeps, and that there may be a new one.
pub(super) struct Timekeeper {
    serves: watch::Sender<BTreeSet<SessionId>>,
}

impl Timekeeper {
    /// Starts the task. It does nothing before a session is served.
    pub(super) fn start(store: &StoreThread) -> Arc<Self> {
        let (serves, receiver) = watch::channel(BTreeSet::new());
        tokio::spawn(keep(receiver, store.clone()));
        Arc::new(Self { serves })
    }

    /// Says that this server serves a session.
    pub(super) fn serve(&self, session: SessionId) {
        self.serves.send_if_modified(|sessions| sessions.insert(session));
    }

    /// Something with a lifetime was sent.
    pub(super) fn look(&self) {
        self.serves.send_modify(|_| ());
    }
}

async fn keep(mut serves: watch::Receiver<BTreeSet<SessionId>>, store: StoreThread) {
    loop {
        let sessions = serves.borrow_and_update().clone();
        let pause = look(sessions, &store).await;
        let due = async {
            match pause {
                Some(pause) => rest(pause.max(SHORTEST)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            changed = serves.changed() => if changed.is_err() { return },
        }
    }
}

/// Sleeps by the clock that goes on while the machine is asleep, as deadlines do, where there is such a timer.
async fn rest(pause: Duration) {
    #[cfg(target_os = "linux")]
    if by_boot_clock(pause).await.is_ok() {
        return;
    }
    sleep(pause).await;
}

#[cfg(target_os = "linux")]
async fn by_boot_clock(pause: Duration) -> std::io::Result<()> {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let once = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec::try_from(pause).map_err(std::io::Error::other)?,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    #[expect(
        deprecated,
        reason = "its successor is `unsafe` and asks for what an `OwnedFd` is: the same descriptor as long as it lives"
    )]
    let timer = tokio::io::unix::AsyncFd::with_interest(timer, tokio::io::Interest::READABLE)?;
    timer.readable().await.map(drop)
}

/// Ends what is due and says when to look again.
async fn look(sessions: BTreeSet<SessionId>, store: &StoreThread) -> Option<Duration> {
    if sessions.is_empty() {
        return None;
    }
    let work = move |desk: &mut Desk| -> Result<Option<Duration>, StoreError> {
        let store = desk.store()?;
        let mut first = None;
        for session in sessions {
            first = store.expire_sent(session)?.into_iter().chain(first).min();
        }
        Ok(first)
    };
    store.run(work).await?.unwrap_or(Some(AFTER_FAILURE))
}
