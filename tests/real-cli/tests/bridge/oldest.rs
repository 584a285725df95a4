//! A smoke of the oldest versions that we say we support: the tools are there, mail arrives, and nothing is left behind.
//! `SESSION_BRIDGE_TEST_VERSIONS=oldest` runs every case on them.

use session_bridge_real_cli::Suite;

use crate::{mail, start, uninstall};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .on_oldest("claude_is_offered_the_tools_at_once", start::claude)
        .on_oldest("codex_is_offered_the_tools_at_once", start::codex)
        .on_oldest("gemini_is_offered_the_tools_at_once", start::gemini)
        .on_oldest("claude_gets_mail_with_its_prompt_once", mail::claude_tui)
        .on_oldest("codex_gets_mail_with_its_prompt_once", mail::codex_tui)
        .on_oldest("gemini_gets_mail_with_its_prompt_once", mail::gemini_tui)
        .on_oldest("uninstall_after_runs_equals_a_life_without_us", uninstall::after_runs)
}
