//! session-bridge inside the real CLIs: what their models are sent, and what our ledger says of it.

mod apart;
mod beside;
mod bridge;
mod cline;
mod codex;
mod contexts;
mod deadlines;
mod doorbell;
mod ends;
mod forks;
mod lost;
mod mail;
mod modes;
mod nested;
mod pause;
mod questions;
mod rewake;
mod socket;
mod start;
mod subagents;
mod surfaces;
mod uninstall;
mod wake;

use std::process::ExitCode;

use session_bridge_real_cli::Suite;

fn main() -> ExitCode {
    let suite = Suite::new(env!("CARGO_TARGET_TMPDIR"))
        .package("session-bridge")
        .case("claude_is_offered_the_tools_at_once", start::claude)
        .case("codex_is_offered_the_tools_at_once", start::codex)
        .case("codex_asks_its_user_to_review_our_hooks", start::codex_review)
        .case("gemini_is_offered_the_tools_at_once", start::gemini)
        .case("gemini_without_consent_gets_mail_and_no_tools", start::gemini_without_consent)
        .case("claude_gets_mail_with_its_prompt_once", mail::claude_tui)
        .case("claude_gets_mail_when_it_is_resumed", mail::claude_resumed)
        .case("codex_gets_mail_with_its_prompt_once", mail::codex_tui)
        .case("codex_gets_mail_when_it_is_resumed", mail::codex_resumed)
        .case("gemini_gets_mail_with_its_prompt_once", mail::gemini_tui)
        .case("gemini_gets_mail_when_it_is_resumed", mail::gemini_resumed)
        .case("claude_clear_goes_on_as_the_same_session", mail::claude_clear)
        .case("gemini_clear_goes_on_as_the_same_session", mail::gemini_clear)
        .case("claude_gets_mail_beside_a_tools_result", surfaces::claude_mid_turn)
        .case("codex_gets_mail_beside_a_tools_result", surfaces::codex_mid_turn)
        .case("gemini_gets_mail_beside_a_tools_result", surfaces::gemini_mid_turn)
        .case("claude_goes_on_when_mail_waits_at_the_turns_end", surfaces::claude_turn_end)
        .case("codex_goes_on_when_mail_waits_at_the_turns_end", surfaces::codex_turn_end)
        .case("gemini_goes_on_when_mail_waits_at_the_turns_end", surfaces::gemini_turn_end)
        .case("esc_takes_mail_out_of_gemini_and_proves_nothing", surfaces::gemini_interrupted)
        .case("subagents_of_gemini_read_no_mail", surfaces::gemini_subagent)
        .case("claude_is_reminded_of_open_questions_when_resumed", contexts::claude_resumed)
        .case("codex_is_reminded_of_open_questions_when_resumed", contexts::codex_resumed)
        .case("gemini_is_reminded_of_open_questions_when_resumed", contexts::gemini_resumed)
        .case("claude_is_reminded_after_a_compaction", contexts::claude_compacted)
        .case("codex_is_reminded_after_a_compaction", contexts::codex_compacted)
        .case("codex_clear_tells_where_mail_waits", contexts::codex_cleared)
        .case("claude_asks_codex", questions::claude_asks_codex)
        .case("codex_asks_claude", questions::codex_asks_claude)
        .case("gemini_asks_claude", questions::gemini_asks_claude)
        .case("codex_asks_gemini", questions::codex_asks_gemini)
        .case("a_decline_ends_the_wait_of_who_asked", questions::declined)
        .case("a_question_outlives_its_wait", questions::answered_later)
        .case("two_claudes_in_one_folder_are_apart", apart::claude)
        .case("two_codexes_in_one_folder_are_apart", apart::codex)
        .case("two_geminis_in_one_folder_are_apart", apart::gemini)
        .case("an_idle_claude_wakes_once_per_burst", wake::claude)
        .case("an_idle_codex_wakes_once_per_burst", wake::codex)
        .case("claude_that_asks_nobody_is_woken_too", modes::bypass)
        .case("claude_as_an_agent_is_a_session", modes::agent)
        .case("claude_fork_is_a_new_session_without_mail", forks::headless)
        .case("claude_continue_goes_on_as_the_same_session", forks::continued)
        .case("claude_fork_takes_nothing_from_an_open_session", forks::of_an_open_session)
        .case("claude_branch_leaves_the_mail_behind", forks::in_a_window)
        .case("a_codex_inside_a_claude_is_itself", nested::codex)
        .case("a_claude_inside_a_claude_is_itself", nested::claude)
        .case("a_hook_killed_before_it_wrote_repeats_the_body", lost::killed_early)
        .case("a_hook_killed_while_it_wrote_is_referred_to", lost::killed_while_writing)
        .case("claude_prompt_blocked_by_another_hook", lost::blocked)
        .case("claude_esc_before_any_output", ends::esc_early)
        .case("claude_esc_after_a_tool_round", ends::esc_late)
        .case("claude_clear_before_anything_was_proven", ends::clear)
        .case("claude_compact_while_mail_waits", ends::compact)
        .case("claude_turn_ends_at_the_hosts_cap", ends::cap)
        .case("claude_subagent_at_work_when_mail_comes", subagents::mail_meanwhile)
        .case("claude_subagent_reads_its_sessions_mail", subagents::reads)
        .case("claude_reads_its_inbox_in_the_running_turn", socket::mid_turn)
        .case("codex_wakes_for_mail_that_came_after_its_turns_last_look", rewake::codex_late_mail)
        .case("codex_gets_what_came_after_an_interruption_with_its_next_prompt", rewake::codex_interrupted)
        .case("claude_wakes_once_for_a_question_after_a_status", rewake::claude_status_then_question)
        .case("codex_wakes_once_for_a_question_after_a_status", rewake::codex_status_then_question)
        .case("two_sessions_that_answer_each_other_stop", rewake::two_polite_sessions)
        .case("claude_wakes_by_its_bell_where_there_is_no_socket", doorbell::wakes)
        .case("claude_p_watches_no_bell", doorbell::headless)
        .case("a_sender_is_told_of_what_expired", deadlines::claude_is_told)
        .case("a_paused_claude_is_left_alone_until_it_is_on", pause::claude)
        .case("a_paused_codex_is_left_alone_until_it_is_on", pause::codex)
        .case("a_muted_peers_mail_waits_for_claudes_next_prompt", pause::claude_muted)
        .case("a_muted_peers_mail_waits_for_codexs_next_prompt", pause::codex_muted)
        .case("uninstall_without_a_run_restores_every_byte", uninstall::untouched)
        .case("uninstall_after_runs_equals_a_life_without_us", uninstall::after_runs)
        .case("a_missing_program_harms_nobody", uninstall::program_gone);
    cline::cases(codex::cases(suite)).run()
}
