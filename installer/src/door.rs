//! Doors that senders ring: a command of the recipient's host, run in the recipient's environment.
//!
//! A sender never waits for it. Directly after its commit it starts this program once more, which asks the store
//! whether and when to ring, runs the host's command with a time limit, notes the receipt and ends. Whoever opens the
//! store starts it for a wake that nobody carried out.

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
use session_bridge_store::{Activity, Due, PATIENCE, Ringer, Role, RunFolder, Session, Store, StoreError};

/// The command word of a ringer.
pub(crate) const WORD: &str = "ring-door";
/// How long the host's command may take.
const RING_LIMIT: Duration = Duration::from_secs(10);
/// How often a ringer looks whether the session did something.
const NAP: Duration = Duration::from_millis(150);
/// Mail that came while a ringer was about to end is due within so many milliseconds.
const JUST_NOW_MS: i64 = 300;
/// So many ringers are started at once; each is a process (rule D9).
const MOST: usize = 8;

/// Starts a ringer for each recipient whose door is the sender's to ring, busy or idle: a busy one may be about to
/// end its turn. Whatever fails here, the mail and the wake are stored.
pub(crate) fn knock(store: &Store, recipients: &[SessionId]) {
    let mut started = 0;
    for id in recipients {
        let Ok(session) = store.session(*id) else { continue };
        let open = session.ended.is_none() && store.paused(&session).is_none();
        let rung = open && card(&session).and_then(Card::command_door).is_some();
        if rung && store.wakes_soon(*id).unwrap_or(false) {
            let _ = start(store, *id);
            started += 1;
        }
        if started == MOST {
            return;
        }
    }
}

/// Starts ringers for wakes that are overdue: whoever should have carried them out is gone, or stopped waiting.
pub(crate) fn carry_out(store: &mut Store) {
    let commands = session_bridge_providers::PROVIDERS.iter().map(|provider| provider.card());
    let commands: Vec<_> =
        commands.filter(|card| card.command_door().is_some()).map(|card| card.id.as_str()).collect();
    for session in store.take_overdue_wakes(&commands).unwrap_or_default() {
        let _ = start(store, session);
    }
}

fn card(session: &Session) -> Option<&'static Card> {
    session_bridge_providers::by_id(&session.provider).map(Provider::card)
}

fn start(store: &Store, session: SessionId) -> io::Result<()> {
    // A server may be older than the installed program: its own file is gone then.
    let own = std::env::current_exe().ok().filter(|own| own.is_file());
    let mut ringer = Command::new(own.unwrap_or_else(|| store.home().main_program()));
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

/// Rings one session's door when the store says so. One ringer at a time; what came while it was about to end is looked
/// at once more.
fn ring(store: &mut Store, session: SessionId) -> Result<(), StoreError> {
    let began = Instant::now();
    let folder = store.run().session(session);
    loop {
        let Some(only) = folder.try_ringer()? else { return Ok(()) };
        let rung = watch(store, session, &folder, began)?;
        drop(only);
        if rung || began.elapsed() >= PATIENCE || !store.wakes_within(session, JUST_NOW_MS)? {
            return Ok(());
        }
    }
}

/// Looks until it is time to ring, and says whether it was; or until the store or this ringer's patience says no.
fn watch(
    store: &mut Store,
    session: SessionId,
    folder: &RunFolder,
    began: Instant,
) -> Result<bool, StoreError> {
    loop {
        let row = store.session(session)?;
        let Some(door) = card(&row).and_then(Card::command_door) else { return Ok(false) };
        let before = folder.live();
        match store.wake_due(session, Ringer { door: door.name, host: None, queues: door.queues })? {
            Due::Now(due) => {
                if hand_over(folder, &row, door, &due.nudge).is_ok_and(|taken| taken) {
                    store.nudged(session, &due, door.name)?;
                }
                return Ok(true);
            }
            Due::At(at) => {
                let delay = Duration::from_millis(u64::try_from(at - store.now()).unwrap_or(0).max(10));
                let left = PATIENCE.saturating_sub(began.elapsed());
                let busy = before.is_some_and(|live| live.activity == Activity::Busy);
                if left.is_zero() || (delay > left && !busy) {
                    return Ok(false);
                }
                let until = Instant::now() + delay.min(left);
                while Instant::now() < until && folder.live() == before && folder.bell_stands() {
                    sleep(NAP.min(until.saturating_duration_since(Instant::now())));
                }
            }
            Due::Nothing => return Ok(false),
        }
    }
}

/// Runs the host's command; true if it said that it took the nudge.
pub(crate) fn hand_over(
    folder: &RunFolder,
    session: &Session,
    door: CommandDoor,
    nudge: &Nudge,
) -> io::Result<bool> {
    let Some(variables) = folder.door() else { return Ok(false) };
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
