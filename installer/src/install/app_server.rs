//! One conversation with `codex app-server`: JSON objects, one per line, over its standard input and output. Measured
//! with Codex 0.169.0; see the provider's README.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::exit;
use crate::report::Failure;

/// How long one answer may take; usually all of them take a tenth of a second together.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take to leave once its input is closed.
const LEAVE: Duration = Duration::from_secs(2);
/// Longest line that is read.
const MAX_LINE: u64 = 8 * 1024 * 1024;

/// The running server. It is ended when this goes.
pub(crate) struct AppServer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    next: u64,
}

impl AppServer {
    /// Starts the server and shakes hands.
    pub(crate) fn start(program: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg("app-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::file("start", program, &error))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let Some(stdout) = stdout else { return };
            let mut reader = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                let read = std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line);
                if !matches!(read, Ok(n) if n > 0) {
                    return;
                }
                // What is not JSON is noise of the host's.
                if let Ok(value) = serde_json::from_slice(&line) {
                    if send.send(value).is_err() {
                        return;
                    }
                }
            }
        });
        let mut server = Self { child, stdin, lines, next: 1 };
        let client = json!({ "name": "session-bridge", "title": "session-bridge", "version": env!("CARGO_PKG_VERSION") });
        server.call("initialize", &json!({ "clientInfo": client }))?;
        server.write(&json!({ "method": "initialized" }))?;
        Ok(server)
    }

    /// Asks one thing and waits for its answer; notifications in between are skipped.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let id = self.next;
        self.next += 1;
        self.write(&json!({ "id": id, "method": method, "params": params }))?;
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut answer = match self.lines.recv_timeout(left) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => return Err(failed(method, "it did not answer in time")),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed(method, "it ended without an answer"));
                }
            };
            if answer.get("id").and_then(Value::as_u64) != Some(id) {
                continue;
            }
            if let Some(error) = answer.get("error") {
                let text = error
                    .get("message")
                    .and_then(Value::as_str)
                    .map_or_else(|| error.to_string(), str::to_owned);
                return Err(failed(method, &text));
            }
            return Ok(answer["result"].take());
        }
    }

    fn write(&mut self, value: &Value) -> Result<(), Failure> {
        let method = value["method"].as_str().unwrap_or_default();
        let Some(stdin) = &mut self.stdin else { return Err(failed(method, "its input is closed")) };
        let line = format!("{value}\n");
        stdin
            .write_all(line.as_bytes())
            .and_then(|()| stdin.flush())
            .map_err(|error| failed(method, &error.to_string()))
    }
}

fn failed(method: &str, why: &str) -> Failure {
    Failure::new(
        "codex_app_server",
        exit::NOT_WELL,
        format!("`codex app-server` did not do `{method}`"),
        "review the hooks in Codex itself: start `codex` and open /hooks",
    )
    .because(why)
}

impl Drop for AppServer {
    /// The server leaves by itself when its input is closed; one that stays is ended.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let until = Instant::now() + LEAVE;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Gone in the meantime is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
