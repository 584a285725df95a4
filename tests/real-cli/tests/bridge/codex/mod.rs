//! What only Codex does: windows that share a daemon, prompts that are held after Esc, threads that are forked.

mod alone;
mod cut;
mod nested;
mod steered;
mod threads;
mod trust;
mod windows;

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Codex, Suite, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A receipt that went all the way on one surface.
const WHOLE_WAY: [&str; 4] = ["stored", "offered", "injected", "seen"];

/// The heading above references.
const REFERENCES: &str = "These may already stand above";

/// Adds the cases of this folder.
pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("codex_without_its_daemon_is_as_with_it", alone::works)
        .case("codex_closed_in_mid_turn_leaves_a_reference", alone::closed_at_work)
        .case("codex_windows_of_one_daemon_are_apart", windows::apart)
        .case("codex_goes_on_in_a_closed_window_and_says_so", windows::closed)
        .case("codex_whose_daemon_is_gone_gets_no_nudge", windows::daemon_gone)
        .case("codex_esc_leaves_a_reference_to_what_was_delivered", cut::escaped)
        .case("codex_esc_in_a_wait_frees_the_mail", cut::waiting)
        .case("codex_takes_a_prompt_into_a_running_turn_with_its_mail", steered::typed)
        .case("codex_goes_on_with_the_prompt_after_a_blocked_one", steered::queued)
        .case("codex_prompt_that_another_hook_blocks_proves_nothing", cut::blocked)
        .case("codex_hook_that_is_killed_claims_nothing", cut::killed)
        .case("codex_resumed_in_a_window_is_the_same_session", threads::resumed)
        .case("codex_fork_is_a_session_of_its_own", threads::forked)
        .case("codex_rewind_goes_on_as_the_same_session", threads::rewound)
        .case("codex_compaction_loses_no_mail", threads::compacted)
        .case("codex_compaction_in_a_turn_leaves_a_reference", threads::compacted_in_a_turn)
        .case("codex_clear_before_the_proof_claims_nothing", threads::cleared)
        .case("codex_subagents_get_no_mail_and_send_none", nested::subagent)
        .case("codex_review_takes_no_mail_of_its_session", nested::reviewed)
        .case("codex_trusts_others_hooks_as_before_when_we_go", trust::outlives_us)
        .case("a_cli_that_codex_starts_is_itself", nested::started)
}

/// Codex that runs its tools unasked.
fn unasked(world: &World) -> Codex<'_> {
    world.codex().arg("--dangerously-bypass-approvals-and-sandbox")
}

/// Codex's own way to run a shell command.
fn shell(command: &str) -> Turn {
    Turn::tool("exec_command", &json!({"cmd": command, "yield_time_ms": 30_000}))
}

/// The first turn of a window, in which its session becomes known; ends when the turn has.
fn greet(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, prompt: &str, label: &str) -> Outcome<Value> {
    let answer = format!("ANSWER-TO-{prompt}");
    world.model().script_for(prompt, [Turn::text(&answer)]);
    tui.prompt(prompt)?;
    tui.wait_for_answer(&answer)?;
    at_rest(bridge, label)
}

/// Waits until the session is between two turns. An answer is on the screen before its turn has ended.
fn at_rest(bridge: &Bridge<'_>, label: &str) -> Outcome<Value> {
    presence(bridge, label, "idle")
}

/// Waits until the session's presence is that; returns the session.
fn presence(bridge: &Bridge<'_>, label: &str, wanted: &str) -> Outcome<Value> {
    let look = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["label"] == label && s["presence"] == wanted)
    };
    Ok(wait_until(&format!("{label} to be {wanted}"), PATIENCE, look)?)
}

/// The first recipient's receipt.
fn receipt(bridge: &Bridge<'_>, id: &str) -> Outcome<Value> {
    Ok(bridge.json(&["receipts", id])?["receipts"][0].clone())
}

/// Its steps: the state, and behind it the surface if there is one.
fn steps(bridge: &Bridge<'_>, id: &str) -> Outcome<Vec<String>> {
    let receipt = receipt(bridge, id)?;
    let steps = receipt["steps"].as_array().cloned().unwrap_or_default();
    let word = |step: &Value| {
        let (state, surface) = (step["state"].as_str()?, step["surface"].as_str().unwrap_or_default());
        Some(format!("{state} {surface}").trim_end().to_owned())
    };
    Ok(steps.iter().filter_map(word).collect())
}

/// Asserts that nobody can tell whether the message arrived, and that the receipt says so.
fn assert_doubted(bridge: &Bridge<'_>, id: &str) -> CaseResult {
    let receipt = receipt(bridge, id)?;
    assert_eq!((&receipt["state"], &receipt["doubt"]), (&json!("offered"), &json!(true)), "{receipt}");
    Ok(())
}
