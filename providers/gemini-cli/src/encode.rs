//! Gemini CLI's hook answers.

pub(crate) use session_bridge_core::dialect::encode;

#[cfg(test)]
mod tests {
    use session_bridge_core::event::{HookCall, Reply};

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
