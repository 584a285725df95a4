//! Each harness at the size that was asked for, row by row.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_bridge_chaos::crashes::{self, Plan, Trouble};
use session_bridge_chaos::install::{self, Batch, FORMATS};
use session_bridge_chaos::programs;
use session_bridge_chaos::results::Results;
use session_bridge_chaos::{identity, loops};

use crate::options::Options;

/// Configurations of one format in a row.
const BATCH: u64 = 250;
/// Companies of each size in a row.
const COMPANIES: u64 = 25;

/// Rows until no more are wanted, those of an interrupted run included; then a line about all of them. `next` makes what comes
/// after the rows that there are; `findings` counts what must not be.
fn run<R: Serialize + DeserializeOwned>(
    options: &Options,
    next: impl Fn(&[R]) -> Result<Vec<R>>,
    findings: impl Fn(&R) -> usize,
    summary: impl FnOnce(&[R]) -> String,
) -> Result<ExitCode> {
    let release = if options.name == "identity" { "--release " } else { "" };
    let command =
        format!("cargo run {release}-p session-bridge-chaos -- {} --seed {}", options.name, options.seed);
    let mut results = Results::<R>::open(&options.results, &command, options.seed, options.size)?;
    while !options.time_is_over() {
        let made = next(&results.rows)?;
        if made.is_empty() {
            break;
        }
        for row in made {
            println!("{}", serde_json::to_string(&row)?);
            results.rows.push(row);
        }
        results.save(&options.results)?;
    }
    let findings: usize = results.rows.iter().map(findings).sum();
    println!("{}, {findings} findings", summary(&results.rows));
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As many rows at once as there are processors, of those that are still to be made.
fn side_by_side<R: Send>(done: usize, all: usize, row: impl Fn(usize) -> Result<R> + Sync) -> Result<Vec<R>> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let row = &row;
    std::thread::scope(|scope| {
        let running: Vec<_> =
            (done..all.min(done + at_once)).map(|number| scope.spawn(move || row(number))).collect();
        running.into_iter().map(|one| one.join().ok().context("a row panicked")?).collect()
    })
}

fn sum<R>(rows: &[R], of: impl Fn(&R) -> u64) -> u64 {
    rows.iter().map(of).sum()
}

/// Kills, round by round.
pub(crate) fn crashes(options: &Options) -> Result<ExitCode> {
    let programs = programs::build()?;
    let chaos = std::env::current_exe()?;
    let next = |rows: &[crashes::Outcome]| {
        let done = sum(rows, |row| row.kills);
        if done >= options.size {
            return Ok(Vec::new());
        }
        let round = rows.len() as u64;
        let plan = Plan {
            round,
            seed: options.seed,
            kills: options.per_round.min(options.size - done),
            trouble: Trouble::of_round(round),
            main: programs.main.clone(),
            hook: programs.hook.clone(),
        };
        Ok(vec![crashes::play_apart(&chaos, &plan).with_context(|| format!("{plan:?}"))?])
    };
    let findings = |row: &crashes::Outcome| row.findings.len();
    run(options, next, findings, |rows| {
        format!(
            "{} of {} kills in {} rounds: {} programs started, {} messages acknowledged, {} bodies shown",
            sum(rows, |row| row.kills),
            options.size,
            rows.len(),
            sum(rows, |row| row.runs),
            sum(rows, |row| row.acknowledged),
            sum(rows, |row| row.shown),
        )
    })
}

/// So many faults per row at most; a row is an operation under an error.
pub(crate) fn faults(options: &Options) -> Result<ExitCode> {
    let programs = programs::build()?;
    let row = |number| {
        let folder = tempfile::tempdir()?;
        crashes::row(number, &programs, options.seed, options.size, folder.path())
    };
    let next = |rows: &[crashes::Row]| side_by_side(rows.len(), options.rows, row);
    let findings = |row: &crashes::Row| row.findings.len();
    run(options, next, findings, |rows| {
        format!(
            "{} of {} calls failed in {} of {} rows: {} times all went well",
            sum(rows, |row| row.faults),
            sum(rows, |row| row.calls),
            rows.len(),
            options.rows,
            sum(rows, |row| row.succeeded),
        )
    })
}

/// Messages of fifty sessions, round by round.
pub(crate) fn identity(options: &Options) -> Result<ExitCode> {
    let programs = programs::build()?;
    let chaos = std::env::current_exe()?;
    let next = |rows: &[identity::Outcome]| {
        let done = sum(rows, |row| row.messages);
        if done >= options.size {
            return Ok(Vec::new());
        }
        let plan = identity::Plan {
            round: rows.len() as u64,
            seed: options.seed,
            messages: options.per_round.min(options.size - done),
            mistake: options.mistake,
            main: programs.main.clone(),
            hook: programs.hook.clone(),
        };
        Ok(vec![identity::play_apart(&chaos, &plan).with_context(|| format!("{plan:?}"))?])
    };
    let findings = |row: &identity::Outcome| row.findings.len();
    run(options, next, findings, |rows| {
        format!(
            "{} of {} messages in {} rounds: {} deliveries, {} bodies shown, {} calls refused; {} misrouted, {} guessed",
            sum(rows, |row| row.messages),
            options.size,
            rows.len(),
            sum(rows, |row| row.deliveries),
            sum(rows, |row| row.shown),
            sum(rows, |row| row.refused.values().sum()),
            sum(rows, |row| row.misrouted),
            sum(rows, |row| row.guessed),
        )
    })
}

/// So many configurations per format. All formats come along together, so that a part of a run is a part of each.
pub(crate) fn install(options: &Options) -> Result<ExitCode> {
    let all = usize::try_from(options.size.div_ceil(BATCH))? * FORMATS.len();
    let row = |number: usize| {
        let first = (number / FORMATS.len()) as u64 * BATCH;
        let format = FORMATS[number % FORMATS.len()];
        install::batch(format, options.seed, first, BATCH.min(options.size - first))
    };
    let next = |rows: &[Batch]| side_by_side(rows.len(), all, row);
    let findings = |row: &Batch| row.findings.len();
    run(options, next, findings, |rows| {
        format!(
            "{} configurations of {} per format: {} installed into, {} refused, {} runs died",
            sum(rows, |row| row.configs),
            options.size,
            sum(rows, |row| row.taken),
            sum(rows, |row| row.refused),
            sum(rows, |row| row.crashes),
        )
    })
}

/// Polite agents, so many companies of two, of three and of five; and each recorded chain once.
pub(crate) fn loops(options: &Options) -> Result<ExitCode> {
    let work = loops::work(options.size, COMPANIES)?;
    let next = |rows: &[loops::Row]| {
        let row = |work: &loops::Work| work.run(options.seed).with_context(|| format!("row {}", rows.len()));
        work.get(rows.len()).into_iter().map(row).collect()
    };
    run(options, next, |row| row.findings().len(), loops::summary)
}
