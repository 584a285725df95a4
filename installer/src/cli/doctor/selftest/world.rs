//! One part's own home, the programs that are started in it, and what everybody in it shares.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use session_bridge_core::environment;
use session_bridge_core::home::Home;
use session_bridge_store::{Role, Store, StoreError};

use super::ground::Ground;
use crate::exit;
use crate::report::Failure;

/// The hook's name.
const HOOK: &str = "session-bridge-hook";

/// How often a busy store is asked again.
const TRIES: usize = 10;
/// With less than this left, in bytes, a disk counts as full.
const ROOM: u64 = 1024 * 1024;

/// Whether the person wants it to end now.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for Ctrl-C, and for the other ways of asking a program to end.
    pub(super) fn listen() -> Result<Self, Failure> {
        let stop = Self::default();
        let signals =
            [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];
        for signal in signals {
            signal_hook::flag::register(signal, Arc::clone(&stop.0)).map_err(|error| {
                let refused = Failure::new("signals", exit::NOT_WELL, "cannot listen for Ctrl-C", "");
                refused.because(error.to_string())
            })?;
        }
        Ok(stop)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A bridge's home with nobody in it yet.
pub(super) struct World {
    root: PathBuf,
    program: PathBuf,
    hook: PathBuf,
    pub(super) stop: Stop,
    pub(super) until: Instant,
    pub(super) seed: u64,
    findings: Mutex<Vec<String>>,
    full: AtomicBool,
    /// Programs that were started.
    pub(super) programs: AtomicUsize,
    /// Programs that were killed.
    pub(super) kills: AtomicUsize,
}

impl World {
    pub(super) fn new(
        ground: &Ground,
        name: &str,
        stop: &Stop,
        until: Instant,
        seed: u64,
    ) -> Result<Self, Failure> {
        let root = ground.folder(name)?;
        for folder in ["bridge", "user", "project", "bin"] {
            ground.folder(&format!("{name}/{folder}"))?;
        }
        let find = |error: std::io::Error| Failure::file("find", Path::new("session-bridge"), &error);
        let program = std::env::current_exe().map_err(find)?;
        let beside = program.with_file_name(HOOK);
        let hook = if beside.is_file() {
            beside
        } else {
            // The command is the hook as well, by that name.
            let link = root.join("bin").join(HOOK);
            symlink(&program, &link).map_err(|error| Failure::file("make", &link, &error))?;
            link
        };
        Ok(Self {
            root,
            program,
            hook,
            stop: stop.clone(),
            until,
            seed,
            findings: Mutex::default(),
            full: AtomicBool::new(false),
            programs: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
        })
    }

    pub(super) fn home(&self) -> Home {
        Home::at(self.root.join("bridge"))
    }

    pub(super) fn store(&self) -> Result<Store, StoreError> {
        Store::open(&self.home(), Role::Cli)
    }

    pub(super) fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// `session-bridge` with these words.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        self.apart(&self.program, words)
    }

    /// The hook as a host starts it.
    pub(super) fn hook(&self, words: &[&str]) -> Command {
        self.apart(&self.hook, words)
    }

    /// A program with nothing of the user's environment: what names a session or tells a host stays away, no program
    /// is on PATH that a door could start, and the home is this one.
    fn apart(&self, program: &Path, words: &[&str]) -> Command {
        self.programs.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(program);
        command.args(words).env_clear().current_dir(self.project());
        command
            .env("HOME", self.root.join("user"))
            .env("PATH", self.root.join("bin"))
            .env("USER", "selftest");
        command.env(environment::HOME.name, self.root.join("bridge"));
        command
    }

    /// Whether the part's time is up, or somebody wants it to end.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_asked() || self.full.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    pub(super) fn find(&self, what: impl Into<String>) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    pub(super) fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A program that was not killed refused its work. A disk that has become full is no fault of ours.
    pub(super) fn refused(&self, what: &str, output: &[u8]) {
        let told: serde_json::Value = serde_json::from_slice(output).unwrap_or_default();
        match told["error"]["code"].as_str() {
            Some("store_full") => self.full.store(true, Ordering::Relaxed),
            // Many programs want the store at once on a slow disk: nothing was acknowledged, so nothing is owed.
            Some("store_busy") => {}
            _ => self.find(format!(
                "`{what}` failed: {}",
                told["error"]["message"].as_str().unwrap_or("it said nothing")
            )),
        }
    }

    /// Asks the store, again where others kept it busy: on a slow disk that is no fault.
    pub(super) fn ask<T>(&self, mut ask: impl FnMut() -> Result<T, StoreError>) -> Result<T, String> {
        let mut answer = ask();
        for _ in 0..TRIES {
            if self.stop.is_asked() || !matches!(answer, Err(StoreError::Busy)) {
                break;
            }
            answer = ask();
        }
        answer.map_err(|error| error.to_string())
    }

    /// Fails where there is no room left. Whatever went wrong then, the disk is the reason.
    pub(super) fn expect_room(&self) -> Result<(), Failure> {
        let space = rustix::fs::statvfs(&self.root);
        let left = space.map_or(u64::MAX, |space| space.f_bavail.saturating_mul(space.f_frsize));
        if self.full.load(Ordering::Relaxed) || left < ROOM {
            return Err(super::ground::full(&self.root));
        }
        Ok(())
    }

    /// Removes its files, so that nothing but findings costs disk.
    pub(super) fn clear(self) {
        if self.findings().is_empty() {
            drop(fs::remove_dir_all(&self.root));
        }
    }
}
