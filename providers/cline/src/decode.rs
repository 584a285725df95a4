//! What our plugin tells of Cline's events.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Start, Text};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::provider::Card;
use session_bridge_core::{dialect, frame};

/// The run's status after an answer. Others are `aborted` and `failed`.
const COMPLETED: &str = "completed";
/// A prompt that can be a nudge, in its host's wrapping, is not longer than this, in bytes.
const MAX_NUDGE: usize = 400;

/// The fields that count.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    #[serde(borrow)]
    hook_event_name: Option<Text<'a>>,
    #[serde(borrow)]
    turn_id: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow)]
    nonce: Option<Text<'a>>,
    #[serde(borrow)]
    agent_id: Option<Text<'a>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    attempt: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    let is = |moment| spec.moment == moment;
    let attempt = payload.attempt.and_then(Text::filled).filter(|_| is(Moment::ModelRequest));
    // Results of other tools are not told.
    let result = payload.tool_response.filter(|_| is(Moment::AfterTool)).map_or("", RawValue::get);
    let call = payload.tool_use_id.and_then(Text::filled);
    let completed = payload.status.and_then(Text::filled).as_deref() == Some(COMPLETED);
    Ok(HookEvent {
        moment: if is(Moment::TurnEnd) && !completed { Moment::Interrupt } else { spec.moment },
        turn: payload.turn_id.and_then(Text::filled),
        // A call's id is Cline's alone; our server's results are known by their fence.
        tool_calls: call.into_iter().chain(frame::fences(result).into_iter().map(Cow::Borrowed)).collect(),
        // Requests of one turn have nothing else to tell them apart.
        stamp: attempt.clone(),
        cwd: payload.cwd.and_then(Text::folder),
        subagent: payload.agent_id.and_then(Text::filled),
        nonce: payload.nonce.and_then(Text::filled),
        nudge: payload.prompt.filter(|_| is(Moment::PromptSubmit)).and_then(|json| nudge(json.get())),
        echo: attempt.and_then(|id| id.parse().ok()),
        // Cline does not tell a new session from one that goes on. Who is new owes nobody an answer, so both hear the same.
        start: if is(Moment::SessionStart) { Start::Resumed } else { Start::Fresh },
        ..event
    })
}

/// The nudge that is the whole of a prompt: `<user_input mode="act">…</user_input>`, as JSON.
fn nudge(json: &str) -> Option<Nudge> {
    if json.len() > MAX_NUDGE {
        return None;
    }
    let text: String = serde_json::from_str(json).ok()?;
    let typed = text.strip_prefix("<user_input mode=\"").and_then(|rest| rest.split_once("\">"));
    let typed = typed.and_then(|(_, rest)| rest.strip_suffix("</user_input>")).unwrap_or(&text);
    Nudge::in_json(&serde_json::to_string(typed).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &str) -> HookEvent<'static> {
        let stdin: &'static str = String::from(stdin).leak();
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn a_run_that_was_aborted_is_an_interruption() {
        let end = |status: &str| {
            event("afterRun", &format!(r#"{{"session_id":"s","turn_id":"r","status":"{status}"}}"#)).moment
        };
        assert_eq!(end("completed"), Moment::TurnEnd);
        for status in ["aborted", "failed", ""] {
            assert_eq!(end(status), Moment::Interrupt, "{status}");
        }
    }

    #[test]
    fn a_request_names_the_attempt_that_stands_in_it() {
        let request = event(
            "beforeModel",
            r#"{"session_id":"s","turn_id":"r","attempt":"01J00000000000000000000000"}"#,
        );
        assert_eq!(request.echo.unwrap().to_string(), "01J00000000000000000000000");
        assert_eq!(request.identity(), "beforeModel/r/01J00000000000000000000000");
        assert_eq!(event("beforeModel", r#"{"session_id":"s","attempt":"x"}"#).echo, None);
        let prompt = r#"{"session_id":"s","attempt":"01J00000000000000000000000"}"#;
        assert_eq!(event("beforeRun", prompt).echo, None);
    }

    #[test]
    fn a_result_of_ours_names_its_call_by_its_fence_as_well() {
        let stdin = r#"{"session_id":"s","tool_use_id":"call_1",
            "tool_response":"{\"content\":[{\"text\":\"<peer-message-k7p2qx0a id=\\\"x\\\">\"}]}"}"#;
        assert_eq!(event("afterTool", stdin).tool_calls, ["call_1", "k7p2qx0a"]);
    }

    #[test]
    fn a_nudge_is_known_in_its_wrapping() {
        let nudge = Nudge { wake: "ABC123".parse().unwrap(), count: 2 };
        let prompt = |text: String| {
            event("beforeRun", &serde_json::json!({"session_id": "s", "prompt": text}).to_string()).nudge
        };
        let wrapped = format!("<user_input mode=\"act\">{}</user_input>", nudge.text());
        assert_eq!(prompt(wrapped.clone()), Some(nudge.clone()));
        assert_eq!(prompt(nudge.text()), Some(nudge));
        assert_eq!(prompt(wrapped.replace("</", " and more</")), None);
        assert_eq!(prompt("x".repeat(1000)), None);
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("beforeTool", "{}"), "the event `beforeTool` is not one of this provider's");
        assert_eq!(refuse("afterTool", "{}"), "the payload of `afterTool` has no usable `session_id`");
        assert!(refuse("afterRun", "[]").starts_with("the payload of `afterRun` is not"));
    }
}
