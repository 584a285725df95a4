//! `watch`: a line for each time that mail is to start a turn in the session whose agent runs this command. Its host starts
//! a turn for each line that such a command prints.

use std::time::Duration;

use session_bridge_core::host::Host as _;
use session_bridge_core::process::{self, ProcessKey};
use session_bridge_core::provider::MonitorDoor;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Due, Ringer, Session, Store};
use tokio::time::{sleep, timeout};

use super::Status;
use super::context::Context;
use crate::exit;
use crate::mcp::watch::Watch;
use crate::report::Failure;

/// How often is looked whether the session is still there, and for mail where the system cannot watch its bell.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// Print a line each time mail waits for this idle session, for an agent that watches what a command prints.
///
/// The agent itself has to run it, in a window and not in a headless run, which would not end. It ends with its session.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(Args {}: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let (door, session, host) = own(context, &store)?;
    let folder = store.run().session(session.id);
    let Some(_only) = folder.try_watch()? else {
        return Err(Failure::usage(
            "already_watched",
            "this session is watched already",
            "one such command is enough; let the other one run",
        ));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Failure::new("watch_failed", exit::NOT_WELL, error.to_string(), ""))?;
    let watch = Watch::arm(folder.path(), &["bell", "live"]);
    runtime.block_on(async {
        while process::is_alive(host) && store.session(session.id)?.ended.is_none() {
            store.refresh()?;
            let ringer = Ringer { door: door.name, host: Some(host), queues: false };
            let pause = match store.wake_due(session.id, ringer)? {
                Due::Now(ring) => {
                    context.ui.say(&format!("{}\n", ring.nudge.text()))?;
                    store.nudged(session.id, &ring, door.name)?;
                    continue;
                }
                Due::At(at) => {
                    let left = u64::try_from(at - store.now()).unwrap_or(0).max(10);
                    LOOK_ANYWAY.min(Duration::from_millis(left))
                }
                Due::Nothing => LOOK_ANYWAY,
            };
            // Either a change or the time: then it is looked again.
            if watch.is_armed() { drop(timeout(pause, watch.changed()).await) } else { sleep(pause).await }
        }
        Ok(exit::OK)
    })
}

/// The session whose agent runs this command: the environment names it, and its host's process is ours (rule W7).
fn own(context: &Context, store: &Store) -> Result<(MonitorDoor, Session, ProcessKey), Failure> {
    let host = process::host_process().map(|process| process.key);
    for card in PROVIDERS.iter().map(|provider| provider.card()) {
        let Some(door) = card.monitor_door() else { continue };
        let Some(native) = context.host.env_text(door.session) else { continue };
        let session = store.named_by(card.id.as_str(), &native)?;
        if let Some(session) = session.filter(|session| session.host.is_some() && session.host == host)
            && let Some(host) = host
        {
            return Ok((door, session, host));
        }
    }
    Err(Failure::usage(
        "nothing_to_watch",
        "no agent runs this command whose session could be woken by it",
        "ask the agent to keep it running with its own tool for that; `session-bridge list-providers` shows which have one",
    ))
}
