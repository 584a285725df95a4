//! Cursor's hook payloads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Text};
use session_bridge_core::plan::Value;
use session_bridge_core::probe::Probe;
use session_bridge_core::provider::Card;
use session_bridge_core::{dialect, echo};

/// The fields that count. Everything else is skipped, and the prompt is, without a copy.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    #[serde(borrow)]
    hook_event_name: Option<Text<'a>>,
    #[serde(borrow)]
    generation_id: Option<Text<'a>>,
    #[serde(borrow)]
    cwd: Option<Text<'a>>,
    #[serde(borrow)]
    workspace_roots: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    parent_tool_call_id: Option<Text<'a>>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    loop_count: Option<u64>,
}

/// A payload that no host sent.
pub(crate) fn made_up(probe: &Probe<'_>) -> Value {
    let mut payload = dialect::payload(probe);
    payload["conversation_id"] = probe.session.into();
    payload["generation_id"] = probe.turn.into();
    payload
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let (said, session) = (payload.hook_event_name, payload.conversation_id);
    let event = dialect::session_in("conversation_id", spec, call, said, session)?;
    let prompt = payload.prompt.filter(|_| spec.moment == Moment::PromptSubmit);
    let echo = prompt.and_then(|json| echo::in_json(json.get()));
    // A turn that was aborted or failed ends with the same event as an answer.
    let ends = spec.moment == Moment::TurnEnd;
    let status = payload.status.and_then(Text::filled);
    let cut_short = ends && status.as_deref().is_some_and(|status| status != "completed");
    let rounds = payload.loop_count.filter(|_| ends);
    let root = payload.workspace_roots.into_iter().flatten().next();
    Ok(HookEvent {
        moment: if cut_short { Moment::Interrupt } else { spec.moment },
        turn: payload.generation_id.and_then(Text::filled),
        tool_calls: payload.tool_use_id.and_then(Text::filled).into_iter().collect(),
        // How often the turn went on: what tells its ends apart.
        stamp: rounds.map(|count| Cow::Owned(count.to_string())),
        cwd: payload.cwd.and_then(Text::folder).or_else(|| root.and_then(Text::folder)),
        subagent: payload.parent_tool_call_id.and_then(Text::filled),
        echo,
        by_host: echo.is_some(),
        continued: rounds.is_some_and(|count| count > 0),
        // There is no door that a nudge could come through, and nothing tells why a session starts.
        ..event
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::CARD;

    fn event(event: &'static str, stdin: &'static str) -> HookEvent<'static> {
        decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap()
    }

    #[test]
    fn a_tool_event_names_its_turn_and_call() {
        let tool = event(
            "postToolUse",
            r#"{"conversation_id":"c","generation_id":"g","session_id":"c","tool_use_id":"t","cwd":"/src"}"#,
        );
        assert_eq!(tool.identity(), "postToolUse/g/t");
        assert_eq!(tool.cwd.as_deref(), Some(Path::new("/src")));
        assert!(matches!(tool.native, Cow::Borrowed("c")), "ids are not copied");
    }

    #[test]
    fn a_folder_is_the_calls_own_or_the_first_of_the_workspace() {
        let start = r#"{"conversation_id":"c","workspace_roots":["/src/shop","/src/lib"]}"#;
        assert_eq!(event("sessionStart", start).cwd.as_deref(), Some(Path::new("/src/shop")));
        assert_eq!(event("sessionStart", r#"{"conversation_id":"c","workspace_roots":[]}"#).cwd, None);
    }

    #[test]
    fn a_call_within_a_call_is_a_subagents() {
        let tool = r#"{"conversation_id":"c","tool_use_id":"t","parent_tool_call_id":"p"}"#;
        assert_eq!(event("postToolUse", tool).subagent.as_deref(), Some("p"));
    }

    #[test]
    fn only_a_completed_turn_has_an_end() {
        for status in ["aborted", "error"] {
            let stdin = format!(r#"{{"conversation_id":"c","status":"{status}","loop_count":0}}"#);
            let call = HookCall { event: "stop", stdin: stdin.as_bytes() };
            assert_eq!(decode(&CARD, &call).unwrap().moment, Moment::Interrupt, "{status}");
        }
        let first = event("stop", r#"{"conversation_id":"c","status":"completed","loop_count":0}"#);
        let second = event("stop", r#"{"conversation_id":"c","status":"completed","loop_count":1}"#);
        assert_eq!((first.moment, first.continued), (Moment::TurnEnd, false));
        assert!(second.continued && first.identity() != second.identity());
    }

    #[test]
    fn a_prompt_that_is_our_text_is_nobodys() {
        let stdin = r#"{"conversation_id":"c","prompt":"[session-bridge delivery 01J00000000000000000000000]\nmail"}"#;
        let prompt = event("beforeSubmitPrompt", stdin);
        assert!(prompt.echo.is_some() && prompt.by_host);
        let typed = event("beforeSubmitPrompt", r#"{"conversation_id":"c","prompt":"hello"}"#);
        assert!(typed.echo.is_none() && !typed.by_host);
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("preToolUse", "{}"), "the event `preToolUse` is not one of this provider's");
        assert_eq!(refuse("stop", "{}"), "the payload of `stop` has no usable `conversation_id`");
        assert!(refuse("stop", "[]").starts_with("the payload of `stop` is not"));
    }
}
