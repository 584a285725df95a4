//! Wakes its own idle session: through the door whose key the host gave to this process and no other, or by the host's
//! own command, as senders do. A server sees its session fall idle, and needs no sender for that.
//!
//! The door carries a nudge; the hook of the turn that it begins carries the bodies. Nothing here has a timer while
//! nothing waits: the session's bell and sign of life are watched, and the store says when to ring.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use session_bridge_core::host::{Host, RealHost};
use session_bridge_core::id::SessionId;
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_core::provider::{Card, CommandDoor, Wake};
use session_bridge_store::{Due, Ring, Ringer, RunFolder, Session, StoreError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::store_thread::{Desk, StoreThread};
use super::watch::Watch;

/// How long the host may take to accept a nudge.
const RING_LIMIT: Duration = Duration::from_secs(2);
/// How often is looked where the system cannot watch the folder, and after a failure of the store.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often, and how many times, is looked for the session that a window went on with.
const SUCCESSOR_LOOK: Duration = Duration::from_millis(100);
const SUCCESSOR_LOOKS: u32 = 50;

/// Where the door's task is told which session it serves.
#[derive(Default)]
pub(super) struct Doorkeeper {
    serves: OnceLock<watch::Sender<Option<SessionId>>>,
}

impl Doorkeeper {
    /// Starts the task if the host gave this process a door.
    pub(super) fn start(&self, card: &'static Card, host: Option<ProcessKey>, store: &StoreThread) {
        let Some(door) = host.and_then(|host| Door::of(card, host, &RealHost)) else { return };
        let (sender, receiver) = watch::channel(None);
        if self.serves.set(sender).is_ok() {
            tokio::spawn(keep(door, receiver, store.clone()));
        }
    }

    /// Says which session this server is of now.
    pub(super) fn serve(&self, session: SessionId) {
        if let Some(serves) = self.serves.get() {
            serves.send_if_modified(|now| now.replace(session) != Some(session));
        }
    }
}

/// The door of this server's session.
struct Door {
    card: &'static Card,
    name: &'static str,
    host: ProcessKey,
    key: Key,
}

/// How it is rung.
enum Key {
    /// A host's socket. The token is in no log, no message and no file of ours.
    Socket { path: PathBuf, token: String, lines: fn(&str, &str) -> Vec<u8> },
    /// A command of the host's.
    Command(CommandDoor),
}

impl Door {
    fn of(card: &'static Card, host: ProcessKey, machine: &dyn Host) -> Option<Self> {
        let socket = card.wake.iter().find_map(|wake| match *wake {
            Wake::Socket { name, path, token, not_where: (variable, value), lines } => {
                if machine.env(variable).is_some_and(|found| found == value) {
                    return None;
                }
                let path = machine.env(path).map(PathBuf::from).filter(|path| path.is_absolute())?;
                let token = machine.env_text(token).filter(|token| !token.is_empty())?;
                Some((name, Key::Socket { path, token, lines }))
            }
            _ => None,
        });
        let command = || card.command_door().map(|door| (door.name, Key::Command(door)));
        let (name, key) = socket.or_else(command)?;
        Some(Self { card, name, host, key })
    }

    fn ringer(&self) -> (&'static str, bool) {
        (self.name, matches!(self.key, Key::Command(CommandDoor { queues: true, .. })))
    }

    /// True if the host took the nudge.
    async fn ring(&self, session: Session, folder: RunFolder, nudge: &Nudge) -> io::Result<bool> {
        match &self.key {
            Key::Socket { path, token, lines } => {
                let ring = async {
                    let mut stream = UnixStream::connect(path).await?;
                    // The environment may be that of another process (rule W7); the kernel knows who listens.
                    let listener = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok());
                    if listener.is_some_and(|pid| pid != self.host.pid) {
                        return Err(io::Error::other("the socket is another process's"));
                    }
                    stream.write_all(&lines(token, &nudge.text())).await?;
                    stream.shutdown().await
                };
                timeout(RING_LIMIT, ring).await??;
                Ok(true)
            }
            Key::Command(door) => {
                let (door, nudge) = (*door, nudge.clone());
                let run = move || crate::door::hand_over(&folder, &session, door, &nudge);
                tokio::task::spawn_blocking(run).await.map_err(io::Error::other)?
            }
        }
    }
}

/// What a look found.
enum Look {
    Due(Due),
    /// The window went on with this session.
    Other(SessionId),
    /// The session ended, and the window has no other one yet.
    Ended,
}

async fn keep(door: Door, mut serves: watch::Receiver<Option<SessionId>>, store: StoreThread) {
    let mut serving = None;
    loop {
        let Some(session) = serving else {
            if serves.changed().await.is_err() {
                return;
            }
            serving = *serves.borrow_and_update();
            continue;
        };
        let folder = store.run(move |desk| Ok::<_, StoreError>(desk.store()?.run().session(session))).await;
        let Some(folder) = folder else { return };
        let Ok(folder) = folder else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        let watch = Watch::arm(folder.path(), &["bell", "live"]);
        let mut ended = 0;
        loop {
            let mut again = (!watch.is_armed()).then_some(LOOK_EVERY);
            match look(&door, session, &store).await {
                Ok(Look::Other(other)) => {
                    serving = Some(other);
                    break;
                }
                Ok(Look::Ended) if ended < SUCCESSOR_LOOKS => {
                    ended += 1;
                    again = Some(SUCCESSOR_LOOK);
                }
                Ok(Look::Ended | Look::Due(Due::Nothing)) => {}
                Ok(Look::Due(Due::At(delay))) => {
                    let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(0));
                    again = Some(again.map_or(delay, |again| again.min(delay)));
                }
                Ok(Look::Due(Due::Now(due))) => {
                    ring(&door, session, due, &store).await;
                    continue;
                }
                Err(()) => again = Some(LOOK_EVERY),
            }
            let pause = async {
                match again {
                    Some(delay) => sleep(delay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = watch.changed() => {}
                () = pause => {}
                changed = serves.changed() => match changed {
                    Ok(()) => { serving = *serves.borrow_and_update(); break }
                    Err(_) => return,
                },
            }
        }
    }
}

/// Asks the store. A time in the answer is made a delay from now.
async fn look(door: &Door, session: SessionId, store: &StoreThread) -> Result<Look, ()> {
    let (card, host, (name, queues)) = (door.card, door.host, door.ringer());
    let work = move |desk: &mut Desk| -> Result<Look, StoreError> {
        let store = desk.store()?;
        // A process that hosts several conversations says nothing of one.
        let alone = card.one_per_process();
        let present = if alone { store.hosted_by(card.id.as_str(), host)? } else { None };
        match present {
            Some(present) if present.id != session => {
                desk.serve(present.id)?;
                return Ok(Look::Other(present.id));
            }
            None if alone && store.session(session)?.ended.is_some() => return Ok(Look::Ended),
            _ => {}
        }
        let due = store.wake_due(session, Ringer { door: name, host: Some(host), queues })?;
        Ok(Look::Due(match due {
            Due::At(at) => Due::At((at - store.now()).max(1)),
            other => other,
        }))
    };
    store.run(work).await.ok_or(())?.map_err(drop)
}

/// Rings, and notes that the door took it. A door that did not is rung again when the store says so.
async fn ring(door: &Door, session: SessionId, due: Ring, store: &StoreThread) {
    let find = move |desk: &mut Desk| -> Result<(Session, RunFolder), StoreError> {
        let store = desk.store()?;
        Ok((store.session(session)?, store.run().session(session)))
    };
    let Some(Ok((row, folder))) = store.run(find).await else { return };
    if door.ring(row, folder, &due.nudge).await.is_ok_and(|taken| taken) {
        let name = door.name;
        store.post(move |desk| {
            // A receipt without this step is still true.
            let _ = desk.store().and_then(|store| store.nudged(session, &due, name));
        });
    }
}
