//! The hook dialect that most CLIs took over from one another: JSON on standard input with the event's name and a session
//! id, and for an answer a JSON object with context, or with a decision and its reason. What a CLI says otherwise stands
//! in its own crate.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply, Start, Text};
use crate::probe::Probe;
use crate::provider::{Card, HookSpec};

/// Reads a payload of an event that the card has.
pub fn read<'a, P: Deserialize<'a>>(
    card: &Card,
    call: &HookCall<'a>,
) -> Result<(&'static HookSpec, P), DecodeError> {
    let event = call.event;
    let spec = card.hook(event).ok_or_else(|| DecodeError::UnknownEvent(event.to_owned()))?;
    let payload = serde_json::from_slice(call.stdin)
        .map_err(|source| DecodeError::Malformed { event: event.to_owned(), source })?;
    Ok((spec, payload))
}

/// The event, as far as all of these CLIs tell it alike: `name` is the payload's own word for it, `session` its
/// `session_id`.
pub fn event<'a>(
    spec: &HookSpec,
    call: &HookCall<'a>,
    name: Option<Text<'a>>,
    session: Option<Text<'a>>,
) -> Result<HookEvent<'a>, DecodeError> {
    session_in("session_id", spec, call, name, session)
}

/// The same where another field holds the host's session id.
pub fn session_in<'a>(
    field: &'static str,
    spec: &HookSpec,
    call: &HookCall<'a>,
    name: Option<Text<'a>>,
    session: Option<Text<'a>>,
) -> Result<HookEvent<'a>, DecodeError> {
    let event = call.event;
    let name = name.and_then(Text::filled).unwrap_or(Cow::Borrowed(event));
    // Then it is not of the event that the entry was configured for.
    if name != event {
        return Err(DecodeError::OtherEvent { event: event.to_owned(), payload: name.into_owned() });
    }
    let native = session
        .and_then(Text::filled)
        .ok_or_else(|| DecodeError::Missing { event: event.to_owned(), field })?;
    Ok(HookEvent::of(spec.moment, name, native))
}

/// Why a session starts, from the payload's field `source`. An unknown source is a start like any other.
pub fn start(source: Option<Text<'_>>) -> Start {
    match source.and_then(Text::filled).as_deref() {
        Some("resume") => Start::Resumed,
        Some("clear") => Start::Cleared,
        Some("compact") => Start::Compacted,
        Some("fork") => Start::Forked,
        _ => Start::Fresh,
    }
}

/// The payload of an event that nobody sent, with the fields that most of these CLIs send with one event or another.
pub fn payload(probe: &Probe<'_>) -> Value {
    json!({
        "session_id": probe.session,
        "turn_id": probe.turn,
        "nonce": probe.nonce,
        "hook_event_name": probe.event,
        "cwd": probe.cwd.to_string_lossy(),
        "source": "startup",
        "prompt": "session-bridge doctor",
        "tool_name": "doctor",
        "tool_use_id": probe.turn,
    })
}

/// An answer that puts text before the model.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context<'a> {
    /// The event's name.
    pub hook_event_name: &'a str,
    /// The text.
    pub additional_context: &'a str,
    /// Files that the host is to watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_paths: Option<[&'a str; 1]>,
}

impl Context<'_> {
    /// The answer's bytes.
    pub fn answer(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'a> {
            hook_specific_output: &'a Context<'a>,
        }
        // Strings always serialise; were that to change, silence does no harm.
        serde_json::to_vec(&Answer { hook_specific_output: self }).unwrap_or_default()
    }
}

/// An answer that drops a prompt, or puts a turn's end off, for this reason.
pub fn block(reason: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Block<'a> {
        decision: &'static str,
        reason: &'a str,
    }
    // As above.
    serde_json::to_vec(&Block { decision: "block", reason }).unwrap_or_default()
}

/// The whole answer of a host that takes text as context and goes on after a turn's end for the reason of a block. Silence
/// is no output at all and status 0: another status would block a prompt or replace a tool's result.
pub fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    if card.inject_at(event.moment).is_none() {
        return HostOutput::default();
    }
    let stdout = match (event.moment, *reply) {
        (Moment::TurnEnd, Reply::KeepGoing(reason)) | (Moment::PromptSubmit, Reply::Drop(reason)) => {
            block(reason)
        }
        (Moment::TurnEnd, _) | (_, Reply::Silent | Reply::KeepGoing(_) | Reply::Drop(_)) => Vec::new(),
        (_, Reply::Context(text) | Reply::Watch { text, .. }) => {
            Context { hook_event_name: &event.name, additional_context: text, watch_paths: None }.answer()
        }
    };
    HostOutput { stdout, exit: 0 }
}
