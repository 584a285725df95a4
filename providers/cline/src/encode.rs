//! What our plugin is answered. It turns context into `appendContext`, and a block into the end of a run that has made no
//! request yet.

use session_bridge_core::dialect::{self, Context};
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    match (event.moment, *reply) {
        // The bell's path, and no text: the first prompt brings what a start has to say.
        (Moment::SessionStart, Reply::Watch { file, .. }) => {
            let context =
                Context { hook_event_name: &event.name, additional_context: "", watch_paths: Some([file]) };
            HostOutput { stdout: context.answer(), exit: 0 }
        }
        _ => dialect::encode(card, event, reply),
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let stdin = br#"{"session_id":"s","turn_id":"t","status":"completed"}"#;
        let event = decode::decode(&CARD, &HookCall { event, stdin }).unwrap();
        let output = encode(&CARD, &event, &reply);
        assert_eq!(output.exit, 0);
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn context_stands_beside_prompts_and_results() {
        for event in ["beforeRun", "afterTool"] {
            assert_eq!(
                answer(event, Reply::Context("a \"b\"\n</x>")),
                format!(
                    r#"{{"hookSpecificOutput":{{"hookEventName":"{event}","additionalContext":"a \"b\"\n</x>"}}}}"#
                )
            );
        }
        assert_eq!(answer("beforeRun", Reply::Silent), "");
        assert_eq!(answer("beforeRun", Reply::Drop("why")), r#"{"decision":"block","reason":"why"}"#);
    }

    #[test]
    fn the_start_names_the_bell_and_says_nothing() {
        assert_eq!(
            answer("SessionStart", Reply::Watch { text: "x", file: "/run/bell" }),
            r#"{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"","watchPaths":["/run/bell"]}}"#
        );
        assert_eq!(answer("SessionStart", Reply::Context("x")), "");
    }

    #[test]
    fn events_without_a_place_for_text_stay_silent() {
        for event in ["beforeModel", "afterRun", "Doorbell"] {
            for reply in [Reply::Context("x"), Reply::KeepGoing("x"), Reply::Drop("x")] {
                assert_eq!(answer(event, reply), "", "{event}");
            }
        }
    }
}
