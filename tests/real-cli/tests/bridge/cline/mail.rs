//! Where mail reaches Cline's model, and what proves that it did.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{LABEL, WHOLE_WAY};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{held, while_running};
use crate::wake;

const BODY: &str = "The schema of table ORDERS-77 changed.";

pub(crate) fn tools(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("KNOWN")]);
    world.cline().print("who are you")?.success()?;
    let steps = world.model().steps();
    assert!(steps[0].offers(SERVER, "bridge_send_message"), "{:?}", steps[0].tools());
    // The plugin says in the arguments who calls; the model wrote none.
    let result = steps[1].last_tool_result().ok_or("no result")?;
    assert!(result.contains(LABEL), "{result}");
    assert!(!steps[0].contains("_session_bridge"), "no schema names what the plugin adds");
    let listed = bridge.sessions()?;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["presence"], "ended", "its process is gone: {listed:?}");
    Ok(())
}

pub(crate) fn with_a_prompt(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.cline().tui("cline")?;
    // Listed before its first prompt: the plugin starts with the window.
    bridge.session(LABEL)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE of mine")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, WHOLE_WAY);
    tui.prompt("PROMPT-TWO of mine")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2);
    for request in &steps {
        assert_eq!(request.count(BODY), 1, "once, and it stays in the conversation");
        assert!(request.contains("peer-message-"), "framed");
        assert_eq!(request.count("this session is `cline-project`"), 1, "told once who it is");
    }
    Ok(())
}

pub(crate) fn mid_turn(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    let shell = |command: &str| Turn::tool("run_commands", &json!({"commands": [command]}));
    let (second, second_asks, second_go) = held(shell("echo ANOTHER"));
    let (third, third_asks, third_go) = held(Turn::text("ALL-DONE"));
    world.model().script([shell(command), second, third]);
    let mut id = String::new();
    let run = |world: &World, prompt: &str| world.cline().print(&format!("{prompt} of mine"));
    while_running(world, &run, || {
        let running = world.project().join("running");
        wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
        id = bridge.send(LABEL, BODY)?;
        fs::write(world.project().join("go"), "")?;
        second_asks.recv_timeout(PATIENCE)?;
        assert_eq!(bridge.states(&id)?, WHOLE_WAY[..3], "the request holds it, and nobody answered it yet");
        second_go.send(())?;
        third_asks.recv_timeout(PATIENCE)?;
        assert_eq!(bridge.states(&id)?, WHOLE_WAY, "a tool of the answer ran");
        third_go.send(())?;
        Ok(())
    })?;
    let receipts = bridge.json(&["receipts", &id])?;
    assert_eq!(receipts["receipts"][0]["steps"][2]["surface"], "after-tool", "{receipts}");
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert!(!steps[0].contains(BODY));
    for request in &steps[1..] {
        assert_eq!(request.count(BODY), 1, "the body stands once");
        assert!(request.contains("TOOL-RESULT") && request.contains("peer-message-"));
    }
    Ok(())
}

/// A turn without tools has no place for mail that came meanwhile: its end is followed by a turn of the mail's own.
pub(crate) fn turn_end(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.cline().tui("cline")?;
    bridge.session(LABEL)?;
    let (first, asks, go) = held(Turn::text("FIRST-ANSWER"));
    world.model().script([first, Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE of mine")?;
    asks.recv_timeout(PATIENCE)?;
    let id = bridge.send(LABEL, BODY)?;
    go.send(())?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2, "one turn for the mail");
    assert!(!steps[0].contains(BODY));
    assert_eq!(steps[1].count(BODY), 1);
    Ok(())
}

/// After Esc the request that held the mail was made, and no answer to it is known.
pub(crate) fn interrupted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.cline().tui("cline")?;
    bridge.session(LABEL)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    let (first, asks, _go) = held(Turn::text("NEVER-SEEN"));
    world.model().script([first, Turn::text("NEXT-ANSWER")]);
    tui.prompt("PROMPT-ONE of mine")?;
    asks.recv_timeout(PATIENCE)?;
    bridge.wait_for_state(&id, "injected")?;
    tui.press("Escape")?;
    bridge.idle(LABEL)?;
    assert_eq!(bridge.states(&id)?, WHOLE_WAY[..3], "an aborted run proves no answer");
    tui.prompt("PROMPT-TWO of mine")?;
    tui.wait_for_answer("NEXT-ANSWER")?;
    let last = world.model().steps().pop().ok_or("no step")?;
    assert_eq!(last.count(BODY), 1, "Cline keeps it in the conversation, and nobody repeats it");
    Ok(())
}

pub(crate) fn wakes(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.cline().tui("cline")?;
    bridge.session(LABEL)?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE of mine")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    wake::wakes(world, &bridge, &tui, LABEL)?;
    wake::stays_idle(world, &bridge, LABEL, "PROGRESS-3")?;
    // A nudge whose mail was delivered costs no turn; Cline does not show why.
    let nudge = wake::last_nudge(world)?;
    world.model().script(["DRAFT-ANSWER", "LAST-ANSWER", "TOO-MANY"].map(Turn::text));
    tui.press("Enter")?;
    tui.wait_for_answer("DRAFT-ANSWER")?;
    let steps = world.model().steps();
    assert_eq!(world.model().steps_with("PROGRESS-3").len(), 1, "the status came with the prompt");
    tui.prompt(&nudge)?;
    tui.prompt("PROMPT-LAST of mine")?;
    tui.wait_for_answer("LAST-ANSWER")?;
    assert_eq!(world.model().steps().len(), steps.len() + 1, "{}", tui.screen());
    Ok(())
}

/// Cline gives calls of other servers up after 60 seconds; the entry of ours says otherwise.
pub(crate) fn long_wait(world: &World) -> CaseResult {
    let _bridge = Bridge::installed(world)?;
    world.model().script([
        Turn::mcp(SERVER, "bridge_wait_for_message", &json!({"timeout": 64})),
        Turn::with(|request| {
            let result = request.last_tool_result().unwrap_or_default();
            assert!(result.contains("go on with your work"), "{result}");
            Turn::text("WAITED-IN-VAIN")
        }),
    ]);
    let run = world.cline().print("WAIT-FOR-MAIL of mine")?.success()?;
    assert!(run.stdout.contains("WAITED-IN-VAIN"), "{}", run.stdout);
    Ok(())
}
