//! Grok Build alone: it takes no text with prompts, shows its model no tools, and its agent is woken only if it watches.

mod alone;
mod apart;
mod imported;
mod leaving;
mod watch;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{DriverError, Finished, Suite, World};

/// The label of a session in the world's project.
const LABEL: &str = "grok-project";

pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("grok_is_told_its_name_and_the_tools", alone::told)
        .case("grok_gets_mail_beside_a_tools_result", alone::mid_turn)
        .case("grok_goes_on_when_mail_waits_at_the_turns_end", alone::turn_end)
        .case("grok_gets_mail_that_waited_at_its_prompt", alone::waited)
        .case("an_end_of_grok_proves_nothing_of_the_turn_before", alone::unheard)
        .case("grok_gets_mail_when_it_is_resumed", alone::resumed)
        .case("subagents_of_grok_read_no_mail", alone::subagent)
        .case("two_groks_in_one_folder_are_apart", apart::windows)
        .case("a_grok_that_runs_claudes_entries_is_itself", imported::instead)
        .case("a_grok_that_runs_claudes_entries_headless_is_itself", imported::headless)
        .case("a_grok_that_runs_claudes_entries_too_hears_each_event_once", imported::beside)
        .case("an_idle_grok_that_watches_wakes_once_per_burst", watch::wakes)
        .case("grok_is_left_as_it_would_be_without_us", leaving::uninstall)
        .case("a_missing_program_harms_no_grok", leaving::program_gone)
}

/// One prompt, to the end of its turn.
fn run(world: &World, prompt: &str) -> Result<Finished, DriverError> {
    world.grok().unasked().print(prompt)
}

fn shell(command: &str) -> Turn {
    Turn::tool("run_terminal_command", &json!({"command": command, "description": "wait"}))
}
