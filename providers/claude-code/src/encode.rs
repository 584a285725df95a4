//! Claude Code's hook answers.

use session_bridge_core::dialect::{self, Context};
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

/// Silence is no output at all and status 0: an empty object would be read, too, but says nothing more.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    let text = match (event.moment, *reply) {
        (Moment::PromptSubmit, Reply::Drop(reason)) => {
            return HostOutput { stdout: dialect::block(reason), exit: 0 };
        }
        // Context makes the turn go on, as `"decision":"block"` does; the reason of a block is shown twice.
        (Moment::TurnEnd, Reply::KeepGoing(text)) => text,
        (Moment::TurnEnd, _) | (_, Reply::Silent | Reply::KeepGoing(_) | Reply::Drop(_)) => {
            return HostOutput::default();
        }
        (_, Reply::Context(text) | Reply::Watch { text, .. }) => text,
    };
    let watch_paths = match (event.moment, *reply) {
        (Moment::SessionStart, Reply::Watch { file, .. }) => Some([file]),
        _ => None,
    };
    if card.inject_at(event.moment).is_none() {
        return HostOutput::default();
    }
    let context = Context { hook_event_name: &event.name, additional_context: text, watch_paths };
    HostOutput { stdout: context.answer(), exit: 0 }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let stdin = br#"{"session_id":"s","prompt_id":"p"}"#;
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
    fn a_file_to_watch_is_named_at_the_start_only() {
        let watch = Reply::Watch { text: "x", file: "/run/bell" };
        assert_eq!(
            answer("SessionStart", watch),
            r#"{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"x","watchPaths":["/run/bell"]}}"#
        );
        assert!(!answer("UserPromptSubmit", watch).contains("watchPaths"));
    }

    #[test]
    fn only_a_prompt_can_be_dropped() {
        assert_eq!(answer("UserPromptSubmit", Reply::Drop("why")), r#"{"decision":"block","reason":"why"}"#);
        assert_eq!(answer("Stop", Reply::Drop("why")), "");
    }

    #[test]
    fn events_without_a_place_for_text_stay_silent() {
        assert_eq!(answer("SessionEnd", Reply::Context("x")), "");
        assert_eq!(answer("UserPromptSubmit", Reply::Silent), "");
    }

    #[test]
    fn only_the_end_of_a_turn_can_be_put_off() {
        assert_eq!(
            answer("Stop", Reply::KeepGoing("a \"b\"")),
            r#"{"hookSpecificOutput":{"hookEventName":"Stop","additionalContext":"a \"b\""}}"#
        );
        assert_eq!(answer("Stop", Reply::Context("x")), "");
        assert_eq!(answer("UserPromptSubmit", Reply::KeepGoing("x")), "", "it would block the prompt");
    }
}
