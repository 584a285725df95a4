//! The store's own thread: SQLite never runs on the event loop, and one connection serves every call.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};

use anyhow::Context as _;
use session_bridge_core::home::Home;
use session_bridge_core::id::SessionId;
use session_bridge_store::{LifeLock, Program, Role, RunFolders, Store, StoreError, Unbound};
use tokio::sync::oneshot;

use super::mail::{self, Letter, Posted};
use super::result::{Refusal, Reply};
use crate::door;

/// What the thread does next.
enum Job {
    /// Anything.
    Work(Box<dyn FnOnce(&mut Desk) + Send>),
    /// One message, together with those that stand behind it.
    Post(Box<Posted>),
}

/// Messages that are sent together: all that fit into one transaction if each has one recipient (rule D9).
const MOST_TOGETHER: usize = 64;

/// What the thread owns.
pub(super) struct Desk {
    home: Home,
    store: Option<Store>,
    /// This server's name in the run folders of its sessions.
    server: String,
    /// What this process runs, as the file was at its start; and a sign of life that says so, once it began.
    program: Option<Program>,
    running: Option<LifeLock>,
    /// A sign of life in the run folder of each session that was served (rule W7).
    lives: HashMap<SessionId, LifeLock>,
    /// Shown in lists while no session was served yet (rule W3).
    unbound: Option<LifeLock>,
    /// Whether this server ever served a session: then the id from its start is out of date.
    pub(super) bound: bool,
}

impl Desk {
    /// The present store, opened with the first call; one that could not be opened is tried again by the next one. A
    /// server lives for hours: if the file that it holds was set aside, it turns to the present one first (rule D8).
    pub(super) fn store(&mut self) -> Result<&mut Store, StoreError> {
        match &mut self.store {
            Some(store) => {
                store.refresh()?;
                door::carry_out(store);
                Ok(store)
            }
            empty => Ok(empty.insert(Store::open(&self.home, Role::Server)?)),
        }
    }

    /// Where all of it is.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// Shows that this server runs, and which program: after an upgrade, `doctor` names the servers of the former one.
    /// A server that cannot show it serves all the same.
    pub(super) fn begin(&mut self) {
        if let (None, Some(program)) = (&self.running, &self.program) {
            self.running = RunFolders::of(&self.home).begin_server(&self.server, program).ok();
        }
    }

    /// Takes a session on: shows in its run folder that this server lives.
    pub(super) fn serve(&mut self, session: SessionId) -> Result<(), StoreError> {
        if !self.lives.contains_key(&session) {
            let life = self.store()?.run().session(session).hold_life(&self.server)?;
            self.lives.insert(session, life);
        }
        self.bound = true;
        self.unbound = None;
        Ok(())
    }

    /// Shows that this server runs, as long as nobody told which session it serves.
    pub(super) fn announce(&mut self, unbound: &Unbound) -> Result<(), StoreError> {
        if !self.bound && self.unbound.is_none() {
            let run = RunFolders::of(&self.home);
            self.unbound = Some(run.announce(&self.server, unbound)?);
        }
        Ok(())
    }
}

/// The way to the thread. Clones lead to the same one.
#[derive(Clone)]
pub(super) struct StoreThread {
    jobs: mpsc::Sender<Job>,
    server: String,
    home: Arc<Home>,
}

impl StoreThread {
    /// Starts the thread; the store itself is opened by the first job.
    pub(super) fn start(home: Home) -> anyhow::Result<Self> {
        let server = ulid::Ulid::generate().to_string();
        let shared = Arc::new(home.clone());
        let mut desk = Desk {
            home,
            store: None,
            server: server.clone(),
            program: Program::current(env!("CARGO_PKG_VERSION")).ok(),
            running: None,
            lives: HashMap::new(),
            unbound: None,
            bound: false,
        };
        let (jobs, todo) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let mut next = None;
                while let Some(job) = next.take().or_else(|| todo.recv().ok()) {
                    match job {
                        Job::Work(work) => work(&mut desk),
                        Job::Post(first) => {
                            let mut letters = vec![*first];
                            while letters.len() < MOST_TOGETHER && next.is_none() {
                                match todo.try_recv() {
                                    Ok(Job::Post(letter)) => letters.push(*letter),
                                    Ok(other) => next = Some(other),
                                    Err(_) => break,
                                }
                            }
                            mail::send_all(&mut desk, letters);
                        }
                    }
                }
            })
            .context("cannot start the store's thread")?;
        Ok(Self { jobs, server, home: shared })
    }

    /// The files of sessions, which need no store.
    /// The bridge's home.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn run_folders(&self) -> RunFolders {
        RunFolders::of(&self.home)
    }

    /// This server's name in run folders, claims and attempts.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Runs `work` on the thread. `None` if the thread is gone, which only a panic inside it can cause.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, answer) = oneshot::channel();
        let work = Box::new(move |desk: &mut Desk| {
            let _ = done.send(work(desk));
        });
        self.jobs.send(Job::Work(work)).ok()?;
        answer.await.ok()
    }

    /// Sends a message; those of several calls go together. `None` as for [`StoreThread::run`].
    pub(super) async fn send(&self, letter: Letter) -> Option<Result<Reply, Refusal>> {
        let (answer, sent) = oneshot::channel();
        self.jobs.send(Job::Post(Box::new((letter, answer)))).ok()?;
        sent.await.ok()
    }

    /// As [`StoreThread::run`], for work whose outcome nobody waits for.
    pub(super) fn post(&self, work: impl FnOnce(&mut Desk) + Send + 'static) {
        let _ = self.jobs.send(Job::Work(Box::new(work)));
    }

    /// Waits for everything that was asked for, and takes the signs of life away.
    pub(super) async fn close(&self) {
        self.run(|desk| {
            desk.lives.clear();
            desk.unbound = None;
            desk.running = None;
            desk.store = None;
        })
        .await;
    }
}
