//! Codex's hook answers. Its schema forbids unknown keys, so nothing but these two levels is ever written.

pub(crate) use session_bridge_core::dialect::encode;

#[cfg(test)]
mod tests {
    use session_bridge_core::event::{HookCall, Reply};

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
        for event in ["Interrupt", "SessionEnd"] {
            assert_eq!(answer(event, Reply::Context("x")), "", "{event}");
        }
        assert_eq!(answer("UserPromptSubmit", Reply::Silent), "");
    }

    #[test]
    fn only_the_end_of_a_turn_can_be_put_off() {
        assert_eq!(answer("Stop", Reply::KeepGoing("a \"b\"")), r#"{"decision":"block","reason":"a \"b\""}"#);
        assert_eq!(answer("Stop", Reply::Context("x")), "");
        assert_eq!(answer("UserPromptSubmit", Reply::KeepGoing("x")), "", "it would block the prompt");
    }
}
