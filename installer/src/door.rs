//! Doors that senders ring: a command of the recipient's host, run in the recipient's environment.
//!
//! A sender never waits for it. Directly after its commit it starts this program once more, which asks the store
//! whether and when to ring, runs the host's command with a time limit, notes the receipt and ends.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use session_bridge_core::environment;
use session_bridge_core::home::Home;
use session_bridge_core::host::RealHost;
use session_bridge_core::id::SessionId;
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::{Card, CommandDoor, Provider};
use session_bridge_store::{Activity, Due, Ringer, Role, Session, Store, StoreError};

/// The command word of a ringer.
pub(crate) const WORD: &str = "ring-door";
/// How long the host's command may take.
const RING_LIMIT: Duration = Duration::from_secs(10);
/// How long a ringer waits for its time to come; a later wake is left to a later sender.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a ringer for each recipient whose door is the sender's to ring. Whatever fails here, the mail is stored.
pub(crate) fn knock(store: &Store, recipients: &[SessionId]) {
    for id in recipients {
        let Ok(session) = store.session(*id) else { continue };
        let folder = store.run().session(*id);
        let idle = folder.live().is_some_and(|live| live.activity == Activity::Idle);
        let rings = session.ended.is_none() && store.paused(&session).is_none();
        if rings && idle && card(&session).and_then(Card::command_door).is_some() {
            let _ = start(store, *id);
        }
    }
}

fn card(session: &Session) -> Option<&'static Card> {
    session_bridge_providers::by_id(&session.provider).map(Provider::card)
}

fn start(store: &Store, session: SessionId) -> io::Result<()> {
    let mut ringer = Command::new(std::env::current_exe()?);
    ringer
        .args([WORD, &session.to_string()])
        .env_clear()
        .env(environment::HOME.name, store.home().root())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the sender's terminal is not meant for it.
        .process_group(0);
    let mut child = ringer.spawn()?;
    // A server lives on and must not collect dead children; a command ends before it matters.
    std::thread::Builder::new().name("ringer".to_owned()).spawn(move || child.wait())?;
    Ok(())
}

/// Runs a ringer: program, [`WORD`], session. Nobody hears it; what it did stands in the receipts.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let rung = || -> Option<()> {
        let session = arguments.get(2)?.to_str()?.parse().ok()?;
        let home = Home::find_for(&RealHost, Path::new(arguments.first()?)).ok()?;
        ring(&mut Store::open(&home, Role::Cli).ok()?, session).ok()
    };
    rung().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Rings one session's door when the store says so.
fn ring(store: &mut Store, session: SessionId) -> Result<(), StoreError> {
    let row = store.session(session)?;
    let Some(door) = card(&row).and_then(Card::command_door) else { return Ok(()) };
    let began = Instant::now();
    loop {
        match store.wake_due(session, Ringer { door: door.name, host: row.host })? {
            Due::Now(due) => {
                if hand_over(store, &row, door, &due.nudge).is_ok_and(|taken| taken) {
                    store.nudged(session, &due, door.name)?;
                }
                return Ok(());
            }
            Due::At(at) => {
                let delay = Duration::from_millis(u64::try_from(at - store.now()).unwrap_or(0).max(10));
                if began.elapsed() + delay > PATIENCE {
                    return Ok(());
                }
                sleep(delay);
            }
            Due::Nothing => return Ok(()),
        }
    }
}

/// Runs the host's command; true if it said that it took the nudge.
fn hand_over(store: &Store, session: &Session, door: CommandDoor, nudge: &Nudge) -> io::Result<bool> {
    let Some(variables) = store.run().session(session.id).door() else { return Ok(false) };
    let path = variables.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let binaries = card(session).map_or(&[][..], |card| card.binaries);
    let program = std::env::split_paths(&path.unwrap_or_default())
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| binaries.iter().map(move |name| folder.join(name)))
        .find(|program: &PathBuf| program.is_file())
        .ok_or(io::ErrorKind::NotFound)?;
    let mut child = Command::new(program)
        .args((door.args)(&session.native, &nudge.text()))
        .env_clear()
        .envs(variables)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let deadline = Instant::now() + RING_LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(20));
    }
}
