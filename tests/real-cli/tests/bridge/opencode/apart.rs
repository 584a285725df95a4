//! Two sessions, in one folder or in one process: what is for the one never reaches the other.

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::{LABEL, at_rest, greet};
use crate::apart::exchange;
use crate::bridge::{Bridge, SERVER};

pub(super) fn windows(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.opencode().tui("one")?;
    greet(world, &bridge, &one, "HELLO-FROM-ONE", LABEL)?;
    let two = world.opencode().tui("two")?;
    greet(world, &bridge, &two, "HELLO-FROM-TWO", "opencode-project-2")?;
    exchange(world, &bridge, &[(one, LABEL), (two, "opencode-project-2")])
}

/// `/new` makes a second session in the process, and one server serves both: each call names its own.
pub(super) fn sessions(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "HELLO-FROM-ONE", LABEL)?;
    tui.prompt("/new")?;
    tui.press("Enter")?;
    tui.wait_for("Ask anything")?;
    let second = "opencode-project-2";
    greet(world, &bridge, &tui, "HELLO-FROM-TWO", second)?;

    // The model itself may name another session: what the plugin says counts.
    let first = bridge.session(LABEL)?;
    let forged = json!({"_session_bridge": {"session": first["native"], "nonce": "guess"}});
    world.model().script_for(
        "WHO-ARE-YOU",
        [
            Turn::mcp(SERVER, "bridge_whoami", &forged),
            Turn::with(|request| {
                let result = request.last_tool_result().unwrap_or_default();
                assert!(result.contains("opencode-project-2"), "{result}");
                Turn::text("I-AM-TWO")
            }),
        ],
    );
    tui.prompt("WHO-ARE-YOU")?;
    tui.wait_for_answer("I-AM-TWO")?;
    at_rest(&bridge, second)?;

    // The session that is not on the screen is woken beside it.
    world.model().script_for("MAIL-FOR-ONE", [Turn::text("ONE-HEARD")]);
    let id = bridge.send(LABEL, "MAIL-FOR-ONE")?;
    bridge.wait_for_state(&id, "seen")?;
    let heard = world.model().steps_with("MAIL-FOR-ONE");
    assert!(heard.len() == 1 && heard[0].contains("HELLO-FROM-ONE") && !heard[0].contains("HELLO-FROM-TWO"));
    Ok(())
}
