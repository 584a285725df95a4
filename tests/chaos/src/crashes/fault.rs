//! Faults inside the programs: `strace` makes a system call of theirs fail, as a broken disk would.
//!
//! The programs are static, so that no library can be put before them, and the faults are below everything of ours: SQLite's
//! reads and writes, its locks, our own files, standard output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::launch::Run;
use crate::random::Random;

/// An error, and the system calls that can end with it. Not every system has all of them.
pub(super) struct Kind {
    pub(super) error: &'static str,
    pub(super) calls: &'static [&'static str],
}

/// What goes wrong: the medium, its space, a signal in between, a disk that was made read-only.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        error: "EIO",
        calls: &[
            "openat",
            "read",
            "pread64",
            "write",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "newfstatat",
            "fstat",
            "statx",
            "readlink",
            "getdents64",
            "rename",
            "renameat",
            "unlink",
            "unlinkat",
            "mkdir",
            "mkdirat",
            "rmdir",
            "symlink",
            "symlinkat",
            "link",
            "linkat",
            "chmod",
            "fchmod",
            "fchmodat",
            "fchown",
            "flock",
            "fcntl",
        ],
    },
    Kind {
        error: "ENOSPC",
        calls: &[
            "openat",
            "write",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "rename",
            "renameat",
            "mkdir",
            "mkdirat",
            "symlink",
            "symlinkat",
            "link",
            "linkat",
        ],
    },
    Kind {
        error: "EINTR",
        calls: &[
            "openat",
            "read",
            "pread64",
            "write",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "flock",
            "poll",
            "ppoll",
            "epoll_wait",
            "epoll_pwait",
        ],
    },
    Kind {
        error: "EROFS",
        calls: &[
            "openat",
            "write",
            "pwrite64",
            "ftruncate",
            "rename",
            "renameat",
            "unlink",
            "unlinkat",
            "mkdir",
            "mkdirat",
            "rmdir",
            "symlink",
            "symlinkat",
            "link",
            "linkat",
            "chmod",
            "fchmod",
            "fchmodat",
            "fchown",
        ],
    },
];

/// How long the tracer may take to write its last line. A limit for hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// One fault.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) error: &'static str,
    pub(super) call: String,
    /// The how manieth such call of a thread fails.
    pub(super) first: u32,
    /// After how many further ones the next fails; none does without it.
    pub(super) step: Option<u32>,
}

/// Who decides what fails in a program that is started next.
#[derive(Debug)]
pub(super) enum Faults {
    /// Nothing does.
    None,
    /// Nothing does, and the calls are written down.
    Counted(PathBuf),
    /// This does; what was done is written down.
    One(Fault, PathBuf),
    /// In every other program something does, now and again.
    Chance(Random),
}

impl Faults {
    /// The run, perhaps under a tracer. The tracer is no parent of the program: hooks ask for theirs.
    pub(super) fn put_into(&mut self, run: Run) -> Run {
        let (fault, log) = match self {
            Self::None => return run,
            Self::Counted(log) => (None, log.clone()),
            Self::One(fault, log) => (Some(fault.clone()), log.clone()),
            Self::Chance(random) => {
                if random.one_in(2) {
                    return run;
                }
                let kind = random.pick(&KINDS);
                let (call, first) = ((*random.pick(kind.calls)).to_owned(), some(random, 30));
                // Who is interrupted tries again: if that never ended, the program would not either.
                let least = if kind.error == "EINTR" { 2 } else { 1 };
                let fault = Fault { error: kind.error, call, first, step: Some(some(random, 60).max(least)) };
                (Some(fault), PathBuf::from("/dev/null"))
            }
        };
        let mut args: Vec<String> = ["-f", "-D", "-q", "--seccomp-bpf", "-o"].map(str::to_owned).to_vec();
        args.push(log.to_string_lossy().into_owned());
        args.push("-e".to_owned());
        if let Some(fault) = &fault {
            args.push(format!("trace=execve,?{}", fault.call));
            let step = fault.step.map(|step| format!("+{step}")).unwrap_or_default();
            args.push("-e".to_owned());
            args.push(format!("inject=?{}:error={}:when={}{step}", fault.call, fault.error, fault.first));
        } else {
            let mut calls: Vec<_> =
                KINDS.iter().flat_map(|kind| kind.calls).map(|call| format!("?{call}")).collect();
            calls.sort();
            calls.dedup();
            args.push(format!("trace=execve,{}", calls.join(",")));
        }
        args.push(run.program.to_string_lossy().into_owned());
        args.extend(run.args);
        Run { program: strace(), args, traced: true, ..run }
    }
}

/// 1 to `most`.
fn some(random: &mut Random, most: usize) -> u32 {
    u32::try_from(random.below(most)).unwrap_or(0) + 1
}

/// Where `strace` is. The programs get a search path of their own.
pub(super) fn strace() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("strace"));
    // The error of whoever starts it names it.
    places.find(|place| place.is_file()).unwrap_or_else(|| "strace".into())
}

/// What a tracer wrote, once the program and it have ended.
fn log(path: &Path) -> Result<String> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        // The first line is the program's beginning, in its first thread.
        let pid = text.split_whitespace().next();
        let ended = |line: &str| line.split_whitespace().next() == pid && line.contains(" +++ ");
        if text.ends_with('\n') && text.lines().any(ended) {
            return Ok(text);
        }
        if began.elapsed() > PATIENCE {
            bail!("strace wrote nothing to its end: may programs be traced here (ptrace)? It wrote: {text}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How often the busiest thread made each call.
pub(super) fn calls(path: &Path) -> Result<BTreeMap<String, u32>> {
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in log(path)?.lines() {
        let mut words = line.splitn(2, ' ');
        let (Some(pid), Some(rest)) = (words.next(), words.next()) else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            *counts.entry((pid.to_owned(), name.to_owned())).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, name), count) in counts {
        let known = most.entry(name).or_insert(0);
        *known = count.max(*known);
    }
    Ok(most)
}

/// The call that failed, if the program came as far. Other threads' calls may stand between its beginning and its end.
pub(super) fn happened(path: &Path) -> Result<Option<String>> {
    let text = log(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = lines.iter().position(|line| line.contains("(INJECTED)")) else { return Ok(None) };
    let thread = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let begins = |line: &&&str| line.ends_with("<unfinished ...>") && thread(line) == thread(lines[at]);
    let begun = lines[..at].iter().rev().find(begins).filter(|_| lines[at].contains(" resumed>"));
    Ok(Some(begun.map_or_else(|| lines[at].to_owned(), |begun| format!("{begun} {}", lines[at]))))
}
