//! Programs that are started, fed, and perhaps killed; by this process or by a host of their own.
//!
//! Some CLIs have one session per process, and a hook finds its host by asking for its parent. So each reader has a
//! [`Host`]: this program again, which starts what it is told to start.

use std::io::{BufRead, BufReader, Read as _, Seek as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long a program that nobody kills may take before that is a finding of its own. Not a figure: a limit for hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// One run of a program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// What it reads, line by line.
    pub input: Vec<String>,
    /// Whether each line with an `id` waits for its answer before the next is written, as most hosts do. Else all of them are written
    /// at once. Without any `id`, standard input is closed directly.
    pub in_turn: bool,
    /// After how many microseconds it is killed, if it still runs then.
    pub kill_after: Option<u64>,
    /// A tracer starts it. Then it is not killed alone: a tracer that is just attaching would wait for it for ever.
    pub traced: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Whether it died of our signal.
    pub killed: bool,
    /// Whether it ended well by itself.
    pub success: bool,
    /// How long it ran, in microseconds.
    pub took: u64,
    /// It did not end in any reasonable time.
    pub hung: bool,
}

impl Run {
    /// A run that nobody kills, with nothing to read and an empty environment.
    pub fn plain(program: &Path, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|&word| word.to_owned()).collect(),
            env: Vec::new(),
            input: Vec::new(),
            in_turn: true,
            kill_after: None,
            traced: false,
        }
    }

    /// Carries it out.
    pub fn carry_out(&self) -> Result<Ended> {
        let began = Instant::now();
        // Not a pipe: what it starts may go on and keep that open.
        let mut errors = tempfile::tempfile()?;
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        let mut stdin = child.stdin.take();
        let (tell, lines) = channel();
        let mut stdout = BufReader::new(child.stdout.take().context("a pipe")?);
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if tell.send(std::mem::take(&mut line)).is_err() {
                    // Whoever writes still wants to be read.
                    let _ = stdout.read_to_end(&mut line);
                }
            }
        });
        let kill_after = self.kill_after.filter(|_| !self.traced);
        let end = began + kill_after.map_or(PATIENCE, Duration::from_micros);
        let mut todo = self.input.iter();
        let mut awaited = self.feed(&mut todo, &mut stdin);
        let (mut output, mut over) = (Vec::new(), false);
        loop {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if awaited.is_some() && id_of(&line) == awaited {
                        awaited = self.feed(&mut todo, &mut stdin);
                    }
                    output.extend(line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    over = true;
                    child.kill()?;
                    break;
                }
            }
        }
        drop(stdin);
        // It closes its output when it ends, so this does not last.
        let status = child.wait()?;
        output.extend(lines.iter().flatten());
        let _ = reader.join();
        let killed = status.signal() == Some(9);
        let mut said = Vec::new();
        errors.rewind()?;
        errors.read_to_end(&mut said)?;
        Ok(Ended {
            output: String::from_utf8_lossy(&output).into_owned(),
            errors: String::from_utf8_lossy(&said).into_owned(),
            killed,
            success: status.success(),
            took: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            hung: over && kill_after.is_none(),
        })
    }

    /// Writes the lines up to the next one whose answer is to be waited for, and returns its id. Closes the input after the last.
    fn feed(&self, todo: &mut std::slice::Iter<'_, String>, stdin: &mut Option<ChildStdin>) -> Option<Value> {
        let mut last = None;
        for line in todo.by_ref() {
            // A program that was killed or needs no more does not read; that is no fault.
            let written = stdin.as_mut().is_none_or(|pipe| writeln!(pipe, "{line}").is_ok());
            last = id_of(line.as_bytes()).or(last);
            if !written || (self.in_turn && last.is_some()) {
                break;
            }
        }
        if last.is_none() {
            *stdin = None;
        }
        last
    }
}

fn id_of(line: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Value>(line).ok()?.as_object_mut()?.remove("id")
}

/// A process that stands for an agent CLI: it starts what it is told to.
pub struct Host {
    /// Not there for a host that another one started.
    child: Option<Child>,
    pid: u32,
    orders: Box<dyn Write + Send>,
    reports: Box<dyn BufRead + Send>,
}

/// What a host is told.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// Have it run to its end.
    Run(Run),
    /// Start it, with a connection to this socket as its standard input and output. Only program, arguments and environment count.
    Serve(Run, PathBuf),
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl Host {
    /// The word that makes this program a host.
    pub const WORD: &'static str = "host";

    /// Starts one; `chaos` is this program, perhaps under another name.
    pub fn start(chaos: &Path) -> Result<Self> {
        let mut command = Command::new(chaos);
        // What it starts can be killed with it.
        command.arg(Self::WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let orders = Box::new(child.stdin.take().context("a pipe")?);
        let reports = Box::new(BufReader::new(child.stdout.take().context("a pipe")?));
        Ok(Self { pid: child.id(), child: Some(child), orders, reports })
    }

    /// Starts one below this one, as a CLI that is started in the shell of another. `socket` is a path that is free.
    pub fn start_inside(&mut self, chaos: &Path, socket: &Path) -> Result<Self> {
        let run = Run { in_turn: false, ..Run::plain(chaos, &[Self::WORD]) };
        let (pid, stream) = self.serve(&run, socket)?;
        let reports = Box::new(BufReader::new(stream.try_clone()?));
        Ok(Self { child: None, pid, orders: Box::new(stream), reports })
    }

    /// Its process.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether this process started it, so that it ends with this value.
    pub const fn is_ours(&self) -> bool {
        self.child.is_some()
    }

    /// Has a program run as its child.
    pub fn carry_out(&mut self, run: &Run) -> Result<Ended> {
        self.tell(&Order::Run(run.clone()))
    }

    /// Has a program run as its child for as long as it likes, connected to us. `socket` is a path that is free.
    pub fn serve(&mut self, run: &Run, socket: &Path) -> Result<(u32, UnixStream)> {
        let listener = UnixListener::bind(socket)?;
        let pid = self.tell(&Order::Serve(run.clone(), socket.to_owned()))?;
        // It was connected before it was reported.
        let (stream, _) = listener.accept()?;
        std::fs::remove_file(socket)?;
        Ok((pid, stream))
    }

    /// Has a program run as its child, and kills both after a while, whether the program has ended by then or not. What the host got
    /// from it; nothing if it died first. Only for a host that this process started.
    pub fn die_with(mut self, run: &Run, after: Duration) -> Result<Option<Ended>> {
        let group = self.child.as_ref().map(rustix::process::Pid::from_child).context("a host of ours")?;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(after);
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
            });
            // It may be gone before it was told.
            Ok(self.carry_out(run).ok())
        })
    }

    fn tell<T: serde::de::DeserializeOwned>(&mut self, order: &Order) -> Result<T> {
        writeln!(self.orders, "{}", serde_json::to_string(order)?)?;
        self.orders.flush()?;
        let mut line = String::new();
        self.reports.read_line(&mut line)?;
        serde_json::from_str(&line).context("the host is gone")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The body of a host process.
pub fn host() -> Result<()> {
    let mut serving: Vec<Child> = Vec::new();
    for order in std::io::stdin().lock().lines() {
        serving.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let report = match serde_json::from_str(&order?)? {
            Order::Run(run) => serde_json::to_string(&run.carry_out()?)?,
            Order::Serve(run, socket) => {
                let stream = UnixStream::connect(socket)?;
                let child = Command::new(&run.program)
                    .args(&run.args)
                    .env_clear()
                    .envs(run.env.iter().map(|(name, value)| (name, value)))
                    .stdin(Stdio::from(OwnedFd::from(stream.try_clone()?)))
                    .stdout(Stdio::from(OwnedFd::from(stream)))
                    .stderr(Stdio::null())
                    .spawn()?;
                let pid = child.id();
                serving.push(child);
                pid.to_string()
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{report}")?;
        out.flush()?;
    }
    Ok(())
}

/// How long programs of each sort take when nobody kills them, so that kills fall into all of their life, on any machine.
#[derive(Debug, Default)]
pub struct Pace(std::collections::BTreeMap<&'static str, u64>);

impl Pace {
    /// When to kill the next one, or never.
    pub fn kill_after(&self, sort: &str, random: &mut crate::random::Random) -> Option<u64> {
        let usual = *self.0.get(sort)?;
        let spread = usize::try_from(usual + usual / 4).unwrap_or(usize::MAX);
        (!random.one_in(5)).then(|| random.below(spread) as u64)
    }

    /// One was left alone, or came to its end before it was killed.
    pub fn learn(&mut self, sort: &'static str, ended: &Ended) {
        if !ended.killed {
            let usual = self.0.entry(sort).or_insert(ended.took);
            *usual = (*usual * 3 + ended.took) / 4;
        }
    }
}
