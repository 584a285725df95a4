//! Codex's hook answers. Its schema forbids unknown keys, so nothing but these two levels is ever written.

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

#[derive(Serialize)]
struct Block<'a> {
    decision: &'a str,
    reason: &'a str,
}

/// Silence is no output at all and status 0; status 2 would block a prompt or replace a tool's result.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    match *reply {
        Reply::Context(text) if card.inject_at(event.moment).is_some() => {
            let context = Context { hook_event_name: &event.name, additional_context: text };
            // Two strings always serialise; were that to change, silence does no harm.
            let stdout = serde_json::to_vec(&Answer { hook_specific_output: context }).unwrap_or_default();
            HostOutput { stdout, exit: 0 }
        }
        Reply::Drop(reason) if event.moment == Moment::PromptSubmit => {
            let stdout = serde_json::to_vec(&Block { decision: "block", reason }).unwrap_or_default();
            HostOutput { stdout, exit: 0 }
        }
        Reply::Silent | Reply::Context(_) | Reply::Drop(_) => HostOutput::default(),
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let stdin = br#"{"session_id":"s","turn_id":"t"}"#;
        let event = decode::decode(&CARD, &HookCall { event, stdin }).unwrap();
        let output = encode(&CARD, &event, &reply);
        assert_eq!(output.exit, 0);
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn context_goes_out_in_the_documented_form() {
        assert_eq!(
            answer("UserPromptSubmit", Reply::Context("a \"b\"\n</x>")),
            r#"{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":"a \"b\"\n</x>"}}"#
        );
    }

    #[test]
    fn only_a_prompt_can_be_dropped() {
        assert_eq!(answer("UserPromptSubmit", Reply::Drop("why")), r#"{"decision":"block","reason":"why"}"#);
        assert_eq!(answer("Stop", Reply::Drop("why")), "");
    }

    #[test]
    fn events_without_a_place_for_text_stay_silent() {
        for event in ["Stop", "Interrupt", "SessionEnd"] {
            assert_eq!(answer(event, Reply::Context("x")), "", "{event}");
        }
        assert_eq!(answer("UserPromptSubmit", Reply::Silent), "");
    }
}
