//! What the hook answers to our plugin.

use session_bridge_core::dialect::Context;
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

/// Silence is no output at all. A prompt cannot be dropped here without an error on the screen, so what a person would read
/// in its place stands beside it.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    let carries = card.inject_at(event.moment).is_some();
    let (text, file) = match (event.moment, *reply) {
        (Moment::SessionStart, Reply::Watch { file, .. }) => ("", Some(file)),
        (Moment::PromptSubmit, Reply::Drop(text)) => (text, None),
        (_, Reply::Context(text)) if carries => (text, None),
        _ => return HostOutput::default(),
    };
    let watch_paths = file.map(|file| [file]);
    let context = Context { hook_event_name: &event.name, additional_context: text, watch_paths };
    HostOutput { stdout: context.answer(), exit: 0 }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;

    use super::*;
    use crate::{CARD, decode};

    fn answer(event: &str, reply: Reply<'_>) -> String {
        let event = decode::decode(&CARD, &HookCall { event, stdin: br#"{"session_id":"s"}"# }).unwrap();
        let output = encode(&CARD, &event, &reply);
        assert_eq!(output.exit, 0);
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn text_stands_beside_prompts_and_results() {
        for event in ["UserPromptSubmit", "PostToolUse"] {
            assert_eq!(
                answer(event, Reply::Context("a \"b\"")),
                format!(
                    r#"{{"hookSpecificOutput":{{"hookEventName":"{event}","additionalContext":"a \"b\""}}}}"#
                )
            );
        }
        assert!(answer("UserPromptSubmit", Reply::Drop("late")).contains(r#""additionalContext":"late""#));
    }

    #[test]
    fn a_start_names_the_bell_and_says_nothing() {
        assert_eq!(
            answer("SessionStart", Reply::Watch { text: "x", file: "/run/bell" }),
            r#"{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"","watchPaths":["/run/bell"]}}"#
        );
        for event in ["SessionStart", "Stop", "Interrupt", "SessionEnd"] {
            for reply in [Reply::Context("x"), Reply::KeepGoing("x"), Reply::Silent] {
                assert_eq!(answer(event, reply), "", "{event}");
            }
        }
    }
}
