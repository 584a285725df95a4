//! The MCP server of a session, as its host's client sees it.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// How long an answer may take before the server counts as hanging: longer than any wait of a tool.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to a server.
#[derive(Debug)]
pub struct Server {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    last: u64,
}

/// What a tool said.
pub type Said = std::result::Result<Value, Refusal>;

/// A call that was not done: the tool's result, or the whole answer where there is none.
#[derive(Debug)]
pub struct Refusal(Value);

impl Refusal {
    /// Its code; nothing if the protocol refused the call.
    pub fn code(&self) -> &str {
        self.0["code"].as_str().unwrap_or_default()
    }
}

impl From<Value> for Refusal {
    fn from(told: Value) -> Self {
        Self(told)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Server {
    /// Greets the server as a client of that name.
    pub fn greet(stream: UnixStream, client: &str) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let lines = BufReader::new(stream.try_clone()?);
        let mut server = Self { stream, lines, last: 0 };
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}}});
        server.write(&hello)?;
        let answer = server.read()?;
        ensure!(answer["id"] == "hello" && answer["error"].is_null(), "the server does not greet: {answer}");
        server.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    /// Writes a call and returns its number.
    pub fn begin(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<u64> {
        self.last += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.last, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": meta}}))?;
        Ok(self.last)
    }

    /// Reads the answers to so many calls, in whichever order they come.
    pub fn answers(&mut self, count: usize) -> Result<HashMap<u64, Said>> {
        let mut found = HashMap::new();
        while found.len() < count {
            let mut answer = self.read()?;
            let Some(id) = answer["id"].as_u64() else { continue };
            let said = match answer["result"]["isError"].as_bool() {
                Some(false) => Ok(answer["result"]["structuredContent"].take()),
                Some(true) => Err(Refusal(answer["result"]["structuredContent"].take())),
                None => Err(Refusal(answer)),
            };
            found.insert(id, said);
        }
        Ok(found)
    }

    /// Calls a tool and waits for its result.
    pub fn call(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<Said> {
        let id = self.begin(tool, arguments, meta)?;
        self.answers(1)?.remove(&id).context("the answer to another call")
    }

    /// Closes the connection, upon which the server ends.
    pub fn close(self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    fn write(&mut self, message: &Value) -> Result<()> {
        Ok(self.stream.write_all(format!("{message}\n").as_bytes())?)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).context("a server does not answer")?;
        ensure!(read > 0, "a server is gone");
        Ok(serde_json::from_str(&line)?)
    }
}
