//! A conversation with a program of ours or of a host's, as in JSON-RPC: objects, one per line, over its standard input and
//! output. Each of them is answered in time, or not at all.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bounded;

/// How long one answer may take; usually it takes milliseconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long the program may take to leave once its input is closed.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);
/// What is read of all that it says.
const MAX_HEARD: u64 = 8 * 1024 * 1024;

/// The running program. It is ended when this goes.
pub(crate) struct Conversation {
    /// What stands in every message of ours.
    envelope: Value,
    child: Child,
    input: Option<ChildStdin>,
    heard: Receiver<Value>,
    last: u64,
}

impl Conversation {
    /// Starts the program. What it says on standard error is for nobody. `envelope` is an object: what stands in every
    /// message of ours.
    pub(crate) fn start(mut command: Command, envelope: Value) -> io::Result<Self> {
        let mut child = bounded::start(command.stderr(Stdio::null()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (send, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let Some(output) = output else { return };
            for line in BufReader::new(output.take(MAX_HEARD)).split(b'\n').map_while(Result::ok) {
                // What is not JSON is noise.
                let Ok(value) = serde_json::from_slice(&line) else { continue };
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        Ok(Self { envelope, child, input, heard, last: 0 })
    }

    /// Says something that has no answer.
    pub(crate) fn say(&mut self, method: &str) -> Result<(), String> {
        let mut message = self.envelope.clone();
        message["method"] = method.into();
        self.write(&message)
    }

    /// Asks, and gives the number of the answer that is to come.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Result<u64, String> {
        self.last += 1;
        let mut message = self.envelope.clone();
        message["id"] = self.last.into();
        message["method"] = method.into();
        message["params"] = params.clone();
        self.write(&message)?;
        Ok(self.last)
    }

    /// The next answer to one of these, and to which. Whatever else is said meanwhile is passed over.
    pub(crate) fn answer(&mut self, ids: &[u64]) -> Result<(u64, Value), String> {
        let until = Instant::now() + ANSWER_LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut heard = self.heard.recv_timeout(left).map_err(|error| match error {
                RecvTimeoutError::Timeout => format!("no answer within {} s", ANSWER_LIMIT.as_secs()),
                RecvTimeoutError::Disconnected => "it ended without an answer".to_owned(),
            })?;
            let Some(id) = heard["id"].as_u64().filter(|id| ids.contains(id)) else { continue };
            return match heard.get("error") {
                Some(error) => {
                    Err(error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned))
                }
                None => Ok((id, heard["result"].take())),
            };
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let id = self.ask(method, params)?;
        self.answer(&[id]).map(|(_, answer)| answer)
    }

    /// Kills the program.
    pub(crate) fn kill(&mut self) {
        // Gone in the meantime is as good.
        drop(self.child.kill());
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("it has no input")?;
        match input.write_all(format!("{message}\n").as_bytes()) {
            // Whether it ends before or after we write is a matter of luck; whoever waits for an answer is told.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| error.to_string()),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // It leaves by itself once its input is closed.
        drop(self.input.take());
        bounded::wait(&mut self.child, LEAVE_LIMIT);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(script: &str) -> Conversation {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Conversation::start(command, json!({ "result": "echo" })).unwrap()
    }

    #[test]
    fn an_answer_is_found_among_all_that_is_said() {
        let mut told = with(
            r#"read one; read two; echo noise; echo '7'; echo '{"id":9,"result":0}'; echo '{"method":"note"}'
               echo '{"id":2,"result":"b"}'; echo '{"id":1,"result":"a"}'; cat"#,
        );
        let ids = [(); 2].map(|()| told.ask("x", &json!({})).unwrap());
        assert_eq!(ids, [1, 2]);
        assert_eq!(told.answer(&ids).unwrap(), (2, json!("b")));
        assert_eq!(told.answer(&ids).unwrap(), (1, json!("a")));
        // It says our own words back from here on.
        assert_eq!(told.request("x", &json!({})).unwrap(), json!("echo"));
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let mut told =
            with(r#"echo '{"id":1,"error":{"code":-1,"message":"no"}}'; echo '{"id":2,"error":7}'; cat"#);
        assert_eq!(told.request("x", &json!({})).unwrap_err(), "no");
        assert_eq!(told.request("x", &json!({})).unwrap_err(), "7");
    }

    #[test]
    fn an_end_is_told_whenever_it_comes() {
        for script in ["exit", "read one"] {
            let why = with(script).request("x", &json!({})).unwrap_err();
            assert_eq!(why, "it ended without an answer", "{script}");
        }
    }
}
