//! An MCP client of one connection: as much as a host needs to start a server and call its tools.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::world::failed;
use crate::report::Failure;

/// A running MCP server.
pub(super) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: u64,
}

impl Server {
    /// Starts the command and shakes hands under a host's client name.
    pub(super) fn start(mut command: Command, client: &str) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("the MCP server has no pipes"));
        };
        let mut server = Self { child, input, output: BufReader::new(output), last: 0 };
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": client, "version": "demo"},
        });
        server.request("initialize", &hello)?;
        server.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    /// How many tools it offers.
    pub(super) fn tool_count(&mut self) -> Result<usize, Failure> {
        let list = self.request("tools/list", &json!({}))?;
        Ok(list["tools"].as_array().map_or(0, Vec::len))
    }

    /// Calls a tool and returns its structured content.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<Value, Failure> {
        let result =
            self.request("tools/call", &json!({"name": tool, "arguments": arguments, "_meta": meta}))?;
        if result["isError"] == true {
            return Err(failed(format!("{tool} refused: {}", result["structuredContent"])));
        }
        Ok(result["structuredContent"].clone())
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(failed(format!("the MCP server ended during {method}")));
            }
            let Ok(mut message) = serde_json::from_str::<Value>(&line) else { continue };
            if message["id"] == id {
                if let Some(error) = message.get("error") {
                    return Err(failed(format!("{method}: {error}")));
                }
                return Ok(message["result"].take());
            }
        }
    }

    fn write(&mut self, message: &Value) -> Result<(), Failure> {
        Ok(self.input.write_all(format!("{message}\n").as_bytes())?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its input does; a demo that failed does not wait for that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
