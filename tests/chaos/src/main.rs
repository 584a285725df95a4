//! Runs a harness at any size, and goes on where it was interrupted:
//!
//! ```text
//! cargo run --release -p session-bridge-chaos -- identity [--messages 100000] [--per-round 5000] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- crashes [--kills 10000] [--per-round 250] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- faults [--faults 1000] [--rows 40] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- remount
//! cargo run -p session-bridge-chaos -- loops [--companies 300] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- install [--configs 10000] [--seed 1] [--minutes M] [--results FILE]
//! ```
//!
//! Each round is a row of the results, `docs/results/crashes.json`, `faults.json`, `identity.json` or `install.json`. The status is 0 if nothing was found that must
//! not be. A seed decides what is sent, when somebody is to be killed and which configuration is written; where in a program a
//! kill falls is also a matter of the machine.

#![expect(clippy::print_stdout, reason = "the summary is the output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use session_bridge_chaos::crashes::{
    Outcome, Plan, Row, Trouble, play, play_apart, remount, remount_apart, row, rows,
};
use session_bridge_chaos::identity;
use session_bridge_chaos::install::{Batch, FORMATS, batch};
use session_bridge_chaos::launch::{Host, host};
use session_bridge_chaos::loops;
use session_bridge_chaos::programs::{self, Programs};
use session_bridge_chaos::results::Results;

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [Host::WORD] => host()?,
        ["round", plan, folder] => {
            println!("{}", serde_json::to_string(&play(&serde_json::from_str(plan)?, folder.as_ref())?)?);
        }
        ["remounted", main, hook, folder] => {
            let programs = Programs { main: main.into(), hook: hook.into() };
            println!("{}", serde_json::to_string(&remount(&programs, folder.as_ref())?)?);
        }
        ["remount"] => {
            let findings = remount_apart(&std::env::current_exe()?, &programs::build()?)?;
            for finding in &findings {
                println!("{finding}");
            }
            println!("a disk became read-only below open servers: {} findings", findings.len());
            return Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ["identity-round", plan, folder] => {
            let plan = serde_json::from_str(plan)?;
            println!("{}", serde_json::to_string(&identity::play(&plan, folder.as_ref())?)?);
        }
        ["crashes", options @ ..] => return crashes(&Options::read(options, "crashes")?),
        ["faults", options @ ..] => return faults(&Options::read(options, "faults")?),
        ["install", options @ ..] => return install(&Options::read(options, "install")?),
        ["identity", options @ ..] => return who(&Options::read(options, "identity")?),
        ["loops", options @ ..] => return loops(&Options::read(options, "loops")?),
        _ => bail!(
            "crashes, faults, remount, identity, loops or install; the head of tests/chaos/src/main.rs has their options"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

struct Options {
    size: u64,
    per_round: u64,
    rows: usize,
    seed: u64,
    until: Option<Instant>,
    results: PathBuf,
    mistake: Option<identity::Mistake>,
}

impl Options {
    fn read(words: &[&str], what: &str) -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let results = root.join(format!("docs/results/{what}.json"));
        let (size, per_round) = match what {
            "identity" => (100_000, 5_000),
            "loops" => (300, 250),
            _ => (10_000, 250),
        };
        let mut options =
            Self { size, per_round, rows: rows(), seed: 1, until: None, results, mistake: None };
        for pair in words.chunks(2) {
            let [name, value] = pair else { bail!("{} has no value", pair[0]) };
            match *name {
                "--kills" | "--faults" | "--configs" | "--messages" | "--companies" => {
                    options.size = value.parse()?;
                }
                "--per-round" => options.per_round = value.parse()?,
                "--rows" => options.rows = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--minutes" => {
                    options.until = Some(Instant::now() + Duration::from_secs(60 * value.parse::<u64>()?));
                }
                // For the test of the audit.
                "--mistake" => options.mistake = Some(serde_json::from_value((*value).into())?),
                "--results" => options.results = value.into(),
                other => bail!("no option is called {other}"),
            }
        }
        Ok(options)
    }

    fn time_is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
}

fn crashes(options: &Options) -> Result<ExitCode> {
    let command = format!("cargo run -p session-bridge-chaos -- crashes --seed {}", options.seed);
    let mut results = Results::<Outcome>::open(&options.results, &command, options.seed, options.size)?;
    let programs = programs::build()?;
    let chaos = std::env::current_exe()?;
    let kills = |rows: &[Outcome]| rows.iter().map(|row| row.kills).sum::<u64>();
    while kills(&results.rows) < options.size && !options.time_is_over() {
        let round = results.rows.len() as u64;
        let plan = Plan {
            round,
            seed: options.seed,
            kills: options.per_round.min(options.size - kills(&results.rows)),
            trouble: Trouble::of_round(round),
            main: programs.main.clone(),
            hook: programs.hook.clone(),
        };
        let row = play_apart(&chaos, &plan).with_context(|| format!("{plan:?}"))?;
        println!("{}", serde_json::to_string(&row)?);
        results.rows.push(row);
        results.save(&options.results)?;
    }
    let sum = |of: fn(&Outcome) -> u64| results.rows.iter().map(of).sum::<u64>();
    let findings: usize = results.rows.iter().map(|row| row.findings.len()).sum();
    println!(
        "{} of {} kills in {} rounds: {} programs started, {} messages acknowledged, {} bodies shown, {findings} findings",
        sum(|row| row.kills),
        options.size,
        results.rows.len(),
        sum(|row| row.runs),
        sum(|row| row.acknowledged),
        sum(|row| row.shown),
    );
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// So many faults per row at most; a row is an operation under an error.
fn faults(options: &Options) -> Result<ExitCode> {
    let command = format!("cargo run -p session-bridge-chaos -- faults --seed {}", options.seed);
    let mut results = Results::<Row>::open(&options.results, &command, options.seed, options.size)?;
    let programs = programs::build()?;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    while results.rows.len() < options.rows && !options.time_is_over() {
        let done = results.rows.len();
        let one = |number| {
            let folder = tempfile::tempdir()?;
            row(number, &programs, options.seed, options.size, folder.path())
        };
        let made = std::thread::scope(|scope| -> Result<Vec<Row>> {
            let running: Vec<_> = (done..options.rows.min(done + at_once))
                .map(|number| scope.spawn(move || one(number)))
                .collect();
            running.into_iter().map(|one| one.join().ok().context("a row panicked")?).collect()
        })?;
        for row in made {
            println!("{}", serde_json::to_string(&row)?);
            results.rows.push(row);
        }
        results.save(&options.results)?;
    }
    let sum = |of: fn(&Row) -> u64| results.rows.iter().map(of).sum::<u64>();
    let findings: usize = results.rows.iter().map(|row| row.findings.len()).sum();
    println!(
        "{} of {} calls failed in {} of {} rows: {} times all went well, {findings} findings",
        sum(|row| row.faults),
        sum(|row| row.calls),
        results.rows.len(),
        options.rows,
        sum(|row| row.succeeded),
    );
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn who(options: &Options) -> Result<ExitCode> {
    let command = format!("cargo run --release -p session-bridge-chaos -- identity --seed {}", options.seed);
    let mut results =
        Results::<identity::Outcome>::open(&options.results, &command, options.seed, options.size)?;
    let programs = programs::build()?;
    let chaos = std::env::current_exe()?;
    let sum =
        |rows: &[identity::Outcome], of: fn(&identity::Outcome) -> u64| rows.iter().map(of).sum::<u64>();
    loop {
        let done = sum(&results.rows, |row| row.messages);
        if done >= options.size || options.time_is_over() {
            break;
        }
        let plan = identity::Plan {
            round: results.rows.len() as u64,
            seed: options.seed,
            messages: options.per_round.min(options.size - done),
            mistake: options.mistake,
            main: programs.main.clone(),
            hook: programs.hook.clone(),
        };
        let row = identity::play_apart(&chaos, &plan).with_context(|| format!("{plan:?}"))?;
        println!("{}", serde_json::to_string(&row)?);
        results.rows.push(row);
        results.save(&options.results)?;
    }
    let rows = &results.rows;
    let findings: usize = rows.iter().map(|row| row.findings.len()).sum();
    println!(
        "{} of {} messages in {} rounds: {} deliveries, {} bodies shown, {} calls refused; {} misrouted, {} guessed, {findings} findings",
        sum(rows, |row| row.messages),
        options.size,
        rows.len(),
        sum(rows, |row| row.deliveries),
        sum(rows, |row| row.shown),
        sum(rows, |row| row.refused.values().sum()),
        sum(rows, |row| row.misrouted),
        sum(rows, |row| row.guessed),
    );
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// So many configurations per format, in batches.
const BATCH: u64 = 250;

fn install(options: &Options) -> Result<ExitCode> {
    let command = format!("cargo run -p session-bridge-chaos -- install --seed {}", options.seed);
    let mut results = Results::<Batch>::open(&options.results, &command, options.seed, options.size)?;
    let formats = FORMATS.len() as u64;
    let all = options.size.div_ceil(BATCH) * formats;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    while (results.rows.len() as u64) < all && !options.time_is_over() {
        let done = results.rows.len() as u64;
        // All formats come along together, so that a part of a run is a part of each.
        let row = |number: u64| {
            let first = number / formats * BATCH;
            let format = FORMATS[usize::try_from(number % formats)?];
            batch(format, options.seed, first, BATCH.min(options.size - first))
        };
        let rows = std::thread::scope(|scope| -> Result<Vec<Batch>> {
            let running: Vec<_> =
                (done..all.min(done + at_once)).map(|number| scope.spawn(move || row(number))).collect();
            running.into_iter().map(|one| one.join().ok().context("a batch panicked")?).collect()
        })?;
        for row in rows {
            println!("{}", serde_json::to_string(&row)?);
            results.rows.push(row);
        }
        results.save(&options.results)?;
    }
    let sum = |of: fn(&Batch) -> u64| results.rows.iter().map(of).sum::<u64>();
    let findings: usize = results.rows.iter().map(|row| row.findings.len()).sum();
    println!(
        "{} configurations of {} per format: {} installed into, {} refused, {} runs died, {findings} findings",
        sum(|row| row.configs),
        options.size,
        sum(|row| row.taken),
        sum(|row| row.refused),
        sum(|row| row.crashes),
    );
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Companies of each size per row.
const COMPANIES: u64 = 25;

/// Polite agents, so many companies of two, of three and of five; and each recorded chain once.
fn loops(options: &Options) -> Result<ExitCode> {
    let command = format!("cargo run -p session-bridge-chaos -- loops --seed {}", options.seed);
    let mut results = Results::<loops::Row>::open(&options.results, &command, options.seed, options.size)?;
    for (number, work) in loops::work(options.size, COMPANIES)?.iter().enumerate().skip(results.rows.len()) {
        if options.time_is_over() {
            break;
        }
        let row = work.run(options.seed).with_context(|| format!("row {number}"))?;
        println!("{}", serde_json::to_string(&row)?);
        results.rows.push(row);
        results.save(&options.results)?;
    }
    let findings: usize = results.rows.iter().map(|row| row.findings().len()).sum();
    println!("{}, {findings} findings", loops::summary(&results.rows));
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
