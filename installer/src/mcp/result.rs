//! What a tool gives back: structured content that carries everything, and the same as text. Claude Code and Codex show
//! their model the former, Gemini CLI the latter.

use std::borrow::Cow;

use rmcp::model::CallToolResult;
use serde_json::{Value, json};
use session_bridge_core::address::AddressError;
use session_bridge_core::frame::{self, Fence, Header};
use session_bridge_core::id::{AttemptId, MessageId, SessionId};
use session_bridge_core::message::BadMessage;
use session_bridge_store::{ErrorKind, Message, StoreError};

use super::transport::Freight;
use crate::post::PostError;

/// A tool's outcome, and what its being written proves.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) value: Value,
    pub(super) freight: Freight,
}

impl Reply {
    /// A result without peer text.
    pub(super) fn plain(value: Value) -> Self {
        Self { value: lean(value), freight: Freight::default() }
    }

    /// Adds messages as one framed `text`; says the guard if the conversation has not heard it.
    pub(super) fn with_bodies(mut self, bodies: &Bodies) -> Self {
        if bodies.messages.is_empty() {
            return self;
        }
        if let Value::Object(fields) = &mut self.value {
            fields.insert("text".to_owned(), Value::String(bodies.text()));
        }
        self.freight =
            Freight { attempt: bodies.attempt, guards: (!bodies.guarded).then_some(bodies.session) };
        self
    }

    pub(super) fn into_result(self) -> CallToolResult {
        CallToolResult::structured(self.value)
    }
}

/// Messages whose text goes out with a result.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The reader.
    pub(super) session: SessionId,
    /// Whether the reader's conversation knows the guard.
    pub(super) guarded: bool,
    /// The attempt, where a body counts as delivered by this result.
    pub(super) attempt: Option<AttemptId>,
    /// The fence by which the host's later event names this result, where it has no id of the call.
    pub(super) fence: Option<Fence>,
    pub(super) messages: Vec<Message>,
    /// Those that come after younger ones.
    pub(super) late: Vec<MessageId>,
}

impl Bodies {
    fn text(&self) -> String {
        let bodies: Vec<&str> = self.messages.iter().map(|m| m.body.as_str()).collect();
        // One that stands in a body after all names nothing: the result is then never confirmed.
        let known = self.fence.clone().filter(|fence| fence.fits(&bodies));
        let fence = known.unwrap_or_else(|| Fence::fresh(&bodies));
        let framed = self.messages.iter().map(|m| {
            let header = Header { late: self.late.contains(&m.id), ..m.header() };
            frame::message(&fence, &header, &m.body)
        });
        let guard = (!self.guarded).then(|| frame::GUARD.to_owned());
        guard.into_iter().chain(framed).collect::<Vec<_>>().join("\n")
    }
}

/// A call that did nothing: a stable code, what is wrong, and what to do next.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) next: Cow<'static, str>,
    /// Whether the bridge failed, and not the one who called.
    pub(super) is_fault: bool,
}

impl Refusal {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        next: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, message: message.into(), next: next.into(), is_fault: false }
    }

    /// The caller did nothing wrong: worth a line in the log.
    pub(super) fn fault(mut self) -> Self {
        self.is_fault = true;
        self
    }

    /// The same object as text and structured: one host shows its model the former, the other the latter.
    pub(super) fn into_result(self) -> CallToolResult {
        CallToolResult::structured_error(
            json!({"code": self.code, "message": self.message, "next": self.next}),
        )
    }

    /// The store's thread ended.
    pub(super) fn broken() -> Self {
        Self::new("server_failed", "the bridge's server failed inside", "restart this session's MCP server")
            .fault()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let next = match &error {
            StoreError::Blocked(_) => {
                "nothing was stored; do not try again, and tell your user if it matters"
            }
            other => other.help(),
        };
        let refusal = Self::new(error.code(), error.to_string(), next);
        if error.kind() == ErrorKind::Usage { refusal } else { refusal.fault() }
    }
}

impl From<PostError> for Refusal {
    fn from(error: PostError) -> Self {
        let error = match error {
            PostError::Store(error) => return error.into(),
            other => other,
        };
        // The shared advice speaks to people at the command line; models have tools.
        let next = match &error {
            PostError::Message(BadMessage::Empty) => "give the text as an argument",
            PostError::Address(AddressError::Unknown { .. }) => {
                "call bridge_list_sessions and use a label or id from there"
            }
            PostError::Address(AddressError::Ambiguous { .. }) => "use the id of the one you mean",
            other => other.help(),
        };
        let refusal = Self::new(error.code(), error.to_string(), next);
        if matches!(&error, PostError::Store(error) if error.kind() != ErrorKind::Usage) {
            return refusal.fault();
        }
        refusal
    }
}

/// Drops nulls and empty lists: they cost tokens and say nothing.
pub(super) fn lean(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, lean(value)))
            .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
            .collect(),
        Value::Array(list) => list.into_iter().map(lean).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_about_nothing() {
        let value = json!({"a": null, "b": [], "c": [{"d": null, "e": 0}], "f": false});
        assert_eq!(lean(value), json!({"c": [{"e": 0}], "f": false}));
    }
}
