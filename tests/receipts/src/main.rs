//! The full size: `cargo run --release -p session-bridge-receipts`. Writes a row to `docs/results/receipts.json` after each
//! part, and goes on from there if it was stopped. `-- COUNT SEED FILE` are another size, seed and file. `-- world NUMBER SEED`
//! runs one world again, whose findings name it, and writes nothing.

#![expect(clippy::print_stdout, reason = "progress and figures are the output")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use session_bridge_chaos::results::Results;
use session_bridge_receipts::{Plan, Tally, run};

/// What is run unless something else is asked for.
const COUNT: u64 = 1_000_000;
const SEED: u64 = 20_261_121;
const FILE: &str = "docs/results/receipts.json";
/// Deliveries of one world.
const DELIVERIES: u64 = 1_000;
/// Worlds of one part, of which each thread has a share.
const PART: u64 = 10;
const THREADS: u64 = 2;

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual| words.get(at).map_or(Ok(usual), |word| word.parse::<u64>());
    if words.first().is_some_and(|word| word == "world") {
        let (world, seed) = (number(1, 0)?, number(2, SEED)?);
        let tally = run(Plan { seed, deliveries: DELIVERIES, lie: None }, world..world + 1)?;
        println!("{}", serde_json::to_string_pretty(&tally)?);
        return Ok(if tally.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let (size, seed) = (number(0, COUNT)?, number(1, SEED)?);
    let file = Path::new(words.get(2).map_or(FILE, String::as_str));
    let mut results: Results<Tally> =
        Results::open(file, "cargo run --release -p session-bridge-receipts", seed, size)?;
    let plan = Plan { seed, deliveries: DELIVERIES, lie: None };
    let done = |rows: &[Tally]| rows.iter().map(|row| row.deliveries).sum::<u64>();
    while done(&results.rows) < size {
        let (began, from) = (Instant::now(), results.rows.last().map_or(0, |row| row.to));
        let mut row = part(plan, from)?;
        row.seconds = began.elapsed().as_secs();
        let rate = row.deliveries * 60 / row.seconds.max(1);
        for finding in &row.findings {
            println!("{finding}");
        }
        results.rows.push(row);
        results.save(file)?;
        println!("{} of {size}, {rate} a minute", done(&results.rows));
    }
    let mut all = Tally::default();
    for row in &results.rows {
        all.add(row.clone());
    }
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(if all.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn part(plan: Plan, from: u64) -> Result<Tally> {
    let share = PART / THREADS;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| from + n * share)
            .map(|from| scope.spawn(move || run(plan, from..from + share)))
            .collect();
        let mut all = Tally { from, to: from + PART, ..Tally::default() };
        for thread in threads {
            all.add(thread.join().map_err(|_| anyhow::anyhow!("the bridge panicked"))??);
        }
        Ok(all)
    })
}
