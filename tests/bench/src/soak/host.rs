//! A process that stands for an agent CLI: it starts hooks and servers, as their parent, and does nothing else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// What a host is told to do.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// Run a program to its end.
    Run { program: Program, input: String },
    /// Start a program, with a connection to this socket as its input and output, as some hosts have it.
    Serve { program: Program, socket: PathBuf },
    /// Wait until the program that was started so has ended.
    Await,
}

/// A program with its arguments and its whole environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stderr(Stdio::null());
        command
    }
}

/// What a host did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Standard output of what was run.
    pub(crate) output: String,
    /// From before its start until after its end, in microseconds.
    pub(crate) micros: u64,
    /// How it ended, if not well.
    pub(crate) failure: Option<String>,
    /// Of what was started.
    pub(crate) pid: u32,
}

/// A host process, seen from outside.
pub(crate) struct Host {
    child: Child,
    orders: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
}

impl Host {
    /// The word that makes this program a host.
    pub(crate) const WORD: &'static str = "host";

    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(Self::WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let reports = BufReader::new(child.stdout.take().context("a pipe")?);
        Ok(Self { child, orders, reports })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a program to its end.
    pub(crate) fn run(&mut self, program: Program, input: String) -> Result<Done> {
        self.order(&Order::Run { program, input })
    }

    /// Starts a program that serves, and connects to it; its process id comes along.
    pub(crate) fn serve(&mut self, program: Program, socket: &Path) -> Result<(UnixStream, u32)> {
        let listener = UnixListener::bind(socket)?;
        let done = self.order(&Order::Serve { program, socket: socket.to_owned() })?;
        if let Some(failure) = done.failure {
            bail!("{failure}");
        }
        let (stream, _) = listener.accept()?;
        std::fs::remove_file(socket)?;
        Ok((stream, done.pid))
    }

    /// Waits for the end of what serves, and ends. How the former ended, if not well.
    pub(crate) fn end(mut self) -> Result<Option<String>> {
        let done = self.order(&Order::Await)?;
        drop(self.orders.take());
        ensure!(self.child.wait()?.success(), "a host failed");
        Ok(done.failure)
    }

    fn order(&mut self, order: &Order) -> Result<Done> {
        let orders = self.orders.as_mut().context("the host has ended")?;
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        self.reports.read_line(&mut line)?;
        serde_json::from_str(&line).context("the host is gone")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // One that was ended is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of a host process.
pub(crate) fn host() -> Result<()> {
    let mut serving = None;
    for order in std::io::stdin().lock().lines() {
        let done = match serde_json::from_str(&order?)? {
            Order::Run { program, input } => run(&program, &input)?,
            Order::Serve { program, socket } => {
                let stream = UnixStream::connect(socket)?;
                let (input, output) = (OwnedFd::from(stream.try_clone()?), OwnedFd::from(stream));
                let child = program.command().stdin(input).stdout(output).spawn()?;
                let pid = child.id();
                serving = Some(child);
                Done { pid, ..Done::default() }
            }
            Order::Await => {
                let status = serving.take().map(|mut child: Child| child.wait()).transpose()?;
                let failure = status.filter(|status| !status.success()).map(|status| status.to_string());
                Done { failure, ..Done::default() }
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&done)?)?;
        out.flush()?;
    }
    Ok(())
}

fn run(program: &Program, input: &str) -> Result<Done> {
    let began = Instant::now();
    let mut child = program.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    // It reads all of it before it writes anything.
    child.stdin.take().context("a pipe")?.write_all(input.as_bytes())?;
    let mut output = String::new();
    child.stdout.take().context("a pipe")?.read_to_string(&mut output)?;
    let status = child.wait()?;
    let micros = u64::try_from(began.elapsed().as_micros())?;
    let failure = (!status.success()).then(|| status.to_string());
    Ok(Done { output, micros, failure, pid: 0 })
}
