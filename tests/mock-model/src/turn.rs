//! What the scripted model answers.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::request::Request;

/// One answer of the model to one request.
pub struct Turn(pub(crate) Kind);

pub(crate) enum Kind {
    /// These blocks, in this order.
    Blocks(Vec<Block>),
    /// Decided when the request is here.
    Compute(Box<dyn FnOnce(&Request) -> Turn + Send>),
    /// Nothing for this long, then the turn.
    After(Duration, Box<Turn>),
    /// The request fails with this HTTP status and message.
    Error(u16, String),
}

/// One part of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// Words for the reader.
    Text(String),
    /// A tool to run.
    Tool(ToolCall),
}

/// A tool call as a script states it; each wire format spells the name in its own way.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The MCP server that offers the tool; `None` for a tool of the CLI itself.
    pub server: Option<String>,
    /// The tool's own name.
    pub name: String,
    /// Its arguments, a JSON object.
    pub arguments: Value,
}

impl Turn {
    /// Says `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Self(Kind::Blocks(vec![Block::Text(text.into())]))
    }

    /// Calls a tool of the CLI itself, such as Claude's `Bash` or Codex's `exec_command`.
    pub fn tool(name: impl Into<String>, arguments: &Value) -> Self {
        Self::blocks([Block::Tool(ToolCall {
            server: None,
            name: name.into(),
            arguments: arguments.clone(),
        })])
    }

    /// Calls `tool` of the MCP server that the CLI's configuration names `server`.
    pub fn mcp(server: impl Into<String>, tool: impl Into<String>, arguments: &Value) -> Self {
        let server = Some(server.into());
        Self::blocks([Block::Tool(ToolCall { server, name: tool.into(), arguments: arguments.clone() })])
    }

    /// Answers with several blocks; several tool calls in one turn are parallel calls.
    pub fn blocks(blocks: impl IntoIterator<Item = Block>) -> Self {
        Self(Kind::Blocks(blocks.into_iter().collect()))
    }

    /// Decides when the request has arrived. The function runs on the connection's own thread and may block, for
    /// instance until a test lets it go on: other sessions are not held up.
    pub fn with(decide: impl FnOnce(&Request) -> Self + Send + 'static) -> Self {
        Self(Kind::Compute(Box::new(decide)))
    }

    /// Fails the request with an HTTP `status`. CLIs retry some statuses; 400 is final for both.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self(Kind::Error(status, message.into()))
    }

    /// The same turn, `pause` later.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self(Kind::After(pause, Box::new(self)))
    }

    /// Follows closures and pauses until there is something to send.
    pub(crate) fn settle(self, request: &Request) -> Result<Vec<Block>, (u16, String)> {
        match self.0 {
            Kind::Blocks(blocks) => Ok(blocks),
            Kind::Compute(decide) => decide(request).settle(request),
            Kind::After(pause, turn) => {
                std::thread::sleep(pause);
                turn.settle(request)
            }
            Kind::Error(status, message) => Err((status, message)),
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Blocks(blocks) => f.debug_tuple("Blocks").field(blocks).finish(),
            Kind::Compute(_) => f.write_str("Compute(..)"),
            Kind::After(pause, turn) => f.debug_tuple("After").field(pause).field(turn).finish(),
            Kind::Error(status, message) => f.debug_tuple("Error").field(status).field(message).finish(),
        }
    }
}
