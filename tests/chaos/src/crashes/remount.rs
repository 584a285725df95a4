//! Servers that are hours old, and a disk that becomes read-only below them.
//!
//! Linux refuses to make a disk read-only while a file on it is open for writing, and a server has such files; only a disk that breaks
//! is made so all the same. Then what is opened anew is refused, and so are writes to what is open. Here a read-only view is put over the
//! disk for the former, and a tracer refuses the latter. In the end both are taken away, and the same servers go on.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use session_bridge_core::id::SessionId;
use session_bridge_providers::PROVIDERS;

use super::audit;
use super::fault::strace;
use super::readers::Reader;
use super::round::sender;
use super::sweep::said;
use super::trouble::{make_read_only, make_writable};
use super::world::{Acknowledged, World, lock};
use super::writers::{call_of, mark, mark_in, names_in_calls, server_of};
use crate::programs::Programs;
use crate::script::{Scene, Script};

/// How long a tracer may take to come. A limit for hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What must not be, for a reader of each provider whose events were captured. `folder` is a disk of its own.
pub fn remount(programs: &Programs, folder: &Path) -> Result<Vec<String>> {
    let readers = PROVIDERS.iter().filter(|provider| Script::of(**provider).is_ok()).count() as u64;
    let mut found = Vec::new();
    for number in 0..readers {
        let root = folder.join(format!("disk-{number}"));
        fs::create_dir_all(root.join("home"))?;
        let world = World::new(&root, programs.clone());
        // What is to become read-only has to be a mount.
        let mounted = Command::new("mount").arg("--bind").args([&root, &root]).status()?;
        ensure!(mounted.success(), "{} cannot be mounted", root.display());
        story(&world, number)?;
        found.append(&mut lock(&world.findings));
    }
    Ok(found)
}

fn story(world: &World, number: u64) -> Result<()> {
    sender(world)?;
    let mut reader = Reader::start(world, None, 0, number, number)?;
    reader.look_up(&mut world.store()?)?;
    let session = reader.session.context("a session's start registers it")?;
    let mut bodies = 0;
    let mut body = || {
        bodies += 1;
        mark(0, bodies)
    };
    let mut old = Server::start(world, "old")?;
    old.send(world, session, &body(), true)?;

    make_read_only(&world.root)?;
    let mut new = Server::start(world, "new")?;
    for traced in [false, true] {
        let tracer = traced.then(|| refuse_writes(old.child.id())).transpose()?;
        for server in [&mut old, &mut new] {
            server.send(world, session, &body(), false)?;
        }
        command(world, session, &body(), false)?;
        reader.hook(world, Scene::Prompt, "01a1fe22-3c54-7db2-91d8-000000000000", false)?;
        reader.hook(world, Scene::End, "01a1fe22-3c54-7db2-91d8-000000000000", false)?;
        if let Some(mut tracer) = tracer {
            rustix::process::kill_process(
                rustix::process::Pid::from_child(&tracer),
                rustix::process::Signal::TERM,
            )?;
            tracer.wait()?;
        }
    }
    make_writable(&world.root)?;
    audit::in_silence(world)?;
    for server in [&mut old, &mut new] {
        server.send(world, session, &body(), true)?;
    }
    command(world, session, &body(), true)?;
    if !reader.rest(world)? {
        world.find(format!("the reader of {} never comes to rest", reader.provider()));
    }
    audit::in_the_end(world, &[session])?;
    Ok(())
}

/// Has writes of a process to what it has open fail, from now on.
fn refuse_writes(pid: u32) -> Result<Child> {
    let tracer = Command::new(strace())
        .args(["-f", "-q", "-o", "/dev/null", "-e", "trace=pwrite64,ftruncate"])
        .args(["-e", "inject=pwrite64,ftruncate:error=EROFS", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .context("strace cannot be started")?;
    let began = Instant::now();
    loop {
        let mut threads = fs::read_dir(format!("/proc/{pid}/task"))?;
        let traced =
            |status: String| status.lines().any(|line| line == format!("TracerPid:\t{}", tracer.id()));
        if threads.all(|thread| {
            thread.is_ok_and(|thread| fs::read_to_string(thread.path().join("status")).is_ok_and(traced))
        }) {
            return Ok(tracer);
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "strace cannot trace a server: are processes allowed to (ptrace)?"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A message that is sent.
struct Letter<'a> {
    to: SessionId,
    body: &'a str,
    /// Nothing is wrong any more, so it is stored.
    well: bool,
    began: Instant,
}

/// What is sent is stored, or refused with a code.
fn account_for(world: &World, who: &str, letter: &Letter<'_>, answer: &Value) {
    let Letter { to, body, well, began } = *letter;
    let id = answer["id"].as_str().and_then(|id| id.parse().ok());
    if let Some(id) = id {
        lock(&world.acknowledged).push(Acknowledged { id, to: Some(to), mark: mark_in(body), began });
    } else if well {
        world.find(format!("{who} does not go on: {answer}"));
    } else if said(answer).is_none() {
        world.find(format!("{who} says nothing of it: {answer}"));
    }
}

fn command(world: &World, to: SessionId, body: &str, well: bool) -> Result<()> {
    let began = Instant::now();
    let run = world.run(&world.programs.main, &["send-message", &to.to_string(), body, "--json"]);
    let ended = run.carry_out()?;
    let answer = serde_json::from_str(&ended.output).unwrap_or_default();
    account_for(world, "a command", &Letter { to, body, well, began }, &answer);
    Ok(())
}

/// A server that is spoken to call by call.
struct Server {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    meta: Value,
    calls: usize,
}

impl Server {
    fn start(world: &World, name: &'static str) -> Result<Self> {
        let (provider, thread, root) = names_in_calls().context("no provider names its session in calls")?;
        let run = server_of(world, provider);
        let mut child = Command::new(&run.program)
            .args(&run.args)
            .env_clear()
            .envs(run.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut input = child.stdin.take().context("a pipe")?;
        let output = BufReader::new(child.stdout.take().context("a pipe")?);
        for line in run.input {
            writeln!(input, "{line}")?;
        }
        Ok(Self { name, child, input, output, meta: json!({ thread: name, root: name }), calls: 0 })
    }

    fn send(&mut self, world: &World, to: SessionId, body: &str, well: bool) -> Result<()> {
        let began = Instant::now();
        let arguments = json!({"to": to.to_string(), "body": body});
        self.calls += 1;
        writeln!(self.input, "{}", call_of("bridge_send_message", &arguments, &self.meta, self.calls))?;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                world.find(format!("the {} server has ended", self.name));
                return Ok(());
            }
            let answer: Value = serde_json::from_str(&line)?;
            if answer["id"] == self.calls {
                let result = &answer["result"];
                let told =
                    if result["structuredContent"].is_null() { result } else { &result["structuredContent"] };
                let letter = Letter { to, body, well, began };
                account_for(world, &format!("the {} server", self.name), &letter, told);
                return Ok(());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
