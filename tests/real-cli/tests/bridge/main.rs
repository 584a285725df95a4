//! session-bridge inside the real CLIs: what their models are sent, and what our ledger says of it.

mod apart;
mod bridge;
mod codex;
mod contexts;
mod deadlines;
mod mail;
mod pause;
mod questions;
mod start;
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
        .case("a_sender_is_told_of_what_expired", deadlines::claude_is_told)
        .case("a_paused_claude_is_left_alone_until_it_is_on", pause::claude)
        .case("a_paused_codex_is_left_alone_until_it_is_on", pause::codex)
        .case("a_muted_peers_mail_waits_for_claudes_next_prompt", pause::claude_muted)
        .case("a_muted_peers_mail_waits_for_codexs_next_prompt", pause::codex_muted)
        .case("uninstall_without_a_run_restores_every_byte", uninstall::untouched)
        .case("uninstall_after_runs_equals_a_life_without_us", uninstall::after_runs)
        .case("a_missing_program_harms_nobody", uninstall::program_gone);
    codex::cases(suite).run()
}
