//! Where the hot path's time goes: the shipped hook, ended one step later each time, against the empty process.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use session_bridge_core::id::MessageId;

use crate::Programs;
use crate::cases::{World, timed};
use crate::measure::{Case, percentile, rounds};

/// What each step adds, in the order in which the hook goes.
const STEPS: [(&str, Stage); 6] = [
    ("an empty static process: fork, exec, exit", Stage::Empty),
    ("+ our program's image, standard input read to its end", Stage::NoHome),
    ("+ payload decoded, entry and CLI known", Stage::Subagent),
    ("+ host process found, sign of life, bell: **the idle hook**", Stage::Idle),
    ("+ store opened, event heard, nothing to say", Stage::FalseBell),
    ("+ one message composed, recorded and written: **the delivering hook**", Stage::Delivers),
];

/// How far a run of the hook goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is another program, which does nothing.
    Empty,
    /// The bridge has no home: it ends when it has read.
    NoHome,
    /// A subagent's event: it ends when it has decoded.
    Subagent,
    /// Nothing waits.
    Idle,
    /// A bell that nothing stands behind.
    FalseBell,
    /// One message waits.
    Delivers,
}

/// Kinds of system calls, by name.
const KINDS: [(&str, &[&str]); 5] = [
    ("open, close", &["open", "openat", "close", "mkdir"]),
    (
        "stat",
        &[
            "stat",
            "statx",
            "newfstatat",
            "fstat",
            "lstat",
            "access",
            "faccessat",
            "faccessat2",
            "readlink",
            "getcwd",
        ],
    ),
    ("read, write", &["read", "pread64", "readv", "write", "pwrite64", "writev", "lseek", "ftruncate"]),
    ("lock, remove, rename", &["fcntl", "flock", "unlink", "unlinkat", "rename", "utimensat"]),
    ("memory", &["mmap", "munmap", "mprotect", "brk", "madvise", "mremap"]),
];

/// What one step costs besides time.
struct Counts {
    calls: Vec<usize>,
    faults: u64,
    instructions: u64,
}

/// Measures all steps.
pub(crate) fn run(programs: &Programs, count: usize) -> Result<String> {
    let world = World::new(programs, 1_000)?;
    let counted: Vec<Counts> =
        STEPS.iter().map(|(_, stage)| counts(&world, *stage)).collect::<Result<_>>()?;
    let mut cases: Vec<Case<'_>> =
        STEPS.iter().map(|(name, stage)| Case::new(*name, || Ok(once(&world, *stage, None)?.0))).collect();
    rounds(&mut cases, count)?;
    let took: Vec<&[Duration]> = cases.iter().map(Case::took).collect();
    Ok(table(&took, &counted))
}

fn table(took: &[&[Duration]], counted: &[Counts]) -> String {
    let mut text = String::from(
        "| the process goes as far as | median | p99 | adds | ratio | page faults | instructions |",
    );
    for (kind, _) in KINDS {
        let _ = write!(text, " {kind} |");
    }
    text.push_str(" other calls |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    let base = percentile(took[0], 0.5);
    let mut before = base;
    for (((name, _), took), counts) in STEPS.iter().zip(took).zip(counted) {
        let (median, p99) = (percentile(took, 0.5), percentile(took, 0.99));
        let (adds, ratio) = (median - before, median / base);
        before = median;
        let (faults, thousands) = (counts.faults, counts.instructions / 1000);
        let _ = write!(
            text,
            "| {name} | {median:.0} µs | {p99:.0} µs | {adds:+.0} µs | {ratio:.2} | {faults} | {thousands} k |"
        );
        for calls in &counts.calls {
            let _ = write!(text, " {calls} |");
        }
        text.push('\n');
    }
    text
}

/// Runs the hook as far as a stage goes, perhaps beneath a tool: how long that took, and how many page faults.
fn once(world: &World<'_>, stage: Stage, tool: Option<Command>) -> Result<(Duration, u64)> {
    match stage {
        Stage::FalseBell => world.ring()?,
        Stage::Delivers => world.mail()?,
        _ => {}
    }
    let program = if stage == Stage::Empty { world.noop() } else { world.hook_program() };
    let mut command = match tool {
        Some(mut tool) => {
            tool.arg(program);
            tool
        }
        None => Command::new(program),
    };
    command.args(["claude-code", "UserPromptSubmit"]);
    command.env(
        "SESSION_BRIDGE_HOME",
        if stage == Stage::NoHome { world.folder().join("no") } else { world.home() },
    );
    let payload = match stage {
        Stage::Subagent => "subagent.json",
        // The same bytes again would be the same event, which is heard once.
        Stage::FalseBell => {
            let prompt = fs::read_to_string(world.folder().join("prompt.json"))?;
            let other = prompt.replace("hello", &MessageId::generate().to_string());
            fs::write(world.folder().join("other.json"), other)?;
            "other.json"
        }
        _ => "prompt.json",
    };
    let before = faults()?;
    let took = timed(&mut command, Some(&world.folder().join(payload)))?;
    let faults = faults()? - before;
    if stage == Stage::Delivers {
        world.settle()?;
    }
    Ok((took, faults))
}

fn counts(world: &World<'_>, stage: Stage) -> Result<Counts> {
    let mut faults: Vec<u64> = (0..9).map(|_| Ok(once(world, stage, None)?.1)).collect::<Result<_>>()?;
    faults.sort_unstable();
    Ok(Counts { calls: calls(world, stage)?, faults: faults[4], instructions: instructions(world, stage)? })
}

/// Minor page faults of all children that were waited for.
fn faults() -> Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").context("an odd /proc/self/stat")?;
    Ok(fields.split(' ').nth(8).context("no count of faults")?.parse()?)
}

/// System calls by kind, the last kind being all others.
fn calls(world: &World<'_>, stage: Stage) -> Result<Vec<usize>> {
    let file = world.folder().join("calls");
    let mut strace = Command::new("strace");
    // Not as the hook's parent, which would be taken for its host.
    strace.arg("-D").arg("-o").arg(&file);
    once(world, stage, Some(strace))?;
    // The tracer ends after what it traces.
    let mut text = fs::read_to_string(&file)?;
    while !text.contains("+++ exited") {
        std::thread::yield_now();
        text = fs::read_to_string(&file)?;
    }
    let mut found = vec![0; KINDS.len() + 1];
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        let kind = KINDS.iter().position(|(_, names)| names.contains(&name)).unwrap_or(KINDS.len());
        found[kind] += 1;
    }
    Ok(found)
}

fn instructions(world: &World<'_>, stage: Stage) -> Result<u64> {
    let file = world.folder().join("counted");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--log-file={}", file.display()));
    once(world, stage, Some(valgrind))?;
    let text = fs::read_to_string(&file)?;
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    Ok(count.context("valgrind does not count")?.1.trim().parse()?)
}
