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
        let id = self.ask(method, params)?;
        self.answer(id, method)
    }

    /// The same, but the server is killed after that time, answer or not.
    pub(super) fn request_killed(
        &mut self,
        method: &str,
        params: &Value,
        after: Option<Duration>,
    ) -> Result<Value, String> {
        let id = self.ask(method, params)?;
        if let Some(after) = after {
            std::thread::sleep(after);
            // Gone in the meantime is as good.
            drop(self.child.kill());
        }
        self.answer(id, method)
    }

    /// Asks all of it at once, and waits for the answers.
    pub(super) fn request_all(&mut self, method: &str, params: &[Value]) -> Result<Vec<Value>, String> {
        let ids = params.iter().map(|params| self.ask(method, params)).collect::<Result<Vec<_>, _>>()?;
        let mut answers = ids.iter().map(|_| self.answer_of(&ids, method)).collect::<Result<Vec<_>, _>>()?;
        answers.sort_by_key(|(id, _)| *id);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<u64, String> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        Ok(id)
    }

    fn answer(&mut self, id: u64, method: &str) -> Result<Value, String> {
        self.answer_of(&[id], method).map(|(_, answer)| answer)
    }

    /// The next answer to one of these, and to which.
    fn answer_of(&mut self, ids: &[u64], method: &str) -> Result<(u64, Value), String> {
        loop {
            let mut answer = self.answers.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => {
                    format!("no answer to {method} within {} s", ANSWER_LIMIT.as_secs())
                }
                mpsc::RecvTimeoutError::Disconnected => format!("it ended without an answer to {method}"),
            })?;
            if let Some(id) = answer["id"].as_u64().filter(|id| ids.contains(id)) {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok((id, answer["result"].take())),
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
