//! Grok Build's hook payloads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Start, Text};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::Card;
use session_bridge_core::{dialect, frame};

/// What stands before the names of our tools: the model finds them with `search_tool` and calls them with `use_tool`.
pub(crate) const TOOLS: &str = "session-bridge__";
/// The end of a turn; the host says the same event once more when the session ends.
const TURN_OVER: &str = "end_turn";

/// The fields that count, in the spelling that Grok shares with others where there are two. Everything else is skipped,
/// and prompt and tool result are, without a copy.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    #[serde(borrow)]
    hook_event_name: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow, rename = "promptId")]
    prompt_id: Option<Text<'a>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(rename = "stopHookActive")]
    stop_hook_active: Option<bool>,
    #[serde(borrow, rename = "lastAssistantMessage")]
    last_assistant_message: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_name: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow, rename = "subagentType")]
    subagent_type: Option<Text<'a>>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    // A subagent has a session id of its own. Only its events give its type.
    let subagent = payload.subagent_type.and_then(Text::filled).map(|_| event.native.clone());
    let turn_end = spec.moment == Moment::TurnEnd;
    let reason = payload.reason.and_then(Text::filled);
    let session_over = turn_end && reason.is_some_and(|reason| reason != TURN_OVER);
    let prompt = payload.prompt.filter(|_| spec.moment == Moment::PromptSubmit);
    let asked = payload.prompt_id.and_then(Text::filled);
    let by_host = prompt.is_some() && asked.as_deref().is_some_and(is_hosts_own);
    let nudge = prompt
        .and_then(|json| if by_host { Nudge::within_json(json.get()) } else { Nudge::in_json(json.get()) });
    let tool = payload.tool_name.and_then(Text::filled);
    let ours = tool.is_some_and(|tool| tool.starts_with(TOOLS));
    let result = payload.tool_response.filter(|_| ours).map_or("", RawValue::get);
    // A call has an id, which its server is not told: there, a result of ours is known by its fence.
    let fences = frame::fences(result).into_iter().map(Cow::Borrowed);
    let start = match payload.source.and_then(Text::filled).as_deref() {
        _ if event.name == "PostCompact" => Start::Compacted,
        Some("load") => Start::Resumed,
        _ => Start::Fresh,
    };
    Ok(HookEvent {
        moment: if session_over { Moment::SessionEnd } else { spec.moment },
        tool_calls: payload.tool_use_id.and_then(Text::filled).into_iter().chain(fences).collect(),
        // One time for all hooks of an event, to the nanosecond.
        stamp: payload.timestamp.and_then(Text::filled),
        cwd: payload.cwd.and_then(Text::folder),
        subagent,
        nudge,
        by_host,
        start,
        continued: turn_end && payload.stop_hook_active == Some(true),
        said: payload.last_assistant_message.map(RawValue::get),
        // Only prompts and ends of turns name a turn, tool events do not.
        asked,
        ..event
    })
}

/// Whether the host began the turn itself, to tell of something that ended or was said in the background. A typed prompt's
/// id is a random one.
fn is_hosts_own(prompt_id: &str) -> bool {
    prompt_id.starts_with("notifications-") || prompt_id.contains("-completed-")
}

#[cfg(test)]
mod tests {
    use session_bridge_core::nudge::WakeId;

    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &'static str) -> HookEvent<'static> {
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn only_the_end_of_a_turn_ends_a_turn() {
        let end = event("Stop", r#"{"session_id":"s","reason":"end_turn","lastAssistantMessage":"BYE"}"#);
        assert_eq!((end.moment, end.said), (Moment::TurnEnd, Some("\"BYE\"")));
        for reason in ["shutdown", "channel_closed"] {
            let stdin = format!(r#"{{"session_id":"s","reason":"{reason}"}}"#);
            let event = decode(&CARD, &HookCall { event: "Stop", stdin: stdin.as_bytes() }).unwrap();
            assert_eq!((event.moment, event.continues), (Moment::SessionEnd, false));
        }
        assert_eq!(
            event("StopCancelled", r#"{"session_id":"s","reason":"user_interrupt"}"#).moment,
            Moment::Interrupt
        );
        assert!(event("Stop", r#"{"session_id":"s","reason":"end_turn","stopHookActive":true}"#).continued);
    }

    #[test]
    fn an_event_is_known_by_its_time_and_a_call_by_its_id() {
        let tool = event(
            "PostToolUse",
            r#"{"session_id":"s","timestamp":"2026-11-21T18:57:40.692219362+00:00","tool_use_id":"call_1"}"#,
        );
        assert_eq!(tool.identity(), "PostToolUse/call_1/2026-11-21T18:57:40.692219362+00:00");
        assert_eq!((tool.turn, tool.asked), (None, None));
    }

    #[test]
    fn a_prompt_and_the_ends_of_its_turn_have_its_id() {
        for name in ["UserPromptSubmit", "Stop", "StopCancelled"] {
            let told =
                event(name, r#"{"session_id":"s","reason":"end_turn","promptId":"p","prompt":"hello"}"#);
            assert_eq!((told.turn, told.asked.as_deref()), (None, Some("p")), "{name}");
        }
    }

    #[test]
    fn a_result_of_ours_names_its_call_by_its_fence() {
        let stdin = r#"{"session_id":"s","tool_name":"session-bridge__bridge_ask","tool_use_id":"call_1",
            "tool_response":{"output":{"OkayOutput":"{\"text\":\"<peer-message-k7p2qx0a id=\\\"x\\\">\"}"}}}"#;
        assert_eq!(event("PostToolUse", stdin).tool_calls, ["call_1", "k7p2qx0a"]);
        let foreign =
            r#"{"session_id":"s","tool_name":"other__x","tool_response":"<peer-message-k7p2qx0a>"}"#;
        assert!(event("PostToolUse", foreign).tool_calls.is_empty());
    }

    #[test]
    fn a_nudge_comes_as_a_line_of_the_monitor() {
        let nudge = Nudge { wake: WakeId::generate(), count: 2 };
        let line = format!("<monitor-event task_id=\"t\">\n[mail] {}\n</monitor-event>", nudge.text());
        let prompt = |id: &str, text: &str| {
            let stdin = serde_json::json!({"session_id": "s", "promptId": id, "prompt": text}).to_string();
            let event =
                decode(&CARD, &HookCall { event: "UserPromptSubmit", stdin: stdin.as_bytes() }).unwrap();
            (event.by_host, event.nudge)
        };
        assert_eq!(prompt("notifications-01a1ff73", &line), (true, Some(nudge.clone())));
        assert_eq!(prompt("subagent-completed-01a1ff70", "<system-reminder>done"), (true, None));
        assert_eq!(
            prompt("9bb197e0-fdac-44b5-aa12-2b677f0fe206", &line),
            (false, None),
            "a person quotes it"
        );
        assert_eq!(prompt("9bb197e0-fdac-44b5-aa12-2b677f0fe206", &nudge.text()), (false, Some(nudge)));
    }

    #[test]
    fn a_subagent_has_a_type_and_its_own_id() {
        let child = event("PostToolUse", r#"{"session_id":"child","subagentType":"explore"}"#);
        assert_eq!(child.subagent.as_deref(), Some("child"));
        assert_eq!(event("PostToolUse", r#"{"session_id":"s","subagentType":null}"#).subagent, None);
    }

    #[test]
    fn loading_resumes_and_compaction_is_a_start() {
        assert_eq!(event("SessionStart", r#"{"session_id":"s","source":"load"}"#).start, Start::Resumed);
        assert_eq!(event("SessionStart", r#"{"session_id":"s","source":"new"}"#).start, Start::Fresh);
        let compacted = event("PostCompact", r#"{"session_id":"s","source":"auto"}"#);
        assert_eq!((compacted.moment, compacted.start), (Moment::SessionStart, Start::Compacted));
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("Notification", "{}"), "the event `Notification` is not one of this provider's");
        assert_eq!(refuse("Stop", "{}"), "the payload of `Stop` has no usable `session_id`");
        assert!(refuse("Stop", "[]").starts_with("the payload of `Stop` is not"));
    }
}
