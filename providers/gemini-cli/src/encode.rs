//! Gemini CLI's hook answers.

use serde::Serialize;
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    hook_specific_output: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    hook_event_name: &'a str,
    additional_context: &'a str,
}

/// At the turn's end: go on with this as the next prompt. At a prompt: drop it.
#[derive(Serialize)]
struct Block<'a> {
    decision: &'static str,
    reason: &'a str,
}

/// Silence is no output at all and status 0. The host then reads standard error instead, which the guard keeps empty.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    if card.inject_at(event.moment).is_none() {
        return HostOutput::default();
    }
    // Two strings always serialise; were that to change, silence does no harm.
    let stdout = match (event.moment, *reply) {
        (Moment::TurnEnd, Reply::KeepGoing(reason)) | (Moment::PromptSubmit, Reply::Drop(reason)) => {
            serde_json::to_vec(&Block { decision: "block", reason }).unwrap_or_default()
        }
        (Moment::TurnEnd, _) | (_, Reply::Silent | Reply::KeepGoing(_) | Reply::Drop(_)) => Vec::new(),
        (_, Reply::Context(text) | Reply::Watch { text, .. }) => {
            let context = Context { hook_event_name: &event.name, additional_context: text };
            serde_json::to_vec(&Answer { hook_specific_output: context }).unwrap_or_default()
        }
    };
    HostOutput { stdout, exit: 0 }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let event = decode::decode(&CARD, &HookCall { event, stdin: br#"{"session_id":"s"}"# }).unwrap();
        let output = encode(&CARD, &event, &reply);
        assert_eq!(output.exit, 0, "any other status would block the prompt");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn context_stands_beside_prompts_and_results() {
        for event in ["BeforeAgent", "AfterTool"] {
            assert_eq!(
                answer(event, Reply::Context("a \"b\"\n</x>")),
                format!(
                    r#"{{"hookSpecificOutput":{{"hookEventName":"{event}","additionalContext":"a \"b\"\n</x>"}}}}"#
                )
            );
            assert_eq!(answer(event, Reply::KeepGoing("x")), "", "it would stop {event}");
        }
    }

    #[test]
    fn events_without_a_place_for_text_stay_silent() {
        for event in ["SessionStart", "BeforeTool", "SessionEnd"] {
            assert_eq!(answer(event, Reply::Context("x")), "", "{event}");
        }
        assert_eq!(answer("BeforeAgent", Reply::Silent), "");
    }

    #[test]
    fn only_the_end_of_a_turn_can_be_put_off() {
        assert_eq!(
            answer("AfterAgent", Reply::KeepGoing("a \"b\"")),
            r#"{"decision":"block","reason":"a \"b\""}"#
        );
        assert_eq!(answer("AfterAgent", Reply::Context("x")), "");
    }
}
