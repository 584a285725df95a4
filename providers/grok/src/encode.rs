//! Grok Build's hook answers.

use session_bridge_core::dialect::Context;
use session_bridge_core::event::{HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::provider::Card;

/// Context everywhere, at a turn's end as well: there the host makes it a message of the user's as it stands and goes on,
/// while the reason of a block would be shown as a hook's error. Nothing is dropped: the host heeds that for typed prompts
/// only, and a nudge is none. Silence is no output and status 0.
pub(crate) fn encode(card: &Card, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
    let ((Moment::TurnEnd, Reply::KeepGoing(text)) | (Moment::AfterTool, Reply::Context(text))) =
        (event.moment, *reply)
    else {
        return HostOutput::default();
    };
    debug_assert!(card.inject_at(event.moment).is_some(), "the card declares where text goes out");
    let context = Context { hook_event_name: &event.name, additional_context: text, watch_paths: None };
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
        assert_eq!(output.exit, 0, "status 2 would put standard error before the model");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn context_stands_beside_results_and_puts_an_end_off() {
        for (event, reply) in [
            ("PostToolUse", Reply::Context("a \"b\"\n</x>")),
            ("PostToolUseFailure", Reply::Context("a \"b\"\n</x>")),
            ("Stop", Reply::KeepGoing("a \"b\"\n</x>")),
        ] {
            assert_eq!(
                answer(event, reply),
                format!(
                    r#"{{"hookSpecificOutput":{{"hookEventName":"{event}","additionalContext":"a \"b\"\n</x>"}}}}"#
                )
            );
        }
    }

    #[test]
    fn events_whose_output_is_ignored_stay_silent() {
        for event in
            ["SessionStart", "UserPromptSubmit", "StopCancelled", "StopFailure", "PostCompact", "SessionEnd"]
        {
            for reply in [Reply::Context("x"), Reply::KeepGoing("x"), Reply::Drop("x"), Reply::Silent] {
                assert_eq!(answer(event, reply), "", "{event}");
            }
        }
        assert_eq!(answer("Stop", Reply::Context("x")), "");
        assert_eq!(answer("PostToolUse", Reply::KeepGoing("x")), "");
    }
}
