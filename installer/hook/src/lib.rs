//! What runs at every prompt and tool call.
//!
//! Almost always there is nothing to do, and that is decided by two small files: `live` names the host process that
//! runs us, and no `bell` stands. Only then is the store left closed. Whatever fails ends in silence: status 0, no
//! output, one line in the log.

mod doorbell;
mod entry;
pub mod outside;

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use session_bridge_core::event::{HookEvent, Moment, Reply, fingerprint};
use session_bridge_core::home::Home;
use session_bridge_core::host::{Host, RealHost};
use session_bridge_core::log::{self, About, Level, Log};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_core::provider::Provider;
use session_bridge_store::{
    Activity, Lease, Live, Note, Outcome, Role, RunFolder, RunFolders, Session, Sign, Store,
};

use self::entry::{HostProcess, Run};
use self::outside::{Outside, Real};

/// Longest payload that is looked at. A larger one is read to its end, so that the host can go on, and left alone.
const MAX_STDIN: u64 = 32 * 1024 * 1024;
/// What a person reads in place of a nudge that came late.
const LATE: &str = "session-bridge: the messages of this wake were delivered already.";
/// The same while the session is paused.
const PAUSED: &str = "session-bridge is paused: the messages of this wake wait until it is turned on.";
/// Longest answer, so that it leaves in one write.
const MAX_STDOUT: usize = 16 * 1024;

/// Runs the hook with its whole command line: program, provider, event. Never fails towards the host.
pub fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    // An abort would dump core and look like a crash to the host.
    std::panic::set_hook(Box::new(|_| quit()));
    let began = Instant::now();
    let host = RealHost;
    let program = args.next().unwrap_or_default();
    let Ok(home) = Home::find_for(&host, Path::new(&program)) else { return ExitCode::SUCCESS };
    let words: Vec<String> = args.map(|word| word.to_string_lossy().into_owned()).take(2).collect();
    let mut stdin = Vec::new();
    let read = std::io::stdin().lock().take(MAX_STDIN + 1).read_to_end(&mut stdin);
    if !home.root().is_dir() {
        return ExitCode::SUCCESS;
    }
    let mut told = Told::default();
    let outcome = match read {
        Err(error) => Err(error.to_string()),
        Ok(_) if stdin.len() as u64 > MAX_STDIN => {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            Err("the payload is larger than 32 MiB".to_owned())
        }
        Ok(_) => {
            let started = Started { words: &words, stdin: &stdin, hosting: HostProcess::default() };
            serve(&home, &host, started, &mut Real { began }, &mut told)
        }
    };
    let word = |at: usize| words.get(at).map(String::as_str);
    let event = told.event.as_deref().or(word(1)).unwrap_or("hook");
    let about = About { provider: told.provider.or(word(0)), session: told.native.as_deref() };
    match outcome {
        Err(problem) => Log::Hook.write(&home, Level::Failed, about, &format!("{event}: {problem}")),
        Ok(Some(nudge)) => return doorbell::start_turn(&nudge),
        Ok(None) if log::is_verbose(&host) => {
            let done = format!("{event}: done in {:?}", began.elapsed());
            Log::Hook.write(&home, Level::Debug, about, &done);
        }
        Ok(None) => {}
    }
    ExitCode::SUCCESS
}

#[expect(clippy::exit, reason = "a panic must end as a success before the default handler aborts")]
fn quit() {
    std::process::exit(0);
}

/// What the log says of a run, as far as it came.
#[derive(Default)]
struct Told {
    provider: Option<&'static str>,
    event: Option<String>,
    native: Option<String>,
}

/// How a host starts us.
struct Started<'a> {
    words: &'a [String],
    stdin: &'a [u8],
    hosting: HostProcess,
}

fn serve(
    home: &Home,
    host: &dyn Host,
    started: Started<'_>,
    outside: &mut impl Outside,
    told: &mut Told,
) -> Result<Option<Nudge>, String> {
    let Started { words, stdin, hosting } = started;
    let Some(Run { provider, call }) = Run::of(words, stdin, host, &hosting)? else { return Ok(None) };
    told.provider = Some(provider.card().id.as_str());
    if words.get(1).map(String::as_str) != Some(call.event) {
        told.event = Some(call.event.to_owned());
    }
    let event = provider.decode(&call).map_err(|error| error.to_string())?;
    told.native = Some(event.native.to_string());
    if event.subagent.is_some() {
        return Ok(None);
    }
    let process = hosting.key();
    let runs = RunFolders::of(home);
    if event.moment == Moment::Doorbell {
        return doorbell::answer(home, host, provider.card(), &event, process);
    }
    let alias = runs.native(provider.card().id.as_str(), &event.native);
    let mut last = None;
    if is_quiet(&alias, &event, process, &mut last) {
        return Ok(None);
    }
    let twice = Twice::of(stdin, process, last);
    // An end that is told twice at once would bring the session back: the second hears it after the first, or not at all.
    let ending = (event.moment == Moment::SessionEnd).then(|| alias.try_lease().ok()).flatten();
    if matches!(ending, Some(None)) || twice.is_heard(&alias, &event) {
        return Ok(None);
    }
    let text = |error: session_bridge_store::StoreError| error.to_string();
    let mut store = Store::open_with(home, Role::Hook, outside.clock()).map_err(text)?;
    if last.is_none() {
        // A beginning, an end, or the first event of a process.
        store.wait_longer().map_err(text)?;
    }
    let session = arrive(&mut store, host, provider, &event, process).map_err(text)?;
    let folder = runs.session(session.id);
    let before = folder.live().filter(|live| Some(live.host) == process);
    let live = process.map(|host| Live::after(&event, host, before));
    if let Some(live) = live {
        folder.set_live(live).map_err(text)?;
    }
    if let Some(door) = provider.card().command_door() {
        let variables: Vec<_> = door.env.iter().filter_map(|name| Some((*name, host.env(name)?))).collect();
        folder.set_door(&variables).map_err(text)?;
    }
    if let Some(nonce) = event.nonce.as_deref() {
        folder.set_nonce(nonce).map_err(text)?;
    }
    // Somebody else is putting bodies before this session's model right now: what we came for will wait.
    let lease = match ending.flatten() {
        Some(lease) => Some(lease),
        None => folder.try_lease().map_err(text)?,
    };
    let Some(lease) = lease.filter(|_| !twice.is_heard(&folder, &event)) else { return Ok(None) };
    let outcome = store.hear(&session, &event, provider.card(), &lease).map_err(text)?;
    folder.set_heard(twice.event, &lease).map_err(text)?;
    if let (true, Some(host)) = (outcome.late_nudge, process) {
        // No turn begins, so no event will end it; one that was going on goes on.
        let idle = Live { host, activity: Activity::Idle, by_user: false, turn: None };
        folder.set_live(before.unwrap_or(idle)).map_err(text)?;
    }
    if event.moment == Moment::SessionEnd && !event.continues {
        store.end(session.id, "its host ended it").map_err(text)?;
        // The session's server may have looked before that was committed: it looks for the window's next session now.
        if let Some(live) = live {
            folder.set_live(live).map_err(text)?;
        }
    }
    outside.leave(store);
    let watches = event.moment == Moment::SessionStart && !outcome.paused;
    let watched = provider.card().watched_door(|name| host.env(name)).filter(|_| watches);
    let bell = watched.map(|_| folder.bell());
    let answer = Answer { outcome: &outcome, watch: bell.as_deref().and_then(Path::to_str) };
    put_out(provider, &event, &answer, &folder, &lease, outside)?;
    if event.moment == Moment::TurnEnd && !outcome.text.is_empty() {
        // The turn goes on.
        note(&folder, process, Activity::Busy);
    }
    Ok(None)
}

/// One event that may come twice: through the entries of two installations that one host runs (rule W1).
struct Twice {
    /// The event's fingerprint. A host hands the same bytes to all its hooks of an event.
    event: u64,
    /// What the session was doing before this hook gave its sign of life.
    before: Option<Live>,
}

impl Twice {
    fn of(stdin: &[u8], process: Option<ProcessKey>, before: Option<Live>) -> Self {
        let host = process.map_or(0, |host| u64::from(host.pid) ^ host.start.rotate_left(32));
        Self { event: fingerprint(stdin) ^ host, before }
    }

    /// Whether another hook has heard it. If that made the turn go on, its end is none.
    fn is_heard(&self, folder: &RunFolder, event: &HookEvent<'_>) -> bool {
        let heard = folder.has_heard(self.event);
        if let (true, Moment::TurnEnd, Some(before)) = (heard, event.moment, self.before) {
            folder.touch_live(before.host, |_| before);
        }
        heard
    }
}

/// The fast path: a sign of life, and whether that was all there is to do. `before` is what the last one said.
fn is_quiet(
    folder: &RunFolder,
    event: &HookEvent<'_>,
    process: Option<ProcessKey>,
    before: &mut Option<Live>,
) -> bool {
    let plain = !matches!(event.moment, Moment::SessionStart | Moment::BeforeSubagent | Moment::SessionEnd);
    // A nudge that nothing waits for is one that came late: only the store knows whether it is ours.
    plain
        && event.nudge.is_none()
        && process.is_some_and(|host| {
            folder.touch_live(host, |live| Live::after(event, host, Some(*before.insert(live))))
        })
        && !folder.bell_stands()
}

/// Notes what the session is doing after all. A file that is gone meanwhile is no matter: the next event makes it anew.
fn note(folder: &RunFolder, process: Option<ProcessKey>, activity: Activity) {
    if let Some(host) = process {
        folder.touch_live(host, |live| Live { activity, ..live });
    }
}

fn arrive(
    store: &mut Store,
    host: &dyn Host,
    provider: &dyn Provider,
    event: &HookEvent<'_>,
    process: Option<ProcessKey>,
) -> Result<Session, session_bridge_store::StoreError> {
    let sign = Sign {
        native: &event.native,
        host: process,
        cwd: event.cwd.as_deref().filter(|path: &&Path| path.is_absolute()),
        start: (event.moment == Moment::SessionStart).then_some(event.start),
    };
    store.arrive_on(host, provider.card(), sign)
}

/// What goes out.
struct Answer<'a> {
    outcome: &'a Outcome,
    /// A file that the host is to watch for us.
    watch: Option<&'a str>,
}

/// Three steps: note `writing`, one write, note `written`. An attempt without a note put out nothing.
fn put_out(
    provider: &dyn Provider,
    event: &HookEvent<'_>,
    answer: &Answer<'_>,
    folder: &RunFolder,
    lease: &Lease,
    outside: &mut impl Outside,
) -> Result<(), String> {
    let outcome = answer.outcome;
    let reply = match (outcome.late_nudge, outcome.text.as_str(), answer.watch) {
        (true, ..) => Reply::Drop(if outcome.paused { PAUSED } else { LATE }),
        (false, "", None) => return Ok(()),
        (false, text, Some(file)) => Reply::Watch { text, file },
        (false, text, None) => Reply::carrying(event.moment, text),
    };
    let limit = provider.card().hook(&event.name).map_or(10, |spec| spec.timeout_secs);
    let limit = Duration::from_secs(u64::from(limit));
    if outside.elapsed() > limit / 4 {
        return Err(format!("too late after {:?}: nothing was put out", outside.elapsed()));
    }
    let output = provider.encode(event, &reply);
    if output.stdout.is_empty() || output.stdout.len() > MAX_STDOUT {
        return Err(format!("an answer of {} bytes is not put out", output.stdout.len()));
    }
    let text = |error: session_bridge_store::StoreError| error.to_string();
    if let Some(attempt) = outcome.attempt {
        outside.note(folder, Note::Writing(attempt), lease).map_err(text)?;
    }
    let whole = outside.write(&output.stdout);
    if let Some(attempt) = outcome.attempt {
        let in_time = whole && outside.elapsed() <= limit / 2;
        outside.note(folder, Note::Written { attempt, in_time }, lease).map_err(text)?;
    }
    Ok(())
}
