//! Codex's hook payloads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::dialect;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Text};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::Card;

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
    turn_id: Option<Text<'a>>,
    #[serde(borrow)]
    agent_id: Option<Text<'a>>,
    #[serde(borrow)]
    transcript_path: Option<Text<'a>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    stop_hook_active: Option<bool>,
    #[serde(borrow)]
    last_assistant_message: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    let transcript = payload.transcript_path.and_then(Text::filled);
    let other =
        transcript.as_deref().filter(|path| !path.contains(event.native.as_ref())).and_then(thread_of);
    let subagent =
        payload.agent_id.and_then(Text::filled).or(other.map(|thread| Cow::Owned(thread.to_owned())));
    Ok(HookEvent {
        turn: payload.turn_id.and_then(Text::filled),
        tool_calls: payload.tool_use_id.and_then(Text::filled).into_iter().collect(),
        cwd: payload.cwd.and_then(Text::folder),
        subagent,
        nudge: payload.prompt.and_then(|json| Nudge::in_json(json.get())),
        start: dialect::start(payload.source),
        continued: spec.moment == Moment::TurnEnd && payload.stop_hook_active == Some(true),
        said: payload.last_assistant_message.map(RawValue::get),
        // `/clear` ends nothing here: the next conversation is a session of its own, so nothing `continues`.
        ..event
    })
}

/// The thread that a transcript belongs to, if its name says so: `rollout-<time>-<thread>.jsonl`, and behind the
/// thread `_<id>` after a rewind. A review has no `agent_id`; it runs in a thread and a context of its own, under the
/// session id of the thread that asked for it.
fn thread_of(transcript: &str) -> Option<&str> {
    const TIME: usize = "2026-11-21T16-02-19-".len();
    const UUID: usize = 36;
    let name = transcript.rsplit('/').next()?.strip_prefix("rollout-")?;
    let thread = name.get(TIME..TIME + UUID)?;
    let is_uuid = thread.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    is_uuid.then_some(thread)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::event::Start;

    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &'static str) -> HookEvent<'static> {
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn a_tool_event_names_its_turn_and_call() {
        let tool = event(
            "PostToolUse",
            r#"{"session_id":"t","turn_id":"u","transcript_path":null,"cwd":"/src","hook_event_name":"PostToolUse",
                "model":"m","permission_mode":"default","tool_name":"mcp__probe__ping","tool_input":{},
                "tool_response":{"content":[]},"tool_use_id":"call_1"}"#,
        );
        assert_eq!(tool.moment, Moment::AfterTool);
        assert_eq!(tool.identity(), "PostToolUse/u/call_1");
        assert_eq!(tool.cwd.as_deref(), Some(Path::new("/src")));
        assert!(matches!(tool.native, Cow::Borrowed("t")), "ids are not copied");
    }

    #[test]
    fn a_subagents_prompt_is_not_its_parents() {
        let prompt = event(
            "UserPromptSubmit",
            r#"{"session_id":"t","turn_id":"u","prompt":"x","agent_id":"a","agent_type":"explorer"}"#,
        );
        assert_eq!((prompt.native.as_ref(), prompt.subagent.as_deref()), ("t", Some("a")));
        let own = event("UserPromptSubmit", r#"{"session_id":"t","turn_id":"u","agent_id":null}"#);
        assert_eq!(own.subagent, None);
    }

    #[test]
    fn a_review_is_known_by_its_transcript() {
        const MAIN: &str = "01a1fed8-1d24-7561-8bdb-d99762df6daf";
        const REVIEW: &str = "01a1fed8-2245-78b1-af4d-e7d25aa1e256";
        let of = |transcript: &str| {
            let stdin = format!(r#"{{"session_id":"{MAIN}","turn_id":"u","transcript_path":{transcript}}}"#);
            let event =
                decode(&CARD, &HookCall { event: "UserPromptSubmit", stdin: stdin.as_bytes() }).unwrap();
            event.subagent.map(Cow::into_owned)
        };
        let path = |name: &str| format!(r#""/home/me/.codex/sessions/2026/11/21/{name}""#);
        assert_eq!(
            of(&path(&format!("rollout-2026-11-21T16-02-19-{REVIEW}.jsonl"))).as_deref(),
            Some(REVIEW)
        );
        assert_eq!(of(&path(&format!("rollout-2026-11-21T16-02-18-{MAIN}.jsonl"))), None);
        assert_eq!(
            of(&path(&format!("rollout-2026-11-21T16-02-19-{MAIN}_{REVIEW}.jsonl"))),
            None,
            "a rewind"
        );
        // What names no thread says nothing.
        for unknown in
            ["rollout-2026-11-21T16-02-19.jsonl", "rollout-.jsonl", "rollout-é.jsonl", "thread.jsonl", ""]
        {
            assert_eq!(of(&path(unknown)), None, "{unknown}");
        }
        assert_eq!(of("null"), None);
    }

    #[test]
    fn clear_is_a_start_of_its_own_and_an_end_is_an_end() {
        assert_eq!(event("SessionStart", r#"{"session_id":"t","source":"clear"}"#).start, Start::Cleared);
        assert!(!event("SessionEnd", r#"{"session_id":"t","reason":"other"}"#).continues);
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("Notification", "{}"), "the event `Notification` is not one of this provider's");
        assert_eq!(refuse("Stop", "{}"), "the payload of `Stop` has no usable `session_id`");
        assert!(refuse("Stop", r#"{"session_id":7}"#).starts_with("the payload of `Stop` is not"));
    }

    #[test]
    fn the_ends_of_a_turn_that_goes_on_are_told_apart() {
        let stop = |active: bool, said: &str| {
            let stdin = format!(
                r#"{{"session_id":"s","turn_id":"t","stop_hook_active":{active},"last_assistant_message":"{said}"}}"#
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
