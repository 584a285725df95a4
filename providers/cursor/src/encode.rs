//! Cursor's hook answers.

use serde::Serialize;
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

/// Text beside a prompt or a result, or the next message after a turn's end.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'a> {
    AdditionalContext(&'a str),
    FollowupMessage(&'a str),
}

/// Silence is no output at all: what is no JSON may block.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    let answer = match (event.moment, *reply) {
        (moment, _) if card.inject_at(moment).is_none() => None,
        (Moment::TurnEnd, Reply::KeepGoing(text)) => Some(Answer::FollowupMessage(text)),
        // No prompt is dropped: none is a nudge of ours.
        (Moment::TurnEnd, _) | (_, Reply::Silent | Reply::KeepGoing(_) | Reply::Drop(_)) => None,
        (_, Reply::Context(text) | Reply::Watch { text, .. }) => Some(Answer::AdditionalContext(text)),
    };
    // Strings always serialise; were that to change, silence does no harm.
    let stdout = answer.and_then(|answer| serde_json::to_vec(&answer).ok()).unwrap_or_default();
    HostOutput { stdout, exit: 0 }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let stdin = br#"{"conversation_id":"c","status":"completed"}"#;
        let event = decode::decode(&CARD, &HookCall { event, stdin }).unwrap();
        let output = encode(&CARD, &event, &reply);
        assert_eq!(output.exit, 0, "2 would block");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn context_stands_beside_starts_prompts_and_results() {
        for event in ["sessionStart", "beforeSubmitPrompt", "postToolUse"] {
            let said = answer(event, Reply::Context("a \"b\"\n</x>"));
            assert_eq!(said, r#"{"additional_context":"a \"b\"\n</x>"}"#);
            for silent in [Reply::Silent, Reply::KeepGoing("x"), Reply::Drop("x")] {
                assert_eq!(answer(event, silent), "", "{event}");
            }
        }
        assert_eq!(answer("sessionEnd", Reply::Context("x")), "");
    }

    #[test]
    fn a_turn_goes_on_with_the_next_message() {
        assert_eq!(answer("stop", Reply::KeepGoing("a \"b\"")), r#"{"followup_message":"a \"b\""}"#);
        assert_eq!(answer("stop", Reply::Context("x")), "");
    }
}
