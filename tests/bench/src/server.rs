//! The MCP server: how soon it answers, and what it costs while nobody calls.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::Programs;

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;

/// An idle server's cost.
pub(crate) struct Idle {
    pub(crate) mib: f64,
    pub(crate) switches: u64,
}

fn start(programs: &Programs, home: PathBuf) -> Result<(Child, Duration)> {
    let began = Instant::now();
    let mut child = Command::new(&programs.main)
        .args(["mcp", "--client", "claude-code"])
        .env("SESSION_BRIDGE_HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let input = child.stdin.as_mut().context("a pipe")?;
    input.write_all(HELLO.as_bytes())?;
    input.write_all(b"\n")?;
    let mut answer = String::new();
    BufReader::new(child.stdout.as_mut().context("a pipe")?).read_line(&mut answer)?;
    let took = began.elapsed();
    anyhow::ensure!(answer.contains("serverInfo"), "unexpected answer: {answer}");
    Ok((child, took))
}

/// From the start of the process to the answer to `initialize`.
pub(crate) fn initialize(programs: &Programs, home: PathBuf) -> Result<Duration> {
    let (mut child, took) = start(programs, home)?;
    drop(child.stdin.take());
    child.wait()?;
    Ok(took)
}

/// Memory, and how often it ran, while nobody calls it.
pub(crate) fn idle(programs: &Programs, home: PathBuf) -> Result<Idle> {
    let (mut child, _) = start(programs, home)?;
    std::thread::sleep(Duration::from_secs(1));
    let before = switches(child.id())?;
    std::thread::sleep(Duration::from_secs(3));
    let switches = switches(child.id())? - before;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let resident = field(&status, "VmRSS:").context("VmRSS")?;
    drop(child.stdin.take());
    child.wait()?;
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    Ok(Idle { mib: resident as f64 / 1024.0, switches })
}

/// Voluntary context switches of all threads of a process.
fn switches(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(task?.path().join("status"))?;
        sum += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(sum)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
