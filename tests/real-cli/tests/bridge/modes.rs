//! Claude Code in other modes than the usual one: one that asks for no permission, and one that is a named agent.

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use crate::beside::Witness;
use crate::bridge::Bridge;

const BODY: &str = "The schema of table ORDERS-77 changed.";
const NUDGE: &str = "[session-bridge wake ";

/// Where nobody is asked, the host holds what strangers write to its inbox socket; our server is its own child.
pub(crate) fn bypass(world: &World) -> CaseResult {
    // The superuser is refused this mode unless the machine is said to be a sandbox.
    world.set_env("IS_SANDBOX", "1");
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    world.edit_json(&world.claude_state(), |state| state["bypassPermissionsModeAccepted"] = true.into())?;
    let tui =
        world.claude().arg("--dangerously-skip-permissions").ready("bypass permissions on").tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("claude-project")?;
    let id = bridge.send("claude-project", BODY)?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let woken = world.model().steps();
    assert_eq!(woken.len(), 2, "one turn of one request");
    assert_eq!((woken[1].count(BODY), woken[1].count(NUDGE)), (1, 1));
    for prompt in witness.of("UserPromptSubmit") {
        assert_eq!(prompt["permission_mode"], "bypassPermissions", "{prompt}");
    }
    Ok(())
}

/// An agent's type without an agent's id is a main session (rule W5).
pub(crate) fn agent(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let folder = world.project().join(".claude/agents");
    std::fs::create_dir_all(&folder)?;
    let text = "---\nname: reviewer\ndescription: Reviews\n---\nYou review.\n";
    std::fs::write(folder.join("reviewer.md"), text)?;
    let tui = world.claude().arg("--agent").arg("reviewer").tui("claude")?;
    bridge.session("claude-project")?;
    let id = bridge.send_quietly("claude-project", BODY)?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);
    let first = world.model().steps().remove(0);
    assert!(first.count(BODY) == 1 && first.holds("You review."));
    bridge.idle("claude-project")?;
    let second = bridge.send("claude-project", "ONE-MORE-THING")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&second, "seen")?;
    for event in witness.events() {
        assert!(event["agent_id"].is_null(), "{event}");
        assert_eq!(event["agent_type"], "reviewer", "{event}");
    }
    Ok(())
}
