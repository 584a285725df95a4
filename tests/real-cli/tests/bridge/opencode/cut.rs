//! Turns that do not go their whole way, and events that are not the session's own: nothing is claimed for them.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::{Block, ToolCall, Turn};
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{BODY, LABEL, WHOLE_WAY, at_rest, greet, run, shell};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{held, while_running};

/// The heading above references.
const REFERENCES: &str = "These may already stand above";

/// A prompt typed in mid-turn is given to the model with its next step. Calls that were under way prove nothing of its
/// mail, though they end after it.
pub(super) fn joined(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let (next, next_asks, next_go) = held(Turn::text("ALL-DONE"));
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    world.model().script_for("PROMPT-TWO", [shell(command), next]);
    tui.prompt("PROMPT-TWO")?;
    let running = world.project().join("running");
    wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    tui.prompt("MEANWHILE")?;
    bridge.wait_for_state(&id, "offered")?;
    fs::write(world.project().join("go"), "")?;
    next_asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"], "the call was made before the prompt");
    next_go.send(())?;
    tui.wait_for_answer("ALL-DONE")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, WHOLE_WAY);
    let steps = world.model().steps();
    assert_eq!((steps.len(), steps[2].count(BODY)), (3, 1), "one turn");
    Ok(())
}

/// Esc leaves prompt and part in opencode's conversation, and no answer: the receipt says that nobody can tell, and the next
/// prompt names the mail once.
pub(super) fn escaped(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    let (lost, asked, go) = held(Turn::text("NOBODY-READS-THIS"));
    world.model().script_for("PROMPT-TWO", [lost, Turn::text("THIRD-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    asked.recv_timeout(PATIENCE)?;
    // Once asks, twice cuts; a third would open something else.
    tui.press("Escape")?;
    tui.wait_for("again to interrupt")?;
    tui.press("Escape")?;
    tui.wait_for("· interrupted")?;
    go.send(())?;
    at_rest(&bridge, LABEL)?;
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    at_rest(&bridge, LABEL)?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"]);
    let request = world.model().steps_with("PROMPT-THREE").pop().ok_or("no request")?;
    assert_eq!((request.count(BODY), request.count(REFERENCES)), (1, 1), "the part stayed");
    assert!(request.contains(&id));
    Ok(())
}

/// A subagent is a session with a parent. Its prompt and its calls bring no mail, and the bridge's tools refuse it.
pub(super) fn subagent(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let task = json!({"description": "look", "prompt": "SUBAGENT-WORK", "subagent_type": "general"});
    let wait = "touch running; until [ -e go ]; do sleep 0.1; done; echo SUB-RESULT";
    let calls = [
        Block::Tool(ToolCall {
            server: None,
            name: "bash".into(),
            arguments: json!({"command": wait, "description": "wait"}),
        }),
        Block::Tool(ToolCall {
            server: Some(SERVER.into()),
            name: "bridge_list_inbox".into(),
            arguments: json!({}),
        }),
    ];
    world.model().script([
        Turn::tool("task", &task),
        Turn::blocks(calls),
        Turn::with(|request| {
            assert!(request.contains("subagent_has_no_inbox"), "its calls are refused");
            Turn::text("SUBAGENT-DONE")
        }),
        Turn::text("ALL-DONE"),
    ]);
    let mut id = String::new();
    while_running(world, &run, || {
        let running = world.project().join("running");
        wait_until("the subagent's command to run", 3 * PATIENCE, || running.exists().then_some(()))?;
        id = bridge.send(LABEL, BODY)?;
        fs::write(world.project().join("go"), "")?;
        Ok(())
    })?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, WHOLE_WAY);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 4);
    assert!(steps[2].contains("SUB-RESULT") && !steps[2].contains(BODY), "the subagent reads no mail");
    assert_eq!(steps[3].count(BODY), 1, "it stands beside the result of the subagent's work");
    assert_eq!(bridge.sessions()?.len(), 1, "a subagent is no session of ours");
    Ok(())
}
