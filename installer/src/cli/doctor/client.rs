//! An MCP client of one connection.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::conversation::Conversation;

/// A server that runs.
pub(super) struct Client(Conversation);

impl Client {
    /// Starts the server and shakes hands under a host's name.
    pub(super) fn start(command: Command, name: &str) -> Result<Self, String> {
        let started = Conversation::start(command, json!({ "jsonrpc": "2.0" }));
        let mut client = Self(started.map_err(|error| error.to_string())?);
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": name, "version": "doctor" },
        });
        client.request("initialize", &hello)?;
        client.0.say("notifications/initialized")?;
        Ok(client)
    }

    /// Asks, and waits for the answer.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.request_killed(method, params, None)
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
            self.0.kill();
        }
        self.answer(&[id], method).map(|(_, answer)| answer)
    }

    /// Asks all of it at once, and waits for the answers.
    pub(super) fn request_all(&mut self, method: &str, params: &[Value]) -> Result<Vec<Value>, String> {
        let ids = params.iter().map(|params| self.ask(method, params)).collect::<Result<Vec<_>, _>>()?;
        let mut answers = ids.iter().map(|_| self.answer(&ids, method)).collect::<Result<Vec<_>, _>>()?;
        answers.sort_by_key(|(id, _)| *id);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<u64, String> {
        self.0.ask(method, params).map_err(|why| format!("{method}: {why}"))
    }

    fn answer(&mut self, ids: &[u64], method: &str) -> Result<(u64, Value), String> {
        self.0.answer(ids).map_err(|why| format!("{method}: {why}"))
    }
}
