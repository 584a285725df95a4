//! Claude Code's hook payloads.

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::dialect;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Text};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::Card;

/// How a prompt begins that Claude Code writes itself, when something ended in the background.
const NOTIFICATION: &str = "\"<task-notification>";

/// The fields that count. Everything else is skipped, and the prompt is, without a copy.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    #[serde(borrow)]
    hook_event_name: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow)]
    prompt_id: Option<Text<'a>>,
    #[serde(borrow)]
    agent_id: Option<Text<'a>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    stop_hook_active: Option<bool>,
    #[serde(borrow)]
    last_assistant_message: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    let reason = payload.reason.and_then(Text::filled);
    Ok(HookEvent {
        turn: payload.prompt_id.and_then(Text::filled),
        tool_calls: payload
            .tool_calls
            .unwrap_or_default()
            .into_iter()
            .filter_map(|call| call.tool_use_id.and_then(Text::filled))
            .collect(),
        cwd: payload.cwd.and_then(Text::folder),
        subagent: payload.agent_id.and_then(Text::filled),
        nudge: payload.prompt.and_then(|json| nudge(json.get())),
        by_host: payload.prompt.is_some_and(|json| json.get().starts_with(NOTIFICATION)),
        start: dialect::start(payload.source),
        continues: spec.moment == Moment::SessionEnd && reason.as_deref() == Some("clear"),
        continued: spec.moment == Moment::TurnEnd && payload.stop_hook_active == Some(true),
        said: payload.last_assistant_message.map(RawValue::get),
        ..event
    })
}

/// A nudge is the whole prompt, or what our wake handler said in a notification of the host's.
fn nudge(json: &str) -> Option<Nudge> {
    if json.starts_with(NOTIFICATION) { Nudge::within_json(json) } else { Nudge::in_json(json) }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use session_bridge_core::event::Start;

    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &'static str) -> HookEvent<'static> {
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn a_batch_names_its_turn_and_every_call() {
        let batch = event(
            "PostToolBatch",
            r#"{"session_id":"s","cwd":"/src","prompt_id":"p","hook_event_name":"PostToolBatch","tool_calls":[
                {"tool_name":"Bash","tool_input":{},"tool_use_id":"a","tool_response":"x"},{"tool_use_id":"b","tool_response":[1]}]}"#,
        );
        assert_eq!(batch.moment, Moment::AfterTool);
        assert_eq!(batch.identity(), "PostToolBatch/p/a/b");
        assert_eq!(batch.cwd.as_deref(), Some(Path::new("/src")));
        assert!(matches!(batch.native, Cow::Borrowed("s")), "ids are not copied");
    }

    #[test]
    fn only_an_agent_id_marks_a_subagent() {
        let as_agent = event("Stop", r#"{"session_id":"s","prompt_id":"p","agent_type":"reviewer"}"#);
        assert_eq!(as_agent.subagent, None);
        let sub =
            event("Stop", r#"{"session_id":"s","prompt_id":"p","agent_type":"reviewer","agent_id":"a1"}"#);
        assert_eq!(sub.subagent.as_deref(), Some("a1"));
    }

    #[test]
    fn clear_goes_on_with_the_session_and_resume_leaves_it() {
        for (reason, continues) in [
            ("clear", true),
            ("resume", false),
            ("other", false),
            ("logout", false),
            ("prompt_input_exit", false),
        ] {
            let stdin = format!(r#"{{"session_id":"s","hook_event_name":"SessionEnd","reason":"{reason}"}}"#);
            let call = HookCall { event: "SessionEnd", stdin: stdin.as_bytes() };
            assert_eq!(decode(&CARD, &call).unwrap().continues, continues, "{reason}");
        }
    }

    #[test]
    fn every_source_of_a_start_is_told_apart() {
        for (source, want) in [
            ("startup", Start::Fresh),
            ("resume", Start::Resumed),
            ("clear", Start::Cleared),
            ("compact", Start::Compacted),
            ("fork", Start::Forked),
            ("something new", Start::Fresh),
        ] {
            let stdin =
                format!(r#"{{"session_id":"s","hook_event_name":"SessionStart","source":"{source}"}}"#);
            let call = HookCall { event: "SessionStart", stdin: stdin.as_bytes() };
            assert_eq!(decode(&CARD, &call).unwrap().start, want, "{source}");
        }
    }

    #[test]
    fn a_prompt_with_half_a_surrogate_pair_is_skipped_all_the_same() {
        let prompt =
            event("UserPromptSubmit", r#"{"session_id":"s","prompt":"\ud800 \u0000","prompt_id":"p"}"#);
        assert_eq!(prompt.turn.as_deref(), Some("p"));
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("PreToolUse", "{}"), "the event `PreToolUse` is not one of this provider's");
        assert_eq!(
            refuse("Stop", r#"{"session_id":""}"#),
            "the payload of `Stop` has no usable `session_id`"
        );
        assert_eq!(
            refuse("Stop", r#"{"session_id":"s","hook_event_name":"SubagentStop"}"#),
            "configured for `Stop`, but the payload is of `SubagentStop`"
        );
        assert!(refuse("Stop", "").starts_with("the payload of `Stop` is not what this host sends"));
        assert!(refuse("Stop", "[]").starts_with("the payload of `Stop` is not what this host sends"));
    }

    #[test]
    fn the_ends_of_a_turn_that_goes_on_are_told_apart() {
        let stop = |active: bool, said: &str| {
            let stdin = format!(
                r#"{{"session_id":"s","prompt_id":"t","stop_hook_active":{active},"last_assistant_message":"{said}"}}"#
            );
            let event = decode(&CARD, &HookCall { event: "Stop", stdin: stdin.as_bytes() }).unwrap();
            (event.continued, event.identity())
        };
        assert_eq!(stop(false, "ONE"), (false, "Stop/t".to_owned()));
        let (continued, second) = stop(true, "TWO");
        assert!(continued && second.starts_with("Stop/t/active/"));
        assert_eq!(stop(true, "TWO").1, second, "the same event again");
        assert_ne!(stop(true, "THREE").1, second);
        stop(true, r"half a pair: \ud800");
    }
}
