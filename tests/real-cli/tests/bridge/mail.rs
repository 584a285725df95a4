//! Mail that waits for a prompt: framed, once, with true receipts at each step.

use std::sync::mpsc;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, DriverError, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER};

const BODY: &str = "The schema of table ORDERS-77 changed.";

fn assert_framed_once(request: &Request) {
    assert_eq!(request.count(BODY), 1, "the body stands once");
    let told = request.told();
    let piece =
        told.iter().find(|message| message.text.contains(BODY)).map(|m| m.text.clone()).unwrap_or_default();
    let (before, after) = piece.split_once(BODY).unwrap_or_default();
    // Gemini CLI escapes what hooks say.
    let framed = ["<", "&lt;"].iter().any(|open| {
        before.contains(&format!("{open}peer-message-")) && after.contains(&format!("{open}/peer-message-"))
    });
    assert!(framed, "framed: {piece}");
    assert!(before.contains("via=\"command line\""), "the reader is told how it was sent: {piece}");
}

/// Mail that a session with an open window gets with its next prompt. `tui` has had its first turn.
pub(crate) fn next_prompt(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str) -> CaseResult {
    let id = bridge.send_quietly(label, BODY)?;
    assert_eq!(bridge.states(&id)?, ["stored"]);

    // While the model works on the prompt nothing is proven; once it called a tool, everything is.
    let (asked, asks) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let hold = move |_: &Request| {
        let _ = asked.send(());
        let _ = gone.recv_timeout(PATIENCE);
        Turn::mcp(SERVER, "bridge_whoami", &json!({}))
    };
    world.model().script([Turn::with(hold), Turn::text("SECOND-ANSWER"), Turn::text("THIRD-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"], "written proves nothing about the host");
    go.send(())?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    let states = bridge.wait_for_state(&id, "seen")?;
    assert_eq!(states, ["stored", "offered", "injected", "seen"]);

    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    for request in world.model().steps_with("PROMPT-TWO") {
        assert_framed_once(&request);
    }
    assert_eq!(world.model().steps_with("PROMPT-THREE").len(), 1);
    Ok(())
}

pub(crate) fn claude_tui(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    next_prompt(world, &bridge, &tui, "claude-project")
}

pub(crate) fn codex_tui(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    // Codex runs no hook before the first turn: its server is there, and nobody knows which session it serves.
    let unbound = |count| {
        let look = || {
            Some(bridge.json(&["list-sessions"]).ok()?["unbound"].as_array()?.len() == count).filter(|is| *is)
        };
        wait_until(&format!("{count} servers without a session"), PATIENCE, look)
    };
    unbound(1)?;
    assert!(bridge.sessions()?.is_empty());
    world.model().script([Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.session("codex-project")?;
    unbound(0)?;
    next_prompt(world, &bridge, &tui, "codex-project")
}

pub(crate) fn gemini_tui(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.gemini().tui("gemini")?;
    bridge.session("gemini-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    next_prompt(world, &bridge, &tui, "gemini-project")
}

/// An ended session keeps its inbox; whoever resumes it finds the mail in the first request, and not in the second.
pub(crate) fn resumed(
    world: &World,
    bridge: &Bridge<'_>,
    label: &str,
    run: impl Fn(&str, &str) -> CaseResult,
) -> CaseResult {
    let session = bridge.session(label)?;
    let ended =
        || bridge.sessions().ok()?.into_iter().find(|s| s["label"] == label && s["presence"] == "ended");
    wait_until("the end of the first run", PATIENCE, ended)?;
    let id = bridge.send(session["session"].as_str().unwrap_or_default(), BODY)?;
    let native = session["native"].as_str().unwrap_or_default();
    run(native, "PROMPT-TWO")?;
    run(native, "PROMPT-THREE")?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered", "injected", "seen"]);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert!(!steps[0].contains(BODY));
    for request in &steps[1..] {
        assert_framed_once(request);
    }
    let resumed = bridge.sessions()?;
    assert_eq!(resumed.len(), 1, "resuming is the same session: {resumed:?}");
    Ok(())
}

pub(crate) fn claude_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.claude().print("PROMPT-ONE")?.success()?;
    resumed(world, &bridge, "claude-project", |native, prompt| {
        world.claude().arg("--resume").arg(native).print(prompt)?.success()?;
        Ok(())
    })
}

pub(crate) fn codex_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.codex().exec("PROMPT-ONE")?.success()?;
    resumed(world, &bridge, "codex-project", |native, prompt| {
        world.codex().resume(native, prompt)?.success()?;
        Ok(())
    })
}

pub(crate) fn gemini_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.gemini().print("PROMPT-ONE")?.success()?;
    resumed(world, &bridge, "gemini-project", |native, prompt| {
        world.gemini().arg("--resume").arg(native).print(prompt)?.success()?;
        Ok(())
    })
}

pub(crate) fn claude_clear(world: &World) -> CaseResult {
    cleared(world, |world| world.claude().tui("claude"), "claude-project")
}

pub(crate) fn gemini_clear(world: &World) -> CaseResult {
    cleared(world, |world| world.gemini().tui("gemini"), "gemini-project")
}

/// Where hook and server share the process, `/clear` goes on as the same session in a new conversation.
fn cleared(
    world: &World,
    open: impl for<'w> Fn(&'w World) -> Result<Tui<'w>, DriverError>,
    label: &str,
) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = open(world)?;
    let before = bridge.session(label)?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.prompt("/clear")?;
    let moved = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["session"] == before["session"] && s["native"] != before["native"])
    };
    let after = wait_until("the session to go on under a new native id", PATIENCE, moved)?;
    assert_eq!((&after["label"], &after["conversation"]), (&before["label"], &json!(2)));
    assert_eq!(bridge.sessions()?.len(), 1);
    let id = bridge.send_quietly(label, BODY)?;
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert_framed_once(&world.model().steps_with("PROMPT-TWO")[0]);
    bridge.wait_for_state(&id, "seen")?;
    Ok(())
}
