//! One round, from an empty home to its verdict.

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use session_bridge_core::id::SessionId;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Arrival, Wanted};

use super::audit;
use super::installs::Installer;
use super::readers::{READERS, Reader};
use super::trouble::{Trouble, repair};
use super::world::{World, lock};
use super::writers::{People, WRITERS, write};
use crate::programs::Programs;

/// How often a round is audited before its end.
const AUDITS: u64 = 4;
/// A round that has not reached its kills by then ends with fewer. Machines differ; a round must end.
const LONGEST: Duration = Duration::from_secs(240);

/// What a round is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Which one of its run.
    pub round: u64,
    /// What decides what is random in it. Where a kill falls is also decided by the machine.
    pub seed: u64,
    /// How many kills.
    pub kills: u64,
    /// What else goes wrong.
    pub trouble: Trouble,
    /// `session-bridge` and the hook.
    pub main: std::path::PathBuf,
    /// The hook.
    pub hook: std::path::PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Which one of its run.
    pub round: u64,
    /// What else went wrong.
    pub trouble: Trouble,
    /// How often it did.
    pub times: u64,
    /// Programs that died of our signal.
    pub kills: u64,
    /// Programs that were started.
    pub runs: u64,
    /// Hosts that were killed with what they ran.
    #[serde(default)]
    pub hosts: u64,
    /// Events of sessions that were resumed, cleared, compacted or ended.
    #[serde(default)]
    pub passages: u64,
    /// Messages whose id was printed.
    pub acknowledged: u64,
    /// Bodies that were shown.
    pub shown: u64,
    /// Whose sessions read.
    pub readers: Vec<String>,
    /// What must not be.
    pub findings: Vec<String>,
}

/// Plays a round in an empty folder.
pub fn play(plan: &Plan, folder: &Path) -> Result<Outcome> {
    let programs = Programs { main: plan.main.clone(), hook: plan.hook.clone() };
    let world = &World::new(folder, programs);
    let installer = &Installer::prepare(world)?;
    let chaos = std::env::current_exe()?;
    let seed = plan.seed ^ (plan.round << 32);
    let sender = sender(world)?;
    let mut readers = (0..READERS)
        .map(|number| Reader::start(world, Some(&chaos), number, seed, plan.round))
        .collect::<Result<Vec<_>>>()?;
    let mut store = world.store()?;
    readers.iter_mut().try_for_each(|reader| reader.look_up(&mut store))?;
    drop(store);
    let ids: Vec<SessionId> = readers.iter().filter_map(|reader| reader.session).collect();
    anyhow::ensure!(ids.len() == READERS, "a session's start registers it");
    let people = &People { readers: &ids, sender };

    let times = std::thread::scope(|scope| -> Result<u64> {
        let mut all: Vec<_> =
            (0..WRITERS).map(|n| scope.spawn(move || write(world, people, n, seed))).collect();
        all.extend(readers.iter_mut().map(|reader| scope.spawn(move || reader.read(world))));
        all.push(scope.spawn(move || installer.work(world, seed)));
        let trouble = scope.spawn(move || plan.trouble.make(world, seed));
        supervise(world, plan.kills, || all.iter().any(std::thread::ScopedJoinHandle::is_finished));
        world.over.store(true, Ordering::Relaxed);
        for one in all {
            one.join().ok().context("a worker panicked")??;
        }
        trouble.join().ok().context("the trouble panicked")?
    })?;

    if plan.trouble == Trouble::Damaged {
        salvage(world)?;
    }
    for reader in &mut readers {
        if !reader.rest(world)? {
            world.find(format!("the reader of {} never comes to rest", reader.provider()));
        }
    }
    installer.finish(world)?;
    let shown = audit::in_the_end(world, &ids)?;
    Ok(Outcome {
        round: plan.round,
        trouble: plan.trouble,
        times,
        kills: world.kills.load(Ordering::Relaxed),
        runs: world.runs.load(Ordering::Relaxed),
        hosts: world.hosts.load(Ordering::Relaxed),
        passages: world.passages.load(Ordering::Relaxed),
        acknowledged: lock(&world.acknowledged).len() as u64,
        shown: shown as u64,
        readers: readers.iter().map(|reader| reader.provider().to_owned()).collect(),
        findings: lock(&world.findings).clone(),
    })
}

/// The session that a writer at the command line speaks as.
pub(super) fn sender(world: &World) -> Result<SessionId> {
    let card = PROVIDERS[0].card();
    let arrival = Arrival {
        provider: card.id.as_str(),
        short: card.short,
        native: "sender",
        host: None,
        one_per_process: false,
        cwd: None,
        start: None,
        claimed: None,
        wanted: Wanted::default(),
    };
    Ok(world.store()?.arrive(&arrival)?.id)
}

/// Until there were enough kills; now and then everybody is held back for an audit.
fn supervise(world: &World, kills: u64, somebody_stopped: impl Fn() -> bool) {
    let (began, mut audits) = (Instant::now(), 0);
    loop {
        let done = world.kills.load(Ordering::Relaxed);
        if done >= kills || began.elapsed() > LONGEST || somebody_stopped() {
            return;
        }
        if done * (AUDITS + 1) > kills * (audits + 1) {
            audits += 1;
            let _calm = lock(&world.calm);
            let _silence = world.gate.write().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = audit::in_silence(world) {
                world.find(format!("the store cannot be looked at: {error:#}"));
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What was set aside is brought over once nobody can write to it any more.
fn salvage(world: &World) -> Result<()> {
    let began = Instant::now();
    loop {
        let store = world.store()?;
        if store.unsalvaged()?.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < LONGEST, "a damaged store is never salvaged");
        std::thread::sleep(store.salvage_due()?);
        drop(store);
        repair(world)?;
    }
}
