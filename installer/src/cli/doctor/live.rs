//! Round trips through the constant paths, exactly as a host starts the programs; in a home of their own, so that
//! nothing of the user's is touched.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::environment;
use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::id::AttemptId;

use super::check::Check;

const GROUP: &str = "bridge";
/// How long a hook may take here; it takes milliseconds.
const HOOK_LIMIT: Duration = Duration::from_secs(5);
/// How long the server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// What is read of any program's output.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("session-bridge-doctor-{}", AttemptId::generate()));
        fsx::private_dir(&path).map_err(std::io::Error::other)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that stays in the temporary one does no harm.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What a program did.
struct Ran {
    status: ExitStatus,
    stdout: Vec<u8>,
    time: Duration,
}

/// The hook gets an event that no host sends: it must end with success and say nothing, as with any trouble.
pub(super) fn hook(home: &Home) -> Check {
    let program = home.hook_program();
    let run = || -> Result<Ran, String> {
        let scratch = Scratch::new().map_err(|error| error.to_string())?;
        let mut command = Command::new(&program);
        command.args(["session-bridge-doctor", "Doctor"]).env(environment::HOME.name, &scratch.0);
        run(command, b"{\"hook_event_name\":\"Doctor\"}", HOOK_LIMIT)
    };
    let help = "session-bridge doctor --fix, or install session-bridge again";
    match run() {
        Ok(ran) if ran.status.success() && ran.stdout.is_empty() => {
            Check::ok(GROUP, "hook", "the hook starts and keeps silent about what it does not know")
                .took(ran.time)
        }
        Ok(ran) => Check::fail(
            GROUP,
            "hook",
            format!("the hook ended with {} and put out {} bytes", ran.status, ran.stdout.len()),
        )
        .help(help)
        .took(ran.time),
        Err(why) => {
            Check::fail(GROUP, "hook", format!("{} does not run: {why}", program.display())).help(help)
        }
    }
}

/// The MCP server is asked who it is and what it offers.
pub(super) fn server(home: &Home) -> Check {
    let program = home.main_program();
    let began = Instant::now();
    match talk(&program) {
        Ok(tools) => Check::ok(GROUP, "mcp", format!("the MCP server answers and offers {tools} tools"))
            .took(began.elapsed()),
        Err(why) => Check::fail(GROUP, "mcp", format!("the MCP server does not answer: {why}"))
            .help("session-bridge doctor --fix, or install session-bridge again"),
    }
}

fn talk(program: &Path) -> Result<usize, String> {
    let text = |error: std::io::Error| error.to_string();
    let scratch = Scratch::new().map_err(text)?;
    let mut child = Command::new(program)
        .arg("mcp")
        .env(environment::HOME.name, &scratch.0)
        .env_remove(environment::SESSION_ID.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(text)?;
    let answer = handshake(&mut child);
    // It leaves by itself once its input is closed; nothing is lost if it does not.
    drop(child.stdin.take());
    wait(&mut child, Duration::from_secs(1));
    answer
}

fn handshake(child: &mut Child) -> Result<usize, String> {
    let mut stdin = child.stdin.take().ok_or("no input")?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let (send, lines) = mpsc::channel::<Value>();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout.take(MAX_OUTPUT)).lines().map_while(Result::ok) {
            let Ok(value) = serde_json::from_str(&line) else { continue };
            if send.send(value).is_err() {
                return;
            }
        }
    });
    let mut ask = |message: &str, id: u64| -> Result<Value, String> {
        writeln!(stdin, "{message}").and_then(|()| stdin.flush()).map_err(|error| error.to_string())?;
        loop {
            let answer = lines.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => "no answer in time".to_owned(),
                mpsc::RecvTimeoutError::Disconnected => "it ended without an answer".to_owned(),
            })?;
            if answer["id"] == json!(id) {
                return answer.get("result").cloned().ok_or_else(|| answer["error"].to_string());
            }
        }
    };
    let info = json!({ "name": "session-bridge-doctor", "version": env!("CARGO_PKG_VERSION") });
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    ask(&hello.to_string(), 1)?;
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {} });
    // The notification has no answer; both lines go out at once.
    let listed = ask(&format!("{ready}\n{list}"), 2)?;
    match listed["tools"].as_array() {
        Some(tools) if !tools.is_empty() => Ok(tools.len()),
        _ => Err("it offers no tools".to_owned()),
    }
}

/// Runs a program to its end, or ends it when its time is over.
fn run(mut command: Command, stdin: &[u8], limit: Duration) -> Result<Ran, String> {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input is no fault.
        drop(input.write_all(stdin));
    }
    let output = child.stdout.take();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(output) = output {
            // What was read until then is what counts.
            drop(output.take(MAX_OUTPUT).read_to_end(&mut bytes));
        }
        // Whoever waited may have gone.
        drop(send.send(bytes));
    });
    let status =
        wait(&mut child, limit).ok_or_else(|| format!("it did not end within {} s", limit.as_secs()))?;
    let time = began.elapsed();
    // A grandchild may hold the pipe for longer.
    let stdout = receive.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    Ok(Ran { status, stdout, time })
}

/// Waits for the end; a child that overstays is killed, and has no status.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                // Gone in the meantime is as good.
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
}
