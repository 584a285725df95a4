//! Durable sends per second, and how long one of them takes, with many senders at once.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::Programs;
use crate::cases::{World, timed};
use crate::measure::percentile;

/// What many senders reached together.
pub(crate) struct Rate {
    name: String,
    per_second: f64,
    took: Vec<Duration>,
}

impl Rate {
    fn new(name: String, took: Vec<Duration>, whole: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let per_second = took.len() as f64 / whole.as_secs_f64();
        Self { name, per_second, took }
    }
}

/// One row per case.
#[expect(clippy::print_stdout, reason = "figures are the output")]
pub(crate) fn print(rates: &[Rate]) {
    println!("| durable sends | per second | p50 | p99 |\n|---|---|---|---|");
    for rate in rates {
        let [median, p99] = [0.5, 0.99].map(|share| percentile(&rate.took, share) / 1e3);
        println!("| {} | {:.0} | {median:.1} ms | {p99:.1} ms |", rate.name, rate.per_second);
    }
}

/// So many processes at a time, each of which sends one message through the command line.
pub(crate) fn processes(programs: &Programs, at_once: usize, each: usize) -> Result<Rate> {
    let world = World::new(programs, 0)?;
    let (home, reader) = (world.home(), world.reader().to_string());
    let sender = || -> Result<Vec<Duration>> {
        let one = |_| {
            let mut command = Command::new(&programs.main);
            command.args(["send-message", &reader, "a short note"]).env("SESSION_BRIDGE_HOME", &home);
            timed(&mut command, None)
        };
        (0..each).map(one).collect()
    };
    let (took, whole) = together(at_once, |_| Ok(()), |()| sender())?;
    Ok(Rate::new(format!("`send-message`, {at_once} processes at a time"), took, whole))
}

/// So many MCP servers, each of a session of its own with so many calls under way.
pub(crate) fn servers(programs: &Programs, servers: usize, under_way: usize, each: usize) -> Result<Rate> {
    let world = World::new(programs, 0)?;
    let (home, reader) = (world.home(), world.reader().to_string());
    let start = |n| {
        let mut session = Session::start(programs, &home, &format!("thread-{n}"))?;
        // Registers the session and opens the store.
        session.send(&reader, 1, 1)?;
        Ok(session)
    };
    let (took, whole) = together(servers, start, |mut session: Session| {
        let took = session.send(&reader, under_way, each)?;
        session.end()?;
        Ok(took)
    })?;
    let calls = if under_way == 1 { "one call".to_owned() } else { format!("{under_way} calls") };
    Ok(Rate::new(format!("{servers} MCP servers, {calls} each at a time"), took, whole))
}

/// Makes so many workers ready, starts them at one moment, and collects what they measured.
fn together<T>(
    count: usize,
    ready: impl Fn(usize) -> Result<T> + Sync,
    work: impl Fn(T) -> Result<Vec<Duration>> + Sync,
) -> Result<(Vec<Duration>, Duration)> {
    let barrier = Barrier::new(count + 1);
    let worker = |n| {
        let ready = ready(n);
        barrier.wait();
        work(ready?)
    };
    let worker = &worker;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..count).map(|n| scope.spawn(move || worker(n))).collect();
        barrier.wait();
        let began = Instant::now();
        let mut took = Vec::new();
        for one in all {
            took.extend(one.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??);
        }
        Ok((took, began.elapsed()))
    })
}

/// An MCP server with this process as its host.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    thread: String,
    last: u64,
}

impl Session {
    fn start(programs: &Programs, home: &Path, thread: &str) -> Result<Self> {
        let mut child = Command::new(&programs.main)
            .args(["mcp", "--client", "codex"])
            .env("SESSION_BRIDGE_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take().context("a pipe")?;
        let output = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut session = Self { child, input, output, thread: thread.to_owned(), last: 0 };
        session.line(
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"codex-mcp-client","version":"1"}}}"#,
        )?;
        session.answer()?;
        session.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        Ok(session)
    }

    /// Sends `count` messages, never more than `under_way` at a time; how long each took from request to answer.
    fn send(&mut self, to: &str, under_way: usize, count: usize) -> Result<Vec<Duration>> {
        let mut began = HashMap::new();
        let mut took = Vec::with_capacity(count);
        let mut left = count;
        while took.len() < count {
            while left > 0 && began.len() < under_way {
                left -= 1;
                began.insert(self.begin(to)?, Instant::now());
            }
            let answer = self.answer()?;
            ensure!(answer.contains("stored"), "not sent: {answer}");
            let id = answer
                .split_once("\"id\":")
                .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok());
            let Some(begun) = id.and_then(|id| began.remove(&id)) else { bail!("whose is {answer}?") };
            took.push(begun.elapsed());
        }
        Ok(took)
    }

    fn begin(&mut self, to: &str) -> Result<u64> {
        self.last += 1;
        let (id, thread) = (self.last, &self.thread);
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"bridge_send_message","arguments":{{"to":"{to}","body":"a short note"}},"_meta":{{"callId":"call-{id}","threadId":"{thread}","sessionId":"{thread}"}}}}}}"#
        );
        self.line(&call)?;
        Ok(id)
    }

    fn line(&mut self, text: &str) -> Result<()> {
        Ok(self.input.write_all(format!("{text}\n").as_bytes())?)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the server ended");
        Ok(line)
    }

    fn end(mut self) -> Result<()> {
        drop(self.input);
        ensure!(self.child.wait()?.success(), "the server failed");
        Ok(())
    }
}
