//! What everybody in a round shares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use anyhow::Result;
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Role, Store};

use super::fault::Faults;
use crate::launch::{Ended, Run};
use crate::programs::Programs;

/// A message whose id was printed.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) id: MessageId,
    /// The session that it was sent to; of an answer the store alone knows.
    pub(super) to: Option<SessionId>,
    /// The mark in its body.
    pub(super) mark: String,
    /// When the program that sent it was started.
    pub(super) began: Instant,
}

/// A body that left a program of ours for a model.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The mark in the body.
    pub(super) mark: String,
    /// It says that it comes out of order.
    pub(super) late: bool,
    /// To whose model.
    pub(super) reader: usize,
    /// When the program that showed it was started.
    pub(super) began: Instant,
    /// What showed it.
    pub(super) by: String,
}

/// One round's home, and what was noted about it.
pub(super) struct World {
    pub(super) root: PathBuf,
    pub(super) programs: Programs,
    /// Held by everybody while a program of theirs runs; taken whole by who wants silence.
    pub(super) gate: RwLock<()>,
    /// Held by the trouble while there is any.
    pub(super) calm: Mutex<()>,
    pub(super) over: AtomicBool,
    pub(super) kills: AtomicU64,
    pub(super) runs: AtomicU64,
    /// Hosts that were killed.
    pub(super) hosts: AtomicU64,
    /// Events of sessions that were resumed, cleared, compacted or ended.
    pub(super) passages: AtomicU64,
    pub(super) acknowledged: Mutex<Vec<Acknowledged>>,
    pub(super) shown: Mutex<Vec<Shown>>,
    /// Messages that somebody at the command line answered, or died while answering.
    pub(super) answered: Mutex<BTreeSet<MessageId>>,
    pub(super) findings: Mutex<Vec<String>>,
    /// What fails inside the programs.
    pub(super) faults: Mutex<Faults>,
    /// The place in the store's order of each mark that was there when it was last looked.
    pub(super) places: Mutex<BTreeMap<String, i64>>,
    /// What was stored before this moment may be gone: the database was.
    pub(super) lost_before: Mutex<Option<Instant>>,
}

/// A lock whose holder panicked still guards plain data.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(super) fn new(root: &Path, programs: Programs) -> Self {
        Self {
            root: root.to_owned(),
            programs,
            gate: RwLock::new(()),
            calm: Mutex::new(()),
            over: AtomicBool::new(false),
            kills: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            hosts: AtomicU64::new(0),
            passages: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            shown: Mutex::default(),
            answered: Mutex::default(),
            findings: Mutex::default(),
            faults: Mutex::new(Faults::None),
            places: Mutex::default(),
            lost_before: Mutex::default(),
        }
    }

    pub(super) fn home(&self) -> Home {
        Home::at(self.root.join("home/.session-bridge"))
    }

    pub(super) fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.home(), Role::Cli)?)
    }

    /// A run of a program in this home, which nobody kills yet.
    pub(super) fn run(&self, program: &Path, args: &[&str]) -> Run {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let run = Run {
            program: program.to_owned(),
            args: args.iter().map(|&word| word.to_owned()).collect(),
            env: vec![
                ("HOME".to_owned(), text(self.root.join("home"))),
                ("SESSION_BRIDGE_HOME".to_owned(), text(self.home().root().to_owned())),
                ("PATH".to_owned(), text(self.root.join("bin"))),
            ],
            input: Vec::new(),
            in_turn: true,
            kill_after: None,
            traced: false,
        };
        lock(&self.faults).put_into(run)
    }

    pub(super) fn note(&self, run: &Run, ended: &Ended) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if ended.killed && run.kill_after.is_some() {
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        if ended.hung {
            self.find(format!("{:?} did not end", run.args));
        }
    }

    /// Remembers the order of what is there, before some of it goes.
    pub(super) fn remember(&self) -> Result<()> {
        let messages = self.store()?.since(None, 0, u32::MAX)?;
        let marks = messages
            .into_iter()
            .filter_map(|message| Some((message.body.lines().next()?.to_owned(), message.seq)));
        lock(&self.places).extend(marks);
        Ok(())
    }

    pub(super) fn find(&self, what: String) {
        lock(&self.findings).push(what);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
