//! What the run costs at a moment: memory, open files and processes from `/proc`, sizes from the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::World;
use crate::measure::percentile;

/// One moment of a run. Sizes are in MiB, times in microseconds; counts are since the beginning.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Seconds since the beginning.
    pub(crate) at: u64,
    /// Sessions that can be written to.
    pub(crate) sessions: usize,
    /// Hosts and servers.
    pub(crate) processes: usize,
    /// Resident memory of all servers, as if they shared nothing.
    pub(crate) servers_mib: f64,
    /// Of it, what they share with nobody.
    pub(crate) private_mib: f64,
    /// Resident memory of the largest one.
    pub(crate) largest_mib: f64,
    /// Open files of all servers.
    pub(crate) handles: usize,
    /// Of the one with most.
    pub(crate) most_handles: usize,
    /// The database.
    pub(crate) database_mib: f64,
    /// Its write-ahead log.
    pub(crate) wal_mib: f64,
    /// Files and folders in the run folder.
    pub(crate) run_files: usize,
    /// Turns.
    pub(crate) turns: u64,
    /// Hook runs.
    pub(crate) hooks: u64,
    /// Tool calls.
    pub(crate) calls: u64,
    /// Messages sent, answers and broadcasts included.
    pub(crate) sent: u64,
    /// Deliveries that they make.
    pub(crate) deliveries: u64,
    /// Bodies that were shown.
    pub(crate) shown: u64,
    /// Deliveries and answers that are not there yet.
    pub(crate) pending: usize,
    /// Sessions that ended and were resumed, or made room for another one.
    pub(crate) ends: u64,
    /// Of the hooks since the last sample, from before the start to after the end of the process.
    pub(crate) hook_p50: f64,
    /// The same.
    pub(crate) hook_p99: f64,
    /// How busy the machine's processors were since the last sample, in percent, whoever kept them so.
    pub(crate) busy: f64,
    /// Hooks that did not get the store in time. Their events go unheard; what waits comes with a later one.
    pub(crate) gave_up: u64,
    /// Calls that the limit of hops refused: agents had passed something on too often without a person.
    #[serde(default)]
    pub(crate) stopped: u64,
    /// Whatever failed.
    pub(crate) errors: u64,
    /// Some of it, since the last sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<String>,
    /// What was found when all was over, in the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
}

/// How it ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Messages in the store, of all that were sent. Fewer where a clean-up removed old ones.
    pub(crate) stored: usize,
    /// Problems of the database.
    pub(crate) damage: Vec<String>,
    /// Sessions with mail and no bell.
    pub(crate) unheard: usize,
    /// Servers that ran from the first tenth of the run to its end.
    pub(crate) steady: usize,
    /// By how much the private memory of the middle one of them grew from then on.
    pub(crate) median_growth_mib: f64,
    /// Of the one that grew most.
    pub(crate) most_growth_mib: f64,
    /// By how many open files the one that grew most did.
    pub(crate) most_handles_growth: i64,
    /// How often old mail was removed, and how long that took at most, in milliseconds.
    pub(crate) cleanups: u64,
    /// The same.
    pub(crate) longest_cleanup_ms: u64,
}

/// The processes of each session: host and server.
#[derive(Default)]
pub(crate) struct Processes(Mutex<BTreeMap<usize, (u32, u32)>>);

impl Processes {
    /// Those of a session changed.
    pub(super) fn note(&self, number: usize, pids: Option<(u32, u32)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pids {
            Some(pids) => all.insert(number, pids),
            None => all.remove(&number),
        };
    }

    fn all(&self) -> Vec<(u32, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }
}

/// Private memory in KiB and open files of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    private: i64,
    handles: i64,
}

/// Takes samples, and remembers what it needs for the next.
pub(crate) struct Sampler<'w> {
    world: &'w World,
    processors: (u64, u64),
    /// The servers of the last sample.
    pub(crate) servers: BTreeMap<u32, Size>,
}

impl<'w> Sampler<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, processors: processors(), servers: BTreeMap::new() }
    }

    pub(crate) fn sample(&mut self, at: Duration) -> Sample {
        let (board, home) = (&self.world.board, self.world.home());
        let counts = &board.counts;
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let mut sample = Sample {
            at: at.as_secs(),
            sessions: board.present(),
            turns: of(&counts.turns),
            hooks: of(&counts.hooks),
            calls: of(&counts.calls),
            sent: of(&counts.sent),
            deliveries: of(&counts.deliveries),
            shown: of(&counts.shown),
            pending: board.pending(),
            ends: of(&counts.resumed) + of(&counts.replaced),
            ..Sample::default()
        };
        self.servers.clear();
        for (host, server) in self.world.processes.all() {
            sample.processes += usize::from(Path::new(&format!("/proc/{host}")).exists());
            let Some((resident, size)) = look(server) else { continue };
            sample.processes += 1;
            sample.servers_mib += mib(resident * 1024);
            sample.private_mib += mib(size.private.unsigned_abs() * 1024);
            sample.largest_mib = sample.largest_mib.max(mib(resident * 1024));
            let handles = usize::try_from(size.handles).unwrap_or(0);
            sample.handles += handles;
            sample.most_handles = sample.most_handles.max(handles);
            self.servers.insert(server, size);
        }
        for entry in fs::read_dir(home.store()).into_iter().flatten().flatten() {
            let (name, size) = (entry.file_name(), entry.metadata().map_or(0, |data| data.len()));
            match Path::new(&name).extension().and_then(|ending| ending.to_str()) {
                Some("db") => sample.database_mib += mib(size),
                Some("db-wal") => sample.wal_mib += mib(size),
                _ => {}
            }
        }
        sample.run_files = files(&home.run());
        let hooks = board.take_hooks();
        if !hooks.is_empty() {
            [sample.hook_p50, sample.hook_p99] = [0.5, 0.99].map(|share| percentile(&hooks, share).round());
        }
        let (busy, all) = processors();
        let (was_busy, was_all) = std::mem::replace(&mut self.processors, (busy, all));
        sample.busy = rounded(100.0 * ratio(busy - was_busy, (all - was_all).max(1)));
        for size in [
            &mut sample.servers_mib,
            &mut sample.private_mib,
            &mut sample.largest_mib,
            &mut sample.database_mib,
            &mut sample.wal_mib,
        ] {
            *size = rounded(*size);
        }
        self.world.look_at_logs();
        sample.gave_up = of(&counts.gave_up);
        sample.stopped = of(&counts.stopped);
        sample.errors = of(&counts.errors);
        sample.findings = board.take_errors();
        sample
    }
}

/// How much the servers that are in both grew.
pub(crate) fn growth(verdict: &mut Verdict, early: &BTreeMap<u32, Size>, late: &BTreeMap<u32, Size>) {
    let both = early.iter().filter_map(|(pid, size)| Some((size, late.get(pid)?)));
    let mut grown: Vec<(i64, i64)> =
        both.map(|(a, b)| (b.private - a.private, b.handles - a.handles)).collect();
    grown.sort_unstable();
    let of = |at: Option<&(i64, i64)>| at.map_or(0.0, |(kib, _)| rounded(signed(*kib) / 1024.0));
    verdict.steady = grown.len();
    verdict.median_growth_mib = of(grown.get(grown.len() / 2));
    verdict.most_growth_mib = of(grown.last());
    verdict.most_handles_growth = grown.iter().map(|(_, handles)| *handles).max().unwrap_or(0);
}

/// Resident memory in KiB, private memory and open files.
fn look(pid: u32) -> Option<(u64, Size)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let handles = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    let private = i64::try_from(field("RssAnon:")?).ok()?;
    Some((field("VmRSS:")?, Size { private, handles: i64::try_from(handles).ok()? }))
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            1 + if is_folder { files(&entry.path()) } else { 0 }
        })
        .sum()
}

/// Time that all processors worked, and all time, in the kernel's unit.
fn processors() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let times = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    // user, nice, system, idle, iowait, irq, softirq, steal
    let times: Vec<u64> = times.take(8).filter_map(|time| time.parse().ok()).collect();
    let all = times.iter().sum::<u64>();
    (all - times.iter().skip(3).take(2).sum::<u64>(), all)
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn signed(kib: i64) -> f64 {
    kib as f64
}

#[expect(clippy::cast_precision_loss, reason = "a time")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
