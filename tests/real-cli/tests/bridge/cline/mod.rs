//! What Cline does with the bridge's plugin: in its own process and in the daemon that it calls a hub.

mod agents;
mod apart;
mod hub;
pub(crate) mod leaving;
pub(crate) mod mail;

use session_bridge_real_cli::Suite;

/// A receipt that went all the way on one surface.
const WHOLE_WAY: [&str; 4] = ["stored", "offered", "injected", "seen"];
/// The label of the first session in a world's project.
const LABEL: &str = "cline-project";

/// Adds the cases of this folder.
pub(crate) fn cases(suite: Suite) -> Suite {
    suite
        .case("cline_is_offered_the_tools_at_once", mail::tools)
        .case("cline_gets_mail_with_its_prompt_once", mail::with_a_prompt)
        .case("cline_gets_mail_beside_a_tools_result", mail::mid_turn)
        .case("cline_wakes_for_mail_that_came_before_its_turns_end", mail::turn_end)
        .case("cline_esc_after_a_request_leaves_the_mail_injected", mail::interrupted)
        .case("an_idle_cline_wakes_once_per_burst", mail::wakes)
        .case("subagents_and_teammates_of_cline_read_no_mail", agents::read_nothing)
        .case("cline_waits_longer_than_its_own_minute", mail::long_wait)
        .case("two_clines_in_one_folder_are_apart", apart::windows)
        .case("clines_of_one_hub_are_apart", hub::apart)
        .case("cline_in_a_hub_wakes_and_is_resumed", hub::resumed)
        .case("cline_without_node_goes_on_without_us", leaving::no_node)
        .case("a_missing_program_harms_no_cline", leaving::program_gone)
        .case("uninstall_after_runs_of_cline_equals_a_life_without_us", leaving::after_runs)
}
