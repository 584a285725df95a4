//! `watch`: a line for each time that mail is to start a turn in the session whose agent runs this command. Its host starts
//! a turn for each line that such a command prints.

use std::time::Duration;

use session_bridge_core::process::{self, ProcessKey};
use session_bridge_core::provider::MonitorDoor;
use session_bridge_providers::by_id;
use session_bridge_store::{Due, Ringer, Session, Store};
use tokio::time::{sleep, timeout};

use super::Status;
use super::context::{Context, session_named};
use crate::exit;
use crate::mcp::watch::Watch;
use crate::report::Failure;

/// How often is looked whether the session is still there, and for mail where the system cannot watch its bell.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// Print a line each time mail waits for this idle session, for an agent that watches what a command prints.
///
/// The agent itself has to run it, in a window and not in a headless run, which would not end. It ends with its session.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session's own id, or its label.
    session: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let (door, session, host) = own(args, &mut store)?;
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

/// The session, if it is one whose agent can watch, and if that agent runs this command: its host's process is ours (rule W7).
fn own(args: &Args, store: &mut Store) -> Result<(MonitorDoor, Session, ProcessKey), Failure> {
    let session = session_named(store, &args.session, None, false)?.session;
    let door = by_id(&session.provider).and_then(|provider| provider.card().monitor_door());
    let host = process::host_process().map(|process| process.key);
    match (door, host) {
        (Some(door), Some(host)) if session.host == Some(host) => Ok((door, session, host)),
        _ => Err(Failure::usage(
            "nothing_to_watch",
            format!(
                "`{}` is no session whose agent runs this command and could be woken by it",
                args.session
            ),
            "ask the agent itself to watch for bridge mail; `session-bridge list-sessions` shows which sessions have no door",
        )),
    }
}
