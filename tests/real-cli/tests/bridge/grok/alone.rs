//! One session: what its model is told, and when mail reaches it.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{LABEL, run, shell};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{self, BODY, SEEN, held, while_running};

/// The first request says who the session is and which tools there are; a search finds them, and a call needs no leave
/// once that was given.
pub(crate) fn told(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([
        Turn::tool("search_tool", &json!({"query": "ask another agent session"})),
        Turn::mcp(SERVER, "bridge_whoami", &json!({})),
        Turn::text("ALL-DONE"),
    ]);
    let run = world.grok().print("PROMPT-ONE")?.success()?;
    assert!(run.stdout.contains("ALL-DONE"), "{}", run.stdout);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert!(steps[0].offers(SERVER, "bridge_ask"));
    for word in
        ["This session is `grok-project`", "`session-bridge__`", " bridge_ask(to?, ", " bridge_reply("]
    {
        assert_eq!(steps[0].count(word), 1, "{word}");
    }
    let found = steps[1].last_tool_result().unwrap_or_default();
    assert!(found.contains("session-bridge__bridge_ask"), "{found}");
    let who = steps[2].last_tool_result().unwrap_or_default();
    assert!(who.contains(LABEL), "{who}");
    assert_eq!(bridge.sessions()?.len(), 1);
    Ok(())
}

pub(crate) fn mid_turn(world: &World) -> CaseResult {
    surfaces::mid_turn(world, LABEL, &run, &shell, "offered", &SEEN)
}

pub(crate) fn turn_end(world: &World) -> CaseResult {
    surfaces::turn_end(world, LABEL, &run)
}

fn assert_framed_once(request: &Request) {
    assert_eq!(request.count(BODY), 1, "the body stands once");
    let told = request.told();
    let piece = told.iter().find(|m| m.text.contains(BODY)).map(|m| m.text.as_str()).unwrap_or_default();
    let (before, after) = piece.split_once(BODY).unwrap_or_default();
    assert!(before.contains("<peer-message-") && after.contains("</peer-message-"), "framed: {piece}");
}

/// The host ignores what hooks say with a prompt: mail that waited comes with the first tool, and not once more. A status
/// comes so as well.
pub(crate) fn waited(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.grok().unasked().tui("grok")?;
    bridge.session(LABEL)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    let (last, asks, go) = held(Turn::text("FIRST-ANSWER"));
    world.model().script([shell("echo TOOL-RESULT"), last, Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"], "written proves nothing about the host");
    go.send(())?;
    tui.wait_for("FIRST-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, SEEN);
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for("SECOND-ANSWER")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3, "nothing made the turn go on");
    assert!(!steps[0].contains(BODY), "a prompt carries no mail here");
    steps[1..].iter().for_each(assert_framed_once);
    Ok(())
}

/// The end of a turn and the prompt of the next are not heard, since the hook is gone meanwhile: the second turn's end names
/// another prompt, and proves nothing of the first.
pub(crate) fn unheard(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.grok().unasked().tui("grok")?;
    bridge.session(LABEL)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    let (first, first_asks, first_go) = held(Turn::text("FIRST-ANSWER"));
    let (second, second_asks, second_go) = held(Turn::text("SECOND-ANSWER"));
    world.model().script([shell("echo TOOL-RESULT"), first, second]);
    tui.prompt("PROMPT-ONE")?;
    first_asks.recv_timeout(PATIENCE)?;
    let hook = world.home().join(".session-bridge/bin/session-bridge-hook");
    let away = hook.with_extension("away");
    fs::rename(&hook, &away)?;
    first_go.send(())?;
    tui.wait_for("FIRST-ANSWER")?;
    tui.prompt("PROMPT-TWO")?;
    second_asks.recv_timeout(PATIENCE)?;
    fs::rename(&away, &hook)?;
    second_go.send(())?;
    tui.wait_for("SECOND-ANSWER")?;
    bridge.idle(LABEL)?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"]);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3, "what is in doubt makes no turn go on");
    Ok(())
}

/// An ended session keeps its inbox and its id.
pub(crate) fn resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("A"), Turn::text("B"), Turn::text("C"), Turn::text("D")]);
    run(world, "PROMPT-ONE")?.success()?;
    let ended = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["label"] == LABEL && s["presence"] == "ended")
    };
    let session = wait_until("the end of the first run", PATIENCE, ended)?;
    let id = bridge.send(session["session"].as_str().unwrap_or_default(), BODY)?;
    let native = session["native"].as_str().unwrap_or_default().to_owned();
    let resume = |prompt: &str| world.grok().unasked().arg("--resume").arg(&native).print(prompt);
    resume("PROMPT-TWO")?.success()?;
    resume("PROMPT-THREE")?.success()?;
    assert_eq!(bridge.states(&id)?, SEEN);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 4, "the mail made the second turn go on");
    assert!(!steps[1].contains(BODY));
    steps[2..].iter().for_each(assert_framed_once);
    let after = bridge.sessions()?;
    assert_eq!(after.len(), 1, "resuming is the same session: {after:?}");
    Ok(())
}

/// A subagent has events and tools of its own beside its session's. Mail that comes while both work is the session's.
pub(crate) fn subagent(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let prompt = json!({"description": "sub", "prompt": "SUB-TASK", "subagent_type": "general-purpose"});
    let main = "until [ -e sub-ended ]; do sleep 0.1; done; echo MAIN-RESULT";
    let sub = "touch running; until [ -e go ]; do sleep 0.1; done; echo SUB-RESULT";
    let by_sub = |request: &Request| request.contains("SUB-TASK") && !request.contains("PROMPT-ONE");
    world.model().script_when(
        by_sub,
        [
            shell(sub),
            Turn::with(|request| {
                assert!(request.contains("SUB-RESULT"));
                shell("touch sub-ended")
            }),
            Turn::text("SUB-DONE"),
        ],
    );
    world.model().script_for(
        "PROMPT-ONE",
        [
            Turn::tool("spawn_subagent", &prompt),
            shell(main),
            Turn::text("MAIN-DONE"),
            Turn::text("AFTER-THE-SUBAGENT"),
        ],
    );
    let mut id = String::new();
    while_running(world, &run, || {
        let running = world.project().join("running");
        wait_until("the subagent's command to run", PATIENCE, || running.exists().then_some(()))?;
        id = bridge.send(LABEL, BODY)?;
        fs::write(world.project().join("go"), "")?;
        Ok(())
    })?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, SEEN);
    let subs: Vec<_> = world.model().steps().into_iter().filter(by_sub).collect();
    assert_eq!(subs.len(), 3);
    assert!(subs.iter().all(|request| !request.contains(BODY)), "the subagent reads no mail");
    let told = world.model().steps_with("MAIN-RESULT");
    assert!(!told.is_empty());
    told.iter().for_each(assert_framed_once);
    assert_eq!(bridge.sessions()?.len(), 1, "a subagent is no session");
    Ok(())
}
