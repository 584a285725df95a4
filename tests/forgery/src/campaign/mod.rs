//! The fuzzers of `tests/fuzz`, run one after the other with what a stable compiler has: builds them, gives them what
//! was captured to begin with, reads what they say, and writes it down.

#![expect(clippy::print_stdout, reason = "progress is the output")]

mod log;
mod seeds;

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::targets::TARGETS;
use log::Log;

/// What a target gets unless something else is asked for.
const MINUTES: u64 = 5;
/// An input that takes longer than this many seconds is a finding.
const PATIENCE: u64 = 10;
/// A fuzzer that needs more memory than this, in MiB, is a finding.
const MEMORY: u64 = 2048;
/// The longest input, in bytes.
const LONGEST: u64 = 4096;

/// What libFuzzer needs the compiler to put in: counters of edges and the operands of comparisons. No address sanitizer:
/// the code is safe Rust. These come in place of the flags that programs are otherwise built with, as libFuzzer
/// finds the C library's own comparisons, of which it takes note, only in a program that is not static.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// The file of results: what was run, and each run.
#[derive(Debug, Serialize, Deserialize)]
struct Results {
    command: String,
    version: String,
    machine: String,
    /// The Rust compiler, and the C++ compiler of libFuzzer.
    compilers: [String; 2],
    runs: Vec<Run>,
}

/// One run of one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Run {
    target: String,
    seconds: u64,
    executions: u64,
    /// Edges of the program that the inputs reached which were there before.
    edges_before: u64,
    edges: u64,
    features: u64,
    peak_mb: u64,
    findings: Vec<String>,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// All, if none is named.
    targets: Vec<String>,
    minutes: u64,
    /// Not to fuzz, but to take into the committed corpus what reaches more of the program.
    keep: bool,
    /// Not to fuzz, but to run these inputs once more.
    inputs: Vec<PathBuf>,
}

impl Order {
    /// `[keep] [TARGET…] [INPUT…] [--minutes N]`. An input is a file.
    pub fn read(words: &[String]) -> Result<Self> {
        let mut order = Self { targets: Vec::new(), minutes: MINUTES, keep: false, inputs: Vec::new() };
        let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).chain([MCP]).collect();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "keep" => order.keep = true,
                "--minutes" => order.minutes = words.next().context("how many minutes?")?.parse()?,
                name if known.contains(&name) => order.targets.push(name.to_owned()),
                file if Path::new(file).is_file() => order.inputs.push(fs::canonicalize(file)?),
                other => bail!("`{other}` is no file and none of {}", known.join(", ")),
            }
        }
        if order.targets.is_empty() {
            order.targets = known.into_iter().map(str::to_owned).collect();
        }
        Ok(order)
    }
}

/// The target whose function is in the crate that has the server.
const MCP: &str = "mcp";

/// Carries an order out. `machine` is what the results say of it. Whether nothing was found.
pub fn run(order: &Order, machine: &str) -> Result<bool> {
    let fuzzers = Fuzzers::build()?;
    if order.keep {
        for target in &order.targets {
            fuzzers.keep(target)?;
        }
        return Ok(true);
    }
    let mut sound = true;
    if !order.inputs.is_empty() {
        for target in &order.targets {
            sound &= fuzzers.fuzzer(target).args(&order.inputs).status()?.success();
        }
        return Ok(sound);
    }
    for target in &order.targets {
        let run = fuzzers.run(target, order.minutes)?;
        sound &= run.findings.is_empty();
        println!("{}", serde_json::to_string_pretty(&run)?);
        let file = root().join("docs/results/fuzz.json");
        let before = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Results>(&bytes).ok());
        let mut runs = before.map(|before| before.runs).unwrap_or_default();
        runs.push(run);
        let results = Results {
            command: "cargo run -p session-bridge-forgery -- fuzz".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: machine.to_owned(),
            compilers: [version("rustc")?, version("c++")?],
            runs,
        };
        fs::write(file, serde_json::to_string_pretty(&results)? + "\n")?;
    }
    Ok(sound)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn version(compiler: &str) -> Result<String> {
    let output =
        Command::new(compiler).arg("--version").output().with_context(|| format!("no `{compiler}`"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// The folder of the fuzzers, whose programs are built.
struct Fuzzers {
    folder: PathBuf,
}

impl Fuzzers {
    fn build() -> Result<Self> {
        let fuzzers = Self { folder: root().join("tests/fuzz").canonicalize()? };
        // The same versions of everything as in what is shipped. Cargo adds what only the fuzzers have.
        let (ours, theirs) = (root().join("Cargo.lock"), fuzzers.folder.join("Cargo.lock"));
        let changed = |file: &Path| fs::metadata(file).and_then(|file| file.modified()).ok();
        if changed(&theirs) < changed(&ours) {
            fs::copy(ours, theirs)?;
        }
        ensure!(fuzzers.cargo(&["build"]).status()?.success(), "the fuzzers do not compile");
        Ok(fuzzers)
    }

    /// Cargo in the folder of the fuzzers, with their flags.
    fn cargo(&self, words: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        cargo.args(words).arg("--release").current_dir(&self.folder);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")).env_remove("CARGO_TARGET_DIR");
        cargo
    }

    /// A fuzzer's program.
    fn fuzzer(&self, target: &str) -> Command {
        let mut fuzzer = self.cargo(&["run", "--quiet", "--bin", target]);
        fuzzer.arg("--").stdin(Stdio::null());
        // Two of the targets write files each time, which no disk needs to see.
        if std::env::var_os("TMPDIR").is_none() && Path::new("/dev/shm").is_dir() {
            fuzzer.env("TMPDIR", "/dev/shm");
        }
        fuzzer
    }

    /// What a run found worth keeping; the next one goes on from there.
    fn found(&self, target: &str) -> PathBuf {
        self.folder.join("target/found").join(target)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.folder.join("corpus").join(target)
    }

    fn run(&self, target: &str, minutes: u64) -> Result<Run> {
        let (found, corpus) = (self.found(target), self.corpus(target));
        let (seeds, artifacts) =
            (self.folder.join("target/seeds").join(target), self.folder.join("artifacts"));
        let dictionary = self.folder.join("target").join(format!("{target}.dict"));
        fs::create_dir_all(&found)?;
        fs::create_dir_all(artifacts.join(target))?;
        seeds::write(target, &root().join("providers"), &seeds)?;
        fs::write(&dictionary, seeds::dictionary(&[corpus.clone(), seeds.clone()])?)?;

        println!("{target}: {minutes} minutes");
        let began = Instant::now();
        let mut fuzzer = self
            .fuzzer(target)
            .arg(format!("-max_total_time={}", minutes * 60))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-timeout={PATIENCE}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-dict={}", dictionary.display()))
            .arg(format!("-artifact_prefix={}/", artifacts.join(target).display()))
            .arg("-print_final_stats=1")
            .args([&found, &corpus, &seeds])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = fuzzer.stderr.take().context("its output")?;
        let log = Log::read(BufReader::new(said), io::stdout())?;
        let ended = fuzzer.wait()?;
        let mut findings = log.finding;
        if !ended.success() && findings.is_empty() {
            findings.push(format!("the fuzzer ended with {ended}"));
        }
        Ok(Run {
            target: target.to_owned(),
            seconds: began.elapsed().as_secs(),
            executions: log.executions,
            edges_before: log.edges_before,
            edges: log.edges,
            features: log.features,
            peak_mb: log.peak_mb,
            findings,
        })
    }

    /// Takes from what was found the smallest inputs that reach edges which the corpus does not.
    fn keep(&self, target: &str) -> Result<()> {
        let merge = self
            .fuzzer(target)
            .args(["-merge=1", "-use_counters=0", "-use_value_profile=0"])
            .arg(format!("-timeout={PATIENCE}"))
            .args([self.corpus(target), self.found(target), self.folder.join("target/seeds").join(target)])
            .status()?;
        ensure!(merge.success(), "{target}: {merge}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(words: &[&str]) -> Option<Order> {
        Order::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn an_order_names_targets_and_minutes() {
        let all = order(&[]).unwrap();
        assert_eq!((all.targets.len(), all.minutes, all.keep), (TARGETS.len() + 1, MINUTES, false));
        let one = order(&["mcp", "--minutes", "1"]).unwrap();
        assert_eq!((one.targets, one.minutes), (vec!["mcp".to_owned()], 1));
        assert!(order(&["keep", "edit"]).unwrap().keep);
        let again = order(&["edit", "Cargo.toml"]).unwrap();
        assert_eq!(again.inputs, [Path::new("Cargo.toml").canonicalize().unwrap()]);
        for wrong in [["nobody", "edit"], ["edit", "--minutes"], ["--minutes", "soon"]] {
            assert_eq!(order(&wrong), None, "{wrong:?}");
        }
    }
}
