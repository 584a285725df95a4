//! opencode: its plugin of ours stands for hooks, prompts idle sessions and names the caller of each call.

mod apart;
mod cut;
pub(crate) mod leaving;
pub(crate) mod mail;
pub(crate) mod waking;

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{DriverError, Finished, Suite, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const LABEL: &str = "opencode-project";
const BODY: &str = "The schema of table ORDERS-77 changed.";
/// A receipt that went all the way on one surface.
const WHOLE_WAY: [&str; 4] = ["stored", "offered", "injected", "seen"];

/// Adds the cases of this folder.
pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("opencode_is_offered_the_tools_at_once", mail::start)
        .case("opencode_gets_mail_with_its_prompt_once", mail::prompt)
        .case("opencode_gets_mail_when_it_is_resumed", mail::resumed)
        .case("opencode_gets_mail_beside_a_tools_result", mail::mid_turn)
        .case("an_idle_opencode_wakes_once_per_burst", waking::bursts)
        .case("opencode_wakes_for_mail_that_came_at_the_turns_end", waking::at_the_end)
        .case("an_opencode_resumed_in_a_window_wakes_as_its_agent", waking::resumed)
        .case("two_opencodes_in_one_folder_are_apart", apart::windows)
        .case("two_sessions_of_one_opencode_are_apart", apart::sessions)
        .case("a_prompt_typed_into_opencodes_turn_proves_nothing_early", cut::joined)
        .case("opencode_esc_leaves_a_reference_to_what_was_delivered", cut::escaped)
        .case("subagents_of_opencode_read_no_mail_and_send_none", cut::subagent)
        .case("opencode_with_a_catch_all_runs_the_tools_by_consent", leaving::consent)
        .case("uninstall_leaves_opencode_as_a_run_without_us", leaving::uninstalled)
        .case("a_missing_program_harms_no_opencode", leaving::program_gone)
}

fn run(world: &World, prompt: &str) -> Result<Finished, DriverError> {
    world.opencode().print(prompt)
}

/// opencode's own way to run a shell command.
fn shell(command: &str) -> Turn {
    Turn::tool("bash", &json!({"command": command, "description": "wait"}))
}

/// The first turn of a window, in which its session becomes known; ends when the turn has.
fn greet(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, prompt: &str, label: &str) -> Outcome<Value> {
    let answer = format!("ANSWER-TO-{prompt}");
    world.model().script_for(prompt, [Turn::text(&answer)]);
    tui.prompt(prompt)?;
    tui.wait_for_answer(&answer)?;
    at_rest(bridge, label)
}

/// Waits until the session is between two turns.
fn at_rest(bridge: &Bridge<'_>, label: &str) -> Outcome<Value> {
    let look = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["label"] == label && s["presence"] == "idle")
    };
    Ok(wait_until(&format!("{label} to be idle"), PATIENCE, look)?)
}
