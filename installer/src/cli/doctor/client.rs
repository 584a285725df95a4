//! An MCP client of one connection, that waits for nothing longer than it says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bounded;

/// How long the server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to leave once its input is closed.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// A server that runs.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    answers: mpsc::Receiver<Value>,
    last: u64,
}

impl Client {
    /// Starts the server and shakes hands under a host's name.
    pub(super) fn start(mut command: Command, name: &str) -> Result<Self, String> {
        // What it says on standard error is for the host's log.
        let mut child = bounded::start(command.stderr(Stdio::null()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (send, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let Some(output) = output else { return };
            for line in BufReader::new(output.take(bounded::MAX_OUTPUT)).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { continue };
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut client = Self { child, input, answers, last: 0 };
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": name, "version": "doctor" },
        });
        client.request("initialize", &hello)?;
        client.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(client)
    }

    /// Asks, and waits for the answer.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut answer = self.answers.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => {
                    format!("no answer to {method} within {} s", ANSWER_LIMIT.as_secs())
                }
                mpsc::RecvTimeoutError::Disconnected => format!("it ended without an answer to {method}"),
            })?;
            if answer["id"] == json!(id) {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("it has no input")?;
        let sent = writeln!(input, "{message}").and_then(|()| input.flush());
        sent.map_err(|_| "it ended, or closed its input".to_owned())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It leaves by itself once its input is closed; nothing is lost if it does not.
        drop(self.input.take());
        bounded::wait(&mut self.child, LEAVE_LIMIT);
    }
}
