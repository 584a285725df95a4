//! Codex without its daemon: the window's own process runs hooks and servers, and polls its queue.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{REFERENCES, WHOLE_WAY, assert_doubted, at_rest, greet, presence, shell, steps, unasked};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::held;

const LABEL: &str = "codex-project";
const DRAFT: &str = "half a thought of DRAFT-5";

/// Each surface once, the door, and the end.
pub(crate) fn works(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = unasked(world).arg("--no-daemon").tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;

    let with_prompt = bridge.send_quietly(LABEL, "MAIL-WITH-THE-PROMPT")?;
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    let (last, last_asks, last_go) = held(Turn::text("SECOND-ANSWER"));
    let identity = Turn::mcp(SERVER, "bridge_whoami", &json!({}));
    world.model().script([identity, shell(command), last, Turn::text("THIRD-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    let running = world.project().join("running");
    wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
    let mid_turn = bridge.send(LABEL, "MAIL-IN-MID-TURN")?;
    fs::write(world.project().join("go"), "")?;
    last_asks.recv_timeout(PATIENCE)?;
    let at_end = bridge.send(LABEL, "MAIL-AT-THE-END")?;
    last_go.send(())?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    for (id, surface) in [(&with_prompt, "prompt"), (&mid_turn, "after-tool"), (&at_end, "turn-end")] {
        assert_eq!(bridge.wait_for_state(id, "seen")?, WHOLE_WAY);
        assert!(steps(&bridge, id)?[1..].iter().all(|step| step.ends_with(surface)));
    }
    let asked = world.model().steps_with("PROMPT-TWO");
    let counts = |body: &str| asked.iter().map(|request| request.count(body)).collect::<Vec<_>>();
    assert_eq!(counts("MAIL-WITH-THE-PROMPT"), [1, 1, 1, 1]);
    assert_eq!(counts("MAIL-IN-MID-TURN"), [0, 0, 1, 1]);
    assert_eq!(counts("MAIL-AT-THE-END"), [0, 0, 0, 1]);
    assert!(asked[1].last_tool_result().is_some_and(|told| told.contains(LABEL)), "it knows who it is");

    // Nobody pushes: the window looks at its queue every few seconds.
    at_rest(&bridge, LABEL)?;
    tui.type_text(DRAFT)?;
    tui.wait_for(DRAFT)?;
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let woke = bridge.send(LABEL, "MAIL-WHILE-IDLE")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    assert!(tui.shows(DRAFT), "what was typed stays: {}", tui.screen());
    bridge.wait_for_state(&woke, "seen")?;
    let way = ["stored", "offered codex-queue", "offered prompt", "injected prompt", "seen prompt"];
    assert_eq!(steps(&bridge, &woke)?, way);
    assert_eq!(world.model().steps().len(), 6, "the wake is one request");

    // Its process ends with its window, and so does the session: what comes later waits, and nothing is queued for it.
    tui.press("C-c")?;
    wait_until("an empty prompt", PATIENCE, || (!tui.shows(DRAFT)).then_some(()))?;
    tui.prompt("/quit")?;
    tui.wait_closed()?;
    let ended = presence(&bridge, LABEL, "ended")?;
    assert_eq!(ended["end_reason"], "its host ended it");
    let late = bridge.send(session["session"].as_str().unwrap_or_default(), "MAIL-TOO-LATE")?;
    assert_eq!(steps(&bridge, &late)?, ["stored"]);
    Ok(())
}

/// The window is closed while the model works. Nobody can tell whether it read the mail; whoever resumes the thread is
/// referred to it, once.
pub(crate) fn closed_at_work(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().arg("--no-daemon").tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let id = bridge.send_quietly(LABEL, "MAIL-AT-WORK")?;
    let (turn, asks, go) = held(Turn::text("NEVER-READ"));
    world.model().script([turn]);
    tui.prompt("PROMPT-TWO")?;
    asks.recv_timeout(PATIENCE)?;
    tui.close()?;
    presence(&bridge, LABEL, "ended")?;
    drop(go);
    assert_doubted(&bridge, &id)?;

    world.model().script(["THIRD-ANSWER", "FOURTH-ANSWER"].map(Turn::text));
    let native = session["native"].as_str().unwrap_or_default();
    world.codex().resume(native, "PROMPT-THREE")?.success()?;
    world.codex().resume(native, "PROMPT-FOUR")?.success()?;
    let asked = world.model().steps();
    for request in &asked[2..] {
        assert_eq!((request.count("MAIL-AT-WORK"), request.count(REFERENCES)), (1, 1));
    }
    assert_doubted(&bridge, &id)?;
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered prompt"]);
    Ok(())
}
