//! What everybody in a round shares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use session_bridge_core::home::Home;
use session_bridge_core::marks::Mark;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Role, Store};

use super::model::Expected;
use crate::launch::{Host, Run};
use crate::programs::Programs;
use crate::script::Script;
use crate::server::Server;

/// A message that somebody tried to send.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    /// Whom the bridge should have noted; nobody for a person at the command line.
    pub(super) sender: Option<usize>,
    /// The sender's label then.
    pub(super) label: String,
    pub(super) by_person: bool,
    pub(super) expected: Expected,
    /// What the bridge called it, once it said so.
    pub(super) id: Option<String>,
}

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) posted: BTreeMap<u64, Posted>,
    /// Message and the session in whose process and conversation it came out.
    pub(super) shown: Vec<(u64, usize)>,
    /// The shown ones of each session, to be answered.
    pub(super) received: BTreeMap<usize, Vec<u64>>,
    /// How often a call was refused with which code.
    pub(super) refused: BTreeMap<String, u64>,
    /// How often which thing happened to a session.
    pub(super) events: BTreeMap<String, u64>,
    pub(super) findings: BTreeSet<String>,
}

/// One round's home, and what was noted about it.
pub(super) struct World {
    pub(super) root: PathBuf,
    pub(super) programs: Programs,
    pub(super) scripts: BTreeMap<&'static str, Script>,
    ledger: Mutex<Ledger>,
    counter: AtomicU64,
}

impl World {
    pub(super) fn new(root: &Path, programs: Programs) -> Result<Self> {
        std::fs::create_dir_all(root.join("bin"))?;
        let mut scripts = BTreeMap::new();
        for provider in PROVIDERS {
            scripts.insert(provider.card().id.as_str(), Script::of_any(*provider)?);
            // A CLI is known by its process, among other things.
            let link = root.join("bin").join(process_name(*provider));
            if !link.exists() {
                std::os::unix::fs::symlink(std::env::current_exe()?, link)?;
            }
        }
        let world = Self {
            root: root.to_owned(),
            programs,
            scripts,
            ledger: Mutex::default(),
            counter: AtomicU64::new(1),
        };
        // Without a home, the hook of an uninstalled bridge does nothing.
        drop(world.store()?);
        Ok(world)
    }

    pub(super) fn home(&self) -> Home {
        Home::at(self.root.join("home/.session-bridge"))
    }

    pub(super) fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.home(), Role::Cli)?)
    }

    /// A number that nothing else in the round has.
    pub(super) fn next(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// A path for a socket that nobody uses.
    pub(super) fn socket(&self) -> PathBuf {
        self.root.join(format!("s{}", self.next()))
    }

    /// A program that acts as the process of that CLI.
    pub(super) fn host_program(&self, provider: &dyn Provider) -> PathBuf {
        self.root.join("bin").join(process_name(provider))
    }

    pub(super) fn run(&self, program: &Path, args: &[&str], env: &[(String, String)]) -> Run {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut run = Run::plain(program, args);
        run.env = vec![
            ("HOME".to_owned(), text(self.root.join("home"))),
            ("SESSION_BRIDGE_HOME".to_owned(), text(self.home().root().to_owned())),
            ("PATH".to_owned(), text(self.root.join("empty"))),
        ];
        run.env.extend_from_slice(env);
        run
    }

    /// Starts a server below a host, and introduces its client.
    pub(super) fn server(
        &self,
        host: &mut Host,
        client: &str,
        words: &[&str],
        env: &[(String, String)],
    ) -> Result<Server> {
        let run = self.run(&self.programs.main, &[&["mcp"], words].concat(), env);
        let (_, stream) = host.serve(&run, &self.socket())?;
        Server::greet(stream, client)
    }

    /// A lock whose holder panicked still guards plain data.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, what: String) {
        self.ledger().findings.insert(what);
    }

    pub(super) fn refused(&self, code: &str) {
        *self.ledger().refused.entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn event(&self, what: &str) {
        *self.ledger().events.entry(what.to_owned()).or_default() += 1;
    }
}

/// How the process of that CLI is called: as its marks say, or as that of most.
fn process_name(provider: &dyn Provider) -> &'static str {
    let named = provider.card().marks.iter().find_map(|mark| match *mark {
        Mark::Process(name) => Some(name),
        _ => None,
    });
    named.unwrap_or("node")
}

/// How a body begins: the message's number, its true sender and its true readers.
pub(super) fn mark(number: u64, sender: Option<usize>, expected: &Expected) -> String {
    let readers = match expected {
        Expected::To(numbers) | Expected::OneOf(numbers) if numbers.len() <= 60 => {
            numbers.iter().map(usize::to_string).collect::<Vec<_>>().join("_")
        }
        _ => "none".to_owned(),
    };
    format!("=m{number}.s{}.t{readers}=", sender.map_or_else(|| "person".to_owned(), |s| s.to_string()))
}

/// Number of each mark in a text.
pub(super) fn marks(text: &str) -> Vec<u64> {
    let numbers =
        text.match_indices("=m").filter_map(|(at, _)| text[at + 2..].split_once('.')?.0.parse().ok());
    numbers.collect()
}
