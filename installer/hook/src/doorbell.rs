//! Wakes an idle session whose host, or our plugin in it, watches the bell and runs this hook when it changes.
//!
//! It is run beside the session and nobody waits for it. Where the host has a better door, it acts only on a wake that
//! nobody has taken for two seconds. This is the one place where a hook of ours ends with status 2: its host then starts a turn with what
//! stands on standard error.

use std::io::Write as _;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use session_bridge_core::event::HookEvent;
use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::{self, ProcessKey};
use session_bridge_core::provider::Card;
use session_bridge_store::{Due, PATIENCE, Ringer, Role, RunFolders, Store};

/// The status by which the host starts a turn.
const START_A_TURN: u8 = 2;
/// A better door has so long, in milliseconds.
const LEFT_ALONE_MS: i64 = 2_000;
/// A bell is rung before what it announces is committed: so long is looked for it at least.
const COMMIT: Duration = Duration::from_secs(1);
/// How often is looked meanwhile.
const NAP: Duration = Duration::from_millis(200);

/// Follows a bell that changed; a nudge if this hook has to start a turn.
pub(crate) fn answer(
    home: &Home,
    host: &dyn Host,
    card: &Card,
    event: &HookEvent<'_>,
    process: Option<ProcessKey>,
) -> Result<Option<Nudge>, String> {
    let Some(watched) = card.watched_door(|name| host.env(name)) else { return Ok(None) };
    let (door, left_alone) = (watched.name, if watched.last { LEFT_ALONE_MS } else { 0 });
    if !RunFolders::of(home).native(card.id.as_str(), &event.native).bell_stands() {
        return Ok(None);
    }
    let text = |error: session_bridge_store::StoreError| error.to_string();
    // It is in no hurry, and needs the limits.
    let mut store = Store::open(home, Role::Server).map_err(text)?;
    let Some(session) = store.named_by(card.id.as_str(), &event.native).map_err(text)? else {
        return Ok(None);
    };
    let folder = store.run().session(session.id);
    // Two processes may have one session open, and both see its bell: it is that of its last event that is woken (rule W8).
    let is_here = || process.is_none() || folder.live().map(|live| live.host) == process;
    if !is_here() {
        return Ok(None);
    }
    // Each change of the bell starts a process; one is enough.
    let Some(_only) = folder.try_ringer().map_err(text)? else { return Ok(None) };
    let began = Instant::now();
    // A bell also stands for what wakes nobody, and for what goes out with the next event.
    let waits = |store: &Store| store.wakes_soon(session.id).map_err(text);
    // Who started this hook is gone: nobody would read what it says.
    let abandoned = || process.is_some_and(|process| !process::is_alive(process));
    while began.elapsed() < PATIENCE
        && is_here()
        && !abandoned()
        && (began.elapsed() < COMMIT || waits(&store)?)
    {
        if store.wakes_within(session.id, -left_alone).map_err(text)?
            && let Due::Now(ring) =
                store.wake_due(session.id, Ringer { door, host: process, queues: false }).map_err(text)?
        {
            // A receipt without this step is still true.
            let _ = store.nudged(session.id, &ring, door);
            return Ok(Some(ring.nudge));
        }
        sleep(NAP);
    }
    Ok(None)
}

/// Says the nudge, and ends so that the host starts a turn with it.
pub(crate) fn start_turn(nudge: &Nudge) -> ExitCode {
    match writeln!(std::io::stderr(), "{}", nudge.text()) {
        Ok(()) => ExitCode::from(START_A_TURN),
        Err(_) => ExitCode::SUCCESS,
    }
}
