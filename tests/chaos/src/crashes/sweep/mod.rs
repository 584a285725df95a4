//! Every system call of every operation fails once, one at a time.
//!
//! An operation runs once and its calls are counted. Then it runs again and again from the same state, each time with one of them
//! failing. After each: what was refused was refused with a code, what was acknowledged is there, nobody has mail without a bell,
//! nothing is said twice, the files of the CLIs are old or new; and the same without a fault goes through.

mod bench;
mod operation;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use self::bench::Bench;
pub(super) use self::operation::said;
use self::operation::{OPERATIONS, Operation, Told};
use super::fault::{Fault, Faults, KINDS, calls, happened};
use super::world::lock;
use crate::programs::Programs;
use crate::random::Random;

/// Calls that a signal may interrupt on any disk.
const WAIT: [&str; 10] =
    ["openat", "read", "pread64", "write", "pwrite64", "flock", "poll", "ppoll", "epoll_wait", "epoll_pwait"];

/// One operation under one error.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// What was done.
    pub operation: String,
    /// What system calls said.
    pub error: String,
    /// Whose session reads.
    pub reader: String,
    /// Calls that can end so.
    pub calls: u64,
    /// Of them, those that were made to.
    pub faults: u64,
    /// Faults after which the operation succeeded.
    pub succeeded: u64,
    /// Faults after which it ended without saying anything that counts.
    pub silent: u64,
    /// Faults after which it was refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// What must not be.
    pub findings: Vec<String>,
}

/// How many rows there are.
pub fn rows() -> usize {
    OPERATIONS.len() * KINDS.len()
}

/// One of the rows, with at most so many faults, spread over the calls.
pub fn row(number: usize, programs: &Programs, seed: u64, most: u64, folder: &Path) -> Result<Row> {
    let operation = OPERATIONS[number % OPERATIONS.len()];
    let kind = &KINDS[number / OPERATIONS.len() % KINDS.len()];
    let mut random = Random::new(seed, 600 + number as u64);
    let mut bench = Bench::prepare(operation, programs, folder, seed, number as u64)?;
    let log = folder.join("strace");

    bench.renew()?;
    *lock(&bench.world.faults) = Faults::Counted(log.clone());
    let told = bench.run()?;
    anyhow::ensure!(told == Told::Done, "{operation:?} fails although nothing disturbs it: {told:?}");
    let counted = calls(&log)?;
    let mut faults: Vec<(String, u32)> = counted
        .into_iter()
        .filter(|(call, _)| kind.calls.contains(&call.as_str()))
        .flat_map(|(call, count)| (1..=count).map(move |n| (call.clone(), n)))
        .collect();
    let calls = faults.len() as u64;
    while faults.len() as u64 > most {
        faults.swap_remove(random.below(faults.len()));
    }

    let mut row = Row {
        operation: format!("{operation:?}"),
        error: kind.error.to_owned(),
        reader: bench.reader.provider().to_owned(),
        calls,
        faults: 0,
        succeeded: 0,
        silent: 0,
        refused: BTreeMap::new(),
        findings: Vec::new(),
    };
    for (nth, (call, first)) in faults.into_iter().enumerate() {
        bench.renew()?;
        // A file for each: what a program left running may still be traced into that of the one before.
        let log = folder.join(format!("strace-{nth}"));
        let fault = Fault { error: kind.error, call, first, step: None };
        let name = format!("{} at {} {first}", kind.error, fault.call);
        *lock(&bench.world.faults) = Faults::One(fault.clone(), log.clone());
        let told = bench.run()?;
        let happened = happened(&log)?;
        fs::remove_file(&log)?;
        row.faults += u64::from(happened.is_some());
        *lock(&bench.world.faults) = Faults::None;
        // A signal while it waits is no reason to fail. The loop of a server reads and writes without waiting: a signal
        // does not interrupt that, as the tracer does.
        let at_once = operation == Operation::Serve && matches!(fault.call.as_str(), "read" | "write");
        let may_be = kind.error == "EINTR" && WAIT.contains(&fault.call.as_str()) && !at_once;
        if may_be && told != Told::Done {
            bench.world.find(format!("an interruption counts as a failure: {told:?}"));
        }
        match told {
            Told::Done => row.succeeded += 1,
            // Nobody can be told anything where the output fails, or the input.
            Told::Nothing if matches!(fault.call.as_str(), "write" | "read") => row.silent += 1,
            // Where the system has no random numbers, no program can begin.
            Told::Nothing if happened.as_ref().is_some_and(|call| call.contains("random")) => row.silent += 1,
            Told::Nothing => bench.world.find("it ended without a word".to_owned()),
            Told::Refused(code) => *row.refused.entry(code).or_default() += 1,
        }
        bench.account_for()?;
        let call = happened.unwrap_or_default();
        row.findings.extend(
            lock(&bench.world.findings).drain(..).map(|what| format!("{name}: {what} [{}]", call.trim())),
        );
    }
    Ok(row)
}
