//! Gemini CLI's hook payloads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_bridge_core::event::{DecodeError, HookCall, HookEvent, Moment, Text};
use session_bridge_core::provider::Card;
use session_bridge_core::{dialect, echo, frame};

use crate::{NO_WORDS, SUBAGENT_TOOL};

/// The fields that count. Everything else is skipped, and prompt and tool result are, without a copy.
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
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    stop_hook_active: Option<bool>,
    #[serde(borrow)]
    prompt_response: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_name: Option<Text<'a>>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow)]
    mcp_context: Option<McpContext<'a>>,
}

#[derive(Deserialize)]
struct McpContext<'a> {
    #[serde(borrow)]
    server_name: Option<Text<'a>>,
}

pub(crate) fn decode<'a>(card: &Card, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
    let (spec, payload): (_, Payload<'a>) = dialect::read(card, call)?;
    let event = dialect::event(spec, call, payload.hook_event_name, payload.session_id)?;
    let prompt = payload.prompt.filter(|_| spec.moment == Moment::PromptSubmit);
    let echo = prompt.and_then(|json| echo::in_json(json.get()));
    let said = payload.prompt_response.map(RawValue::get);
    // Esc ends a turn as an answer does; where the model had said nothing yet, the prompt is gone from the conversation.
    let cut_short = spec.moment == Moment::TurnEnd && said == Some(NO_WORDS);
    let after_tool = spec.moment == Moment::AfterTool;
    let server = payload.mcp_context.and_then(|context| context.server_name).and_then(Text::filled);
    let ours = after_tool && server.as_deref() == Some("session-bridge");
    let result = payload.tool_response.filter(|_| ours).map_or("", RawValue::get);
    let tool = payload.tool_name.and_then(Text::filled);
    let reason = payload.reason.and_then(Text::filled);
    Ok(HookEvent {
        moment: if cut_short { Moment::Interrupt } else { spec.moment },
        // Turns have no names: a prompt and the turn's end, those after it went on included, give the prompt's words.
        asked: payload.prompt.map(|json| json.get().into()),
        // Calls have no ids; a result of ours is known by its fence.
        tool_calls: frame::fences(result).into_iter().map(Cow::Borrowed).collect(),
        // One time for all hooks of an event, to the millisecond.
        stamp: payload.timestamp.and_then(Text::filled),
        cwd: payload.cwd.and_then(Text::folder),
        subagent_done: after_tool && tool.as_deref() == Some(SUBAGENT_TOOL),
        echo,
        by_host: echo.is_some(),
        start: dialect::start(payload.source),
        continues: spec.moment == Moment::SessionEnd && reason.as_deref() == Some("clear"),
        continued: spec.moment == Moment::TurnEnd && payload.stop_hook_active == Some(true),
        said,
        // Nothing in a payload tells a subagent's event from the session's own, and there is no door that a nudge could come
        // through.
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
    fn an_event_is_known_by_its_time() {
        let end = event("AfterAgent", r#"{"session_id":"s","timestamp":"2026-11-21T15:39:07.643Z"}"#);
        assert_eq!(end.identity(), "AfterAgent/2026-11-21T15:39:07.643Z");
        assert_eq!((end.turn, end.continued), (None, false));
        assert!(event("AfterAgent", r#"{"session_id":"s","stop_hook_active":true}"#).continued);
    }

    #[test]
    fn a_prompt_and_the_end_of_its_turn_say_what_was_asked() {
        let stdin = r#"{"session_id":"s","prompt":"say \"one\"","prompt_response":"ONE","timestamp":"1"}"#;
        let [begin, end] = ["BeforeAgent", "AfterAgent"].map(|name| event(name, stdin));
        assert_eq!(begin.asked.as_deref(), Some(r#""say \"one\"""#));
        assert_eq!(begin.asked, end.asked);
        assert_eq!(event("AfterTool", r#"{"session_id":"s"}"#).asked, None);
    }

    #[test]
    fn a_result_of_ours_names_its_call_by_its_fence() {
        let stdin = r#"{"session_id":"s","tool_name":"mcp_session-bridge_bridge_ask",
            "tool_response":{"llmContent":[{"text":"<peer-message-k7p2qx0a id=\"x\">\n</peer-message-k7p2qx0a>"}]},
            "mcp_context":{"server_name":"session-bridge","tool_name":"bridge_ask"}}"#;
        let tool = event("AfterTool", stdin);
        assert_eq!(tool.tool_calls, ["k7p2qx0a"]);
        assert!(matches!(tool.tool_calls[0], Cow::Borrowed(_)));
        let foreign = r#"{"session_id":"s","tool_response":{"llmContent":"<peer-message-k7p2qx0a>"}}"#;
        assert!(event("AfterTool", foreign).tool_calls.is_empty());
    }

    #[test]
    fn a_prompt_that_is_our_text_is_no_new_turn() {
        let stdin =
            r#"{"session_id":"s","prompt":"[session-bridge delivery 01J00000000000000000000000]\nmail"}"#;
        assert_eq!(event("BeforeAgent", stdin).echo.unwrap().to_string(), "01J00000000000000000000000");
        assert_eq!(event("BeforeAgent", r#"{"session_id":"s","prompt":"hello"}"#).echo, None);
        assert_eq!(
            decode(&CARD, &HookCall { event: "AfterAgent", stdin: stdin.as_bytes() }).unwrap().echo,
            None,
            "the end repeats the turn's prompt"
        );
    }

    #[test]
    fn a_subagents_work_has_a_beginning_and_an_end() {
        let begin = event("BeforeTool", r#"{"session_id":"s","tool_name":"invoke_agent"}"#);
        assert_eq!((begin.moment, begin.subagent_done), (Moment::BeforeSubagent, false));
        assert!(event("AfterTool", r#"{"session_id":"s","tool_name":"invoke_agent"}"#).subagent_done);
        assert!(!event("AfterTool", r#"{"session_id":"s","tool_name":"read_file"}"#).subagent_done);
    }

    #[test]
    fn clear_goes_on_with_the_session_and_exit_ends_it() {
        assert!(event("SessionEnd", r#"{"session_id":"s","reason":"clear"}"#).continues);
        assert!(!event("SessionEnd", r#"{"session_id":"s","reason":"exit"}"#).continues);
        assert_eq!(event("SessionStart", r#"{"session_id":"s","source":"clear"}"#).start, Start::Cleared);
        assert_eq!(event("SessionStart", r#"{"session_id":"s","source":"resume"}"#).start, Start::Resumed);
        assert_eq!(event("SessionStart", r#"{"session_id":"s","source":"startup"}"#).start, Start::Fresh);
    }

    #[test]
    fn an_end_without_a_word_is_an_interruption() {
        let cut = r#"{"session_id":"s","prompt_response":"[no response text]","stop_hook_active":false}"#;
        assert_eq!(event("AfterAgent", cut).moment, Moment::Interrupt);
        let whole = event("AfterAgent", r#"{"session_id":"s","prompt_response":"BYE"}"#);
        assert_eq!((whole.moment, whole.said), (Moment::TurnEnd, Some("\"BYE\"")));
    }

    #[test]
    fn what_cannot_be_delivered_is_refused() {
        let refuse = |event: &str, stdin: &str| {
            decode(&CARD, &HookCall { event, stdin: stdin.as_bytes() }).unwrap_err().to_string()
        };
        assert_eq!(refuse("PreCompress", "{}"), "the event `PreCompress` is not one of this provider's");
        assert_eq!(refuse("AfterTool", "{}"), "the payload of `AfterTool` has no usable `session_id`");
        assert!(refuse("AfterAgent", "[]").starts_with("the payload of `AfterAgent` is not"));
    }
}
