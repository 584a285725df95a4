//! A long-lived MCP server below its host, and the client that its host would be.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::world::World;
use crate::launch::Host;

/// No figure: a limit for hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// The connection to one.
pub(super) struct Server {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    next: u64,
}

/// What a tool said.
pub(super) type Said = std::result::Result<Value, String>;

impl Server {
    /// Starts one and introduces its client.
    pub(super) fn start(
        world: &World,
        host: &mut Host,
        client: &str,
        words: &[&str],
        env: &[(String, String)],
    ) -> Result<Self> {
        let mut args = vec!["mcp"];
        args.extend(words);
        let run = world.run(&world.programs.main, &args, env);
        let (_, stream) = host.serve(&run, &world.socket())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let lines = BufReader::new(stream.try_clone()?);
        let mut server = Self { stream, lines, next: 0 };
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}}});
        server.write(&hello)?;
        server.read()?;
        server.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    /// Writes a call and returns its number.
    pub(super) fn begin(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<u64> {
        self.next += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.next, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": meta}}))?;
        Ok(self.next)
    }

    /// Reads the answers to so many calls, in whichever order they come.
    pub(super) fn answers(&mut self, count: usize) -> Result<HashMap<u64, Said>> {
        let mut found = HashMap::new();
        while found.len() < count {
            let line = self.read()?;
            let Some(id) = line["id"].as_u64() else { continue };
            let result = &line["result"];
            let content = result["structuredContent"].clone();
            let said = match result["isError"].as_bool() {
                Some(false) => Ok(content),
                _ => Err(content["code"].as_str().map_or_else(|| line.to_string(), str::to_owned)),
            };
            found.insert(id, said);
        }
        Ok(found)
    }

    pub(super) fn call(&mut self, tool: &str, arguments: &Value, meta: &Value) -> Result<Said> {
        let id = self.begin(tool, arguments, meta)?;
        self.answers(1)?.remove(&id).context("the answer to another call")
    }

    fn write(&mut self, message: &Value) -> Result<()> {
        let mut line = message.to_string();
        line.push('\n');
        Ok(self.stream.write_all(line.as_bytes())?)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).context("a server does not answer")?;
        anyhow::ensure!(read > 0, "a server is gone");
        Ok(serde_json::from_str(&line)?)
    }
}
