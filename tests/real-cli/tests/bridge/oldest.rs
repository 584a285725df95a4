//! A smoke of the oldest versions that we say we support: the tools are there, mail arrives, and nothing is left behind.
//! `SESSION_BRIDGE_TEST_VERSIONS=oldest` runs every case on them.

use session_bridge_real_cli::Suite;

use crate::{cline, mail, opencode, start, uninstall};

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .on_oldest("claude_is_offered_the_tools_at_once", start::claude)
        .on_oldest("codex_is_offered_the_tools_at_once", start::codex)
        .on_oldest("gemini_is_offered_the_tools_at_once", start::gemini)
        .on_oldest("opencode_is_offered_the_tools_at_once", opencode::mail::start)
        .on_oldest("cline_is_offered_the_tools_at_once", cline::mail::tools)
        .on_oldest("claude_gets_mail_with_its_prompt_once", mail::claude_tui)
        .on_oldest("codex_gets_mail_with_its_prompt_once", mail::codex_tui)
        .on_oldest("gemini_gets_mail_with_its_prompt_once", mail::gemini_tui)
        .on_oldest("opencode_gets_mail_with_its_prompt_once", opencode::mail::prompt)
        .on_oldest("cline_gets_mail_with_its_prompt_once", cline::mail::with_a_prompt)
        .on_oldest("an_idle_opencode_wakes_once_per_burst", opencode::waking::bursts)
        .on_oldest("an_idle_cline_wakes_once_per_burst", cline::mail::wakes)
        .on_oldest("uninstall_after_runs_equals_a_life_without_us", uninstall::after_runs)
        .on_oldest("uninstall_leaves_opencode_as_a_run_without_us", opencode::leaving::uninstalled)
        .on_oldest("uninstall_after_runs_of_cline_equals_a_life_without_us", cline::leaving::after_runs)
}
