//! What runs at every prompt and tool call.
//!
//! Almost always there is nothing to do, and that is decided by two small files: `live` names the host process that
//! runs us, and no `bell` stands. Only then is the store left closed. Whatever fails ends in silence: status 0, no
//! output, one line in the log.

mod answer;
mod doorbell;
mod entry;
pub mod outside;
mod twice;
mod visit;

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::host::{Host, RealHost};
use session_bridge_core::log::{self, About, Level, Log};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Live, RunFolder, RunFolders};

use self::entry::{HostProcess, Run};
use self::outside::{Outside, Real};
use self::twice::Twice;
use self::visit::Visit;

/// Longest payload that is looked at. A larger one is read to its end, so that the host can go on, and left alone.
const MAX_STDIN: u64 = 32 * 1024 * 1024;

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

/// Who asks, and whether there is anything to do: if so, a visit to the store. A nudge if the host is to start a turn.
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
    Visit { home, host, provider, event: &event, process, twice }.carry_out(&runs, &alias, outside)?;
    Ok(None)
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
