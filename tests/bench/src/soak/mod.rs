//! A soak: many simulated sessions, each with a host process, its real hooks and its real server, that write to
//! each other for an hour.
//!
//! ```text
//! cargo run --release -p session-bridge-bench soak [--sessions 500] [--minutes 60] [--every 20] [--turns 40]
//!     [--broadcast-every 60] [--older-than 10m] [--seed 1] [--sample-every 10] [--results docs/results/soak.json] [--programs DIR]
//! ```
//!
//! Each session has a turn every so many seconds (`--every`, on average): a prompt, tools, an end, each with its hook.
//! It sends notes and questions, answers what it is asked, and after some turns (`--turns`, on average) it ends, and is
//! resumed or replaced. Old mail is removed once a minute. In the end nothing new is begun until everything has come out.
//! The status is 0 if nothing failed.

mod board;
pub(crate) mod host;
mod logs;
pub(crate) mod pipeline;
mod sample;
mod session;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use session_bridge_chaos::programs::{self, Programs};
use session_bridge_chaos::results::Results;
use session_bridge_core::home::Home;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Role, Store, StoreError};

use board::{Board, Phase, count};
use host::Program;
use logs::Logs;
use sample::{Processes, Sample, Sampler, Verdict, growth};
use session::Life;

/// How long what waits may take to come out. Not a figure: a limit for what never does.
const LONGEST_CALM: Duration = Duration::from_secs(600);
/// How often old mail is removed.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(60);

/// What a run is to be.
pub(crate) struct Options {
    sessions: usize,
    /// Of a pipeline.
    messages: usize,
    time: Duration,
    every: Duration,
    turns: usize,
    broadcast_every: Duration,
    older_than: String,
    sample_every: Duration,
    seed: u64,
    results: PathBuf,
    /// A folder with the programs; without one, they are built.
    programs: Option<PathBuf>,
}

impl Options {
    fn read(words: &[&str]) -> Result<Self> {
        let results = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/results/soak.json");
        let mut options = Self {
            sessions: 500,
            messages: 0,
            time: Duration::from_secs(3600),
            every: Duration::from_secs(20),
            turns: 40,
            broadcast_every: Duration::from_secs(60),
            older_than: "10m".to_owned(),
            sample_every: Duration::from_secs(10),
            seed: 1,
            results,
            programs: None,
        };
        options.take(words)?;
        Ok(options)
    }

    fn take(&mut self, words: &[&str]) -> Result<()> {
        for pair in words.chunks(2) {
            let [name, value] = pair else { bail!("{} has no value", pair[0]) };
            let seconds = || value.parse().map(Duration::from_secs_f64);
            match *name {
                "--sessions" | "--agents" => self.sessions = value.parse()?,
                "--messages" => self.messages = value.parse()?,
                "--minutes" => self.time = Duration::from_secs_f64(60.0 * value.parse::<f64>()?),
                "--every" => self.every = seconds()?,
                "--turns" => self.turns = value.parse()?,
                "--broadcast-every" => self.broadcast_every = seconds()?,
                "--older-than" => (*value).clone_into(&mut self.older_than),
                "--sample-every" => self.sample_every = seconds()?,
                "--seed" => self.seed = value.parse()?,
                "--results" => self.results = value.into(),
                "--programs" => self.programs = Some(value.into()),
                other => bail!("no option is called {other}"),
            }
        }
        Ok(())
    }
}

/// What everybody in a run shares.
pub(crate) struct World {
    options: Options,
    programs: Programs,
    folder: tempfile::TempDir,
    board: Board,
    processes: Processes,
    /// Held by who begins or ends a session, and by who writes to all.
    roster: Mutex<()>,
    next_broadcast: Mutex<Instant>,
    logs: Mutex<Logs>,
}

impl World {
    fn new(options: Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let next = Instant::now() + options.broadcast_every;
        for name in ["bin", "home", "sockets"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        // Doors that are commands of the host are there, take every nudge, and start no turn: prompts come anyway.
        for binary in PROVIDERS.iter().flat_map(|provider| provider.card().binaries) {
            symlink("/bin/true", folder.path().join("bin").join(binary))?;
        }
        let logs = Mutex::new(Logs::of(&home_in(folder.path())));
        let world = Self {
            programs: match &options.programs {
                Some(folder) => {
                    Programs { main: folder.join("session-bridge"), hook: folder.join("session-bridge-hook") }
                }
                None => programs::build()?,
            },
            options,
            folder,
            board: Board::default(),
            processes: Processes::default(),
            roster: Mutex::default(),
            next_broadcast: Mutex::new(next),
            logs,
        };
        // A hook that finds no home leaves everything alone.
        drop(world.store()?);
        Ok(world)
    }

    fn home(&self) -> Home {
        home_in(self.folder.path())
    }

    fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.home(), Role::Cli)?)
    }

    fn socket(&self, number: usize) -> PathBuf {
        self.folder.path().join("sockets").join(number.to_string())
    }

    fn program(&self, path: &Path, args: &[&str], mut env: Vec<(String, String)>) -> Program {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let folder = self.folder.path();
        env.push(("HOME".to_owned(), text(&folder.join("home"))));
        env.push(("SESSION_BRIDGE_HOME".to_owned(), text(self.home().root())));
        env.push(("PATH".to_owned(), text(&folder.join("bin"))));
        Program { path: path.to_owned(), args: args.iter().map(|&word| word.to_owned()).collect(), env }
    }

    fn broadcast_is_due(&self) -> bool {
        let mut next = self.next_broadcast.lock().unwrap_or_else(PoisonError::into_inner);
        let due = Instant::now() >= *next;
        if due {
            *next += self.options.broadcast_every;
        }
        due
    }

    /// Every line in a log is an error, but for one: a hook that does not get the store in time leaves its event alone, and
    /// what waits goes out with a later one.
    fn look_at_logs(&self) {
        let gave_up = format!(": {}", StoreError::Busy);
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        for line in logs.news() {
            if line.ends_with(&gave_up) {
                count(&self.board.counts.gave_up);
            } else {
                self.board.error(format!("log: {line}"));
            }
        }
    }

    /// Removes old mail once a minute until the run is over: how often, and the longest in milliseconds.
    fn clean_up(&self) -> (u64, u64) {
        let command = |words: &[&str]| {
            let program = self.program(&self.programs.main, words, Vec::new());
            let mut command = Command::new(program.path);
            command.args(program.args).env_clear().envs(program.env);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let mut done = (0, 0);
        // A bridge that has no clean-up keeps everything.
        if !command(&["gc", "--help"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return done;
        }
        loop {
            self.board.pause(CLEAN_UP_EVERY);
            if self.board.phase() != Phase::Busy {
                return done;
            }
            let began = Instant::now();
            let output = command(&["gc", "--older-than", &self.options.older_than]).output();
            done = (done.0 + 1, done.1.max(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)));
            match output {
                Ok(output) if output.status.success() => {}
                Ok(output) => {
                    let told = String::from_utf8_lossy(&output.stderr).into_owned();
                    self.board.error(format!("gc: {} {told}", output.status));
                }
                Err(error) => self.board.error(format!("gc: {error}")),
            }
        }
    }
}

fn home_in(folder: &Path) -> Home {
    Home::at(folder.join("home/.session-bridge"))
}

/// Runs it.
#[expect(clippy::print_stdout, reason = "the summary is the output")]
pub(crate) fn soak(words: &[&str]) -> Result<ExitCode> {
    let world = &World::new(Options::read(words)?)?;
    let (options, board) = (&world.options, &world.board);
    // A run is one: it does not go on with the rows of another.
    let _ = std::fs::remove_file(&options.results);
    let command = format!("cargo run --release -p session-bridge-bench {}", told(words));
    let mut results =
        Results::<Sample>::open(&options.results, &command, options.seed, options.sessions as u64)?;
    let providers: Vec<&'static dyn Provider> = PROVIDERS.to_vec();
    let sessions = (0..options.sessions)
        .map(|number| Life::new(world, number, providers[number % providers.len()]))
        .collect::<Result<Vec<_>>>()?;

    let began = Instant::now();
    let (early, late, cleanups) = std::thread::scope(|scope| -> Result<_> {
        let cleaner = scope.spawn(|| world.clean_up());
        let all: Vec<_> = sessions
            .into_iter()
            .map(|session| {
                // So many stacks are small ones.
                let builder = std::thread::Builder::new().stack_size(512 * 1024);
                builder.spawn_scoped(scope, move || session.live())
            })
            .collect::<std::io::Result<_>>()?;
        let mut sampler = Sampler::new(world);
        let mut early = BTreeMap::new();
        let mut calm = None;
        let mut next = began + options.sample_every;
        loop {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += options.sample_every;
            results.rows.push(sampler.sample(began.elapsed()));
            results.save(&options.results)?;
            if board.present() == options.sessions
                && (early.is_empty() || began.elapsed() * 10 < options.time)
            {
                early.clone_from(&sampler.servers);
            }
            if calm.is_none() && began.elapsed() >= options.time {
                board.go_on_to(Phase::Calm);
                calm = Some(Instant::now());
            }
            let given_up = all.iter().all(std::thread::ScopedJoinHandle::is_finished)
                || calm.is_some_and(|since| since.elapsed() > LONGEST_CALM);
            if given_up || (calm.is_some() && board.pending() == 0) {
                break;
            }
        }
        let late = sampler.servers.clone();
        board.go_on_to(Phase::Over);
        let cleanups = cleaner.join().ok().context("the clean-up panicked")?;
        for one in all {
            one.join().ok().context("a session panicked")?;
        }
        results.rows.push(sampler.sample(began.elapsed()));
        Ok((early, late, cleanups))
    })?;

    let mut verdict = verdict(world)?;
    growth(&mut verdict, &early, &late);
    (verdict.cleanups, verdict.longest_cleanup_ms) = cleanups;
    let last = results.rows.last_mut().context("a sample")?;
    last.findings.extend(board.take_errors());
    last.errors = board.counts.errors.load(Ordering::Relaxed);
    println!(
        "{} sessions, {} s: {} turns, {} hooks, {} calls, {} messages to {} recipients, {} shown, {} errors",
        options.sessions,
        last.at,
        last.turns,
        last.hooks,
        last.calls,
        last.sent,
        last.deliveries,
        last.shown,
        last.errors
    );
    println!("{verdict:?}");
    let failed = last.errors > 0;
    last.verdict = Some(verdict);
    results.save(&options.results)?;
    for finding in results.rows.iter().flat_map(|row| &row.findings) {
        println!("{finding}");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn told(words: &[&str]) -> String {
    let mut told = vec!["soak"];
    let here = ["--results", "--programs"];
    let mut words = words.chunks(2).filter(|pair| !here.contains(&pair[0]));
    told.extend(words.by_ref().flatten());
    told.join(" ")
}

/// When all is over: nothing is missing, the store is whole, and nobody has mail without a bell.
fn verdict(world: &World) -> Result<Verdict> {
    let mut store = world.store()?;
    let verdict = Verdict {
        stored: store.since(None, 0, u32::MAX)?.len(),
        damage: store.integrity()?,
        unheard: store.unheard(false)?.len(),
        ..Verdict::default()
    };
    let damage = verdict.damage.iter().map(|problem| format!("the store is damaged: {problem}"));
    let unheard = (verdict.unheard > 0).then(|| format!("{} have mail and no bell", verdict.unheard));
    for problem in world.board.missing().into_iter().chain(damage).chain(unheard) {
        world.board.error(problem);
    }
    Ok(verdict)
}
