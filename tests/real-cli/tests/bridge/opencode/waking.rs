//! Idle windows are prompted by our plugin in them, learning of mail from the bell.

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{BODY, LABEL, at_rest, greet, run};
use crate::bridge::{Bridge, PATIENCE};
use crate::surfaces::{held, while_running};
use crate::wake;

pub(super) fn bursts(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    wake::wakes(world, &bridge, &tui, LABEL)
}

/// Mail that came while the model wrote its last words, with no tool call after it. A window wakes at once; `opencode run`
/// ends with its turn, and the mail waits.
pub(super) fn at_the_end(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let (last, asked, go) = held(Turn::text("LAST-WORDS"));
    world.model().script_for("PROMPT-TWO", [last, Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    asked.recv_timeout(PATIENCE)?;
    let id = bridge.send(LABEL, BODY)?;
    go.send(())?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert!(!steps[1].contains(BODY) && steps[2].count(BODY) == 1);
    tui.close()?;

    let (only, asked, go) = held(Turn::text("HEADLESS-ANSWER"));
    world.model().script_for("PROMPT-ONE", [only]);
    wait_until("the window's end", PATIENCE, || {
        bridge.sessions().ok()?.iter().all(|session| session["presence"] == "ended").then_some(())
    })?;
    let mut late = String::new();
    while_running(world, &run, || {
        asked.recv_timeout(PATIENCE)?;
        late = bridge.send(LABEL, "LATE-MAIL")?;
        go.send(())?;
        Ok(())
    })?;
    assert_eq!(bridge.states(&late)?, ["stored"]);
    assert_eq!(world.model().steps().len(), 4);
    Ok(())
}

/// A resumed window is known at its first prompt. Woken, it goes on as the agent that it was: `plan` may not edit.
pub(super) fn resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("HEADLESS-ANSWER")]);
    run(world, "PROMPT-ONE")?.success()?;
    let native = bridge.session(LABEL)?["native"].as_str().unwrap_or_default().to_owned();
    let tui = world.opencode().arg("-s").arg(&native).arg("--agent").arg("plan").tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-TWO", LABEL)?;
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let id = bridge.send(LABEL, BODY)?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    at_rest(&bridge, LABEL)?;
    let steps = world.model().steps();
    assert_eq!((steps.len(), steps[2].count(BODY)), (3, 1));
    assert_eq!(steps[2].tools(), steps[1].tools(), "the same agent with the same tools");
    assert_eq!(bridge.sessions()?.len(), 1, "resuming is the same session");
    Ok(())
}
