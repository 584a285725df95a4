//! The MCP server of a session, as its host's client sees it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use session_bridge_core::provider::Card;

/// How long an answer may take before the server counts as hanging: longer than any wait of a tool.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to a server.
pub(crate) struct Server {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    last: u64,
}

/// A result: what the model is given, or the refusal.
pub(crate) type Answer = std::result::Result<Value, Value>;

impl Server {
    /// Greets the server as the CLI of that card does.
    pub(crate) fn greet(stream: UnixStream, card: &Card) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let lines = BufReader::new(stream.try_clone()?);
        let mut server = Self { stream, lines, last: 0 };
        let client = card.mcp_clients.first().copied().unwrap_or(card.id.as_str());
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}});
        server.request("initialize", &hello)?;
        server.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    /// Calls a tool and waits for its result.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<Answer> {
        let result =
            self.request("tools/call", &json!({"name": tool, "arguments": arguments, "_meta": meta}))?;
        let content = result["structuredContent"].clone();
        Ok(if result["isError"] == true { Err(content) } else { Ok(content) })
    }

    /// Closes the connection, upon which the server ends.
    pub(crate) fn close(self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            ensure!(
                self.lines.read_line(&mut line).context("no answer")? > 0,
                "the server ended during {method}"
            );
            let mut answer: Value = serde_json::from_str(&line)?;
            if answer["id"] == id {
                ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return Ok(answer["result"].take());
            }
        }
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        Ok(self.stream.write_all(format!("{line}\n").as_bytes())?)
    }
}
