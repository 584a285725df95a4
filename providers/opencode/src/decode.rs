//! What our plugin tells the hook.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Text};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::Card;
use session_bridge_core::{dialect, frame};

/// What the plugin writes, see `plugin.js`.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    hook_event_name: Option<Text<'a>>,
    /// opencode's session id.
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow)]
    nonce: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    /// The user's message that the model answers, or is about to.
    #[serde(borrow)]
    turn_id: Option<Text<'a>>,
    /// Of a longer prompt only the beginning.
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    by_host: Option<bool>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    /// The message of the model that holds the call; calls of one response share it.
    #[serde(borrow)]
    step_id: Option<Text<'a>>,
    /// The result, of a call of ours only.
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow)]
    last_assistant_message: Option<&'a RawValue>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    let result = payload.tool_response.map_or("", RawValue::get);
    let ids = [payload.tool_use_id, payload.step_id].into_iter().flatten().filter_map(Text::filled);
    Ok(HookEvent {
        turn: payload.turn_id.and_then(Text::filled),
        // Siblings share the message that holds them, so none proves another. A result of ours is known by its fence.
        tool_calls: ids.chain(frame::fences(result).into_iter().map(Cow::Borrowed)).collect(),
        cwd: payload.cwd.and_then(Text::folder),
        nonce: payload.nonce.and_then(Text::filled),
        nudge: payload
            .prompt
            .filter(|_| spec.moment == Moment::PromptSubmit)
            .and_then(|json| Nudge::in_json(json.get())),
        by_host: payload.by_host == Some(true),
        start: dialect::start(payload.source),
        said: payload.last_assistant_message.map(RawValue::get),
        // The plugin tells nothing of subagents.
        ..event
    })
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::Start;

    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &'static str) -> HookEvent<'static> {
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn calls_of_one_response_share_an_id() {
        let one =
            event("PostToolUse", r#"{"session_id":"s","turn_id":"t","tool_use_id":"c1","step_id":"m1"}"#);
        assert_eq!((one.turn.as_deref(), one.tool_calls), (Some("t"), vec!["c1".into(), "m1".into()]));
    }

    #[test]
    fn a_result_of_ours_names_its_call_by_its_fence() {
        let stdin = r#"{"session_id":"s","tool_use_id":"c1","tool_response":[{"text":"{\"text\":\"<peer-message-k7p2qx0a id=\"}"}]}"#;
        assert_eq!(event("PostToolUse", stdin).tool_calls, ["c1", "k7p2qx0a"]);
    }

    #[test]
    fn a_nudge_is_known_again_and_a_prompt_is_none() {
        let stdin = r#"{"session_id":"s","nonce":"n1","prompt":"[session-bridge wake ABC123] 1 message waits; it stands beside this prompt, else call bridge_list_inbox."}"#;
        let nudge = event("UserPromptSubmit", stdin);
        assert_eq!((nudge.nudge.map(|n| n.count), nudge.nonce.as_deref()), (Some(1), Some("n1")));
        assert_eq!(event("UserPromptSubmit", r#"{"session_id":"s","prompt":"hello"}"#).nudge, None);
    }

    #[test]
    fn starts_have_their_reasons() {
        let start = |source| {
            let stdin: &str = source;
            event("SessionStart", stdin).start
        };
        assert_eq!(start(r#"{"session_id":"s","source":"startup"}"#), Start::Fresh);
        assert_eq!(start(r#"{"session_id":"s","source":"resume"}"#), Start::Resumed);
        assert_eq!(start(r#"{"session_id":"s","source":"compact"}"#), Start::Compacted);
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("PreToolUse", "{}"), "the event `PreToolUse` is not one of this provider's");
        assert_eq!(refuse("Stop", "{}"), "the payload of `Stop` has no usable `session_id`");
    }
}
