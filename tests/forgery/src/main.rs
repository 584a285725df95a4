//! The full size: `cargo run --release -p session-bridge-forgery`. Writes `docs/results/forgery.json` after each part, and
//! goes on from there if it was stopped. `-- COUNT SEED FILE` are another size, seed and file. `-- fuzz [TARGET…]
//! [--minutes N]` runs the fuzzers instead, and `-- fuzz keep` takes what they found into their corpus.

#![expect(clippy::print_stdout, reason = "progress and figures are the output")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use session_bridge_forgery::campaign::{self, Order};
use session_bridge_forgery::trial::{self, Tally};
use session_bridge_providers::PROVIDERS;

/// What is run unless something else is asked for.
const COUNT: u64 = 1_000_000;
const SEED: u64 = 20_261_121;
const FILE: &str = "docs/results/forgery.json";
/// Messages of one part, of which each thread has a share.
const PART: u64 = 40_000;
const THREADS: u64 = 2;

/// The file of results.
#[derive(Debug, Serialize, Deserialize)]
struct Results {
    command: String,
    version: String,
    providers: Vec<String>,
    machine: String,
    seed: u64,
    size: u64,
    /// How many were done; less than `size` if the run was stopped.
    done: u64,
    seconds: u64,
    tally: Tally,
}

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((word, order)) = words.split_first()
        && word == "fuzz"
    {
        let sound = campaign::run(&Order::read(order)?, &machine())?;
        return Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let number = |at: usize, usual| words.get(at).map_or(Ok(usual), |word| word.parse::<u64>());
    let (size, seed) = (number(0, COUNT)?, number(1, SEED)?);
    let file = Path::new(words.get(2).map_or(FILE, String::as_str));
    let mut results = begun(file, size, seed);
    while results.done < size {
        let (began, end) = (Instant::now(), size.min(results.done + PART));
        results.tally.add(part(seed, results.done, end)?);
        results.done = end;
        results.seconds += began.elapsed().as_secs();
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, serde_json::to_string_pretty(&results)? + "\n")?;
        println!("{end} of {size}, {} findings, {} s", results.tally.findings.len(), results.seconds);
    }
    println!("{}", serde_json::to_string_pretty(&results.tally)?);
    Ok(if results.tally.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an earlier run of the same size and seed left unfinished, or a new run.
fn begun(file: &Path, size: u64, seed: u64) -> Results {
    let left = fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Results>(&bytes).ok());
    left.filter(|left| left.size == size && left.seed == seed && left.done < size).unwrap_or_else(|| {
        Results {
            command: "cargo run --release -p session-bridge-forgery".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            providers: PROVIDERS.iter().map(|provider| provider.card().id.to_string()).collect(),
            machine: machine(),
            seed,
            size,
            done: 0,
            seconds: 0,
            tally: Tally::default(),
        }
    })
}

fn part(seed: u64, from: u64, end: u64) -> Result<Tally> {
    let share = (end - from).div_ceil(THREADS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| (end.min(from + n * share), end.min(from + (n + 1) * share)))
            .map(|(from, end)| scope.spawn(move || trial::run(seed, from..end)))
            .collect();
        let mut tally = Tally::default();
        for thread in threads {
            let done = thread.join().map_err(|_| anyhow::anyhow!("the bridge panicked"))??;
            tally.add(done);
        }
        Ok(tally)
    })
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{}, {cores} cores, Linux {}", model.trim_start_matches(['\t', ':', ' ']), kernel.trim())
}
