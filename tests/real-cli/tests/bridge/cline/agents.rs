//! Agents that a session starts: their events come to the same plugin, and none of their mail is theirs.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::LABEL;
use crate::bridge::{Bridge, PATIENCE};
use crate::surfaces::while_running;

const BODY: &str = "The schema of table ORDERS-77 changed.";

/// Mail comes while an agent works; it goes out beside the result of the agent's work, to the session.
pub(crate) fn read_nothing(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let shell = |name: &str| {
        let command = format!("touch running-{name}; until [ -e go-{name} ]; do sleep 0.1; done; echo DONE");
        Turn::tool("run_commands", &json!({"commands": [command]}))
    };
    world.model().script_for("WORK-OF-A-SUBAGENT", [shell("sub"), Turn::text("SUB-DONE")]);
    world.model().script_for("WORK-OF-A-MATE", [shell("mate"), Turn::text("MATE-DONE")]);
    world.model().script([
        Turn::tool("spawn_agent", &json!({"systemPrompt": "You help.", "task": "WORK-OF-A-SUBAGENT"})),
        Turn::tool("team_spawn_teammate", &json!({"agentId": "mate", "rolePrompt": "You help."})),
        Turn::tool("team_run_task", &json!({"agentId": "mate", "task": "WORK-OF-A-MATE"})),
        Turn::text("ALL-DONE"),
    ]);
    let mut ids = Vec::new();
    let run = |world: &World, prompt: &str| world.cline().print(&format!("{prompt} of mine"));
    while_running(world, &run, || {
        for name in ["sub", "mate"] {
            let running = world.project().join(format!("running-{name}"));
            wait_until("the agent's command to run", PATIENCE, || running.exists().then_some(()))?;
            ids.push(bridge.send(LABEL, &format!("{BODY} Says {name}."))?);
            fs::write(world.project().join(format!("go-{name}")), "")?;
        }
        Ok(())
    })?;
    for id in ids {
        bridge.wait_for_state(&id, "seen")?;
    }
    for request in world.model().steps() {
        let agents = ["SUB-DONE", "MATE-DONE"].iter().any(|done| request.contains(done));
        let own = request.contains("PROMPT-ONE");
        assert!(own || !request.contains(BODY), "an agent was given mail");
        if own && agents {
            assert_eq!(request.count("Says sub."), 1);
        }
    }
    assert_eq!(bridge.sessions()?.len(), 1, "agents are no sessions");
    Ok(())
}
