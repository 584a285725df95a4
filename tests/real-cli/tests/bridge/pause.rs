//! A bridge that is turned off: nothing reaches the session, its turns are as if we were not there; afterwards mail comes.
//! And a peer that is muted: its mail waits for a person's prompt.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tui, World};

use crate::bridge::{Bridge, PATIENCE, SERVER};

const BODY: &str = "The schema of table ORDERS-78 changed.";
const NUDGE: &str = "[session-bridge wake ";
/// How long nothing must happen to count as nothing: longer than any gathering and cooldown.
const QUIET: Duration = Duration::from_secs(10);

pub(crate) fn claude(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("claude-project")?;
    pauses(world, &bridge, &tui, "claude-project", "claude-code")
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("codex-project")?;
    pauses(world, &bridge, &tui, "codex-project", "codex")
}

/// An idle session's provider is paused; it gets mail, its user works on, and the pause ends.
fn pauses(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str, provider: &str) -> CaseResult {
    let changed = bridge.json(&["off", "--provider", provider])?;
    assert_eq!(changed["changes"][0]["changed"], true, "{changed}");
    let sent = bridge.json(&["send-message", label, BODY])?;
    assert_eq!(sent["recipients"][0]["paused"], "provider", "the sender is told: {sent}");
    let id = sent["id"].as_str().ok_or("no id")?;
    let began = world.model().steps().len();
    let until = Instant::now() + QUIET;
    while Instant::now() < until {
        assert_eq!(world.model().steps().len(), began, "it was woken: {}", tui.screen());
        thread::sleep(Duration::from_millis(200));
    }

    world.model().script([Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 1, "one turn of one request");
    let step = steps.last().ok_or("no step")?;
    assert_eq!((step.count("PROMPT-TWO"), step.count(BODY), step.count(NUDGE)), (1, 0, 0));
    let receipt = bridge.json(&["receipts", id])?["receipts"][0].clone();
    assert_eq!((&receipt["state"], receipt["steps"].as_array().map(Vec::len)), (&"stored".into(), Some(1)));
    assert!(receipt["remark"].as_str().is_some_and(|why| why.contains("paused")), "{receipt}");

    bridge.idle(label)?;
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let changed = bridge.json(&["on", "--provider", provider])?;
    assert_eq!(changed["paused"].as_array().map(Vec::len), Some(0), "{changed}");
    let came = world.model().wait_for(PATIENCE, |steps| steps.iter().any(|step| step.contains(BODY)));
    assert!(came, "what waited starts a turn: {}", tui.screen());
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 2, "once");
    let last = steps.last().ok_or("no step")?;
    assert_eq!((last.count(BODY), last.count(NUDGE)), (1, 1));
    let receipt = bridge.json(&["receipts", id])?["receipts"][0].clone();
    assert!(receipt["remark"].is_null(), "{receipt}");
    Ok(())
}

pub(crate) fn claude_muted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["PEER", "FIRST-ANSWER"].map(Turn::text));
    world.codex().exec("PEER-PROMPT")?.success()?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("claude-project")?;
    muted(world, &bridge, &tui, "claude-project", "codex-project")
}

pub(crate) fn codex_muted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["PEER", "FIRST-ANSWER"].map(Turn::text));
    world.claude().print("PEER-PROMPT")?.success()?;
    let tui = world.codex().tui("codex")?;
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("codex-project")?;
    muted(world, &bridge, &tui, "codex-project", "claude-project")
}

/// A muted peer, whose run is over, writes to an idle session, and again while it works.
fn muted(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str, peer: &str) -> CaseResult {
    let peer = bridge.session(peer)?["session"].as_str().ok_or("no id")?.to_owned();
    bridge.run(&["mute", &peer])?;
    let send = |body: &str| -> Result<String, Box<dyn std::error::Error>> {
        let sent = bridge.json(&["send-message", label, body, "--as", &peer])?;
        Ok(sent["id"].as_str().ok_or("no id")?.to_owned())
    };
    let began = world.model().steps().len();
    let first = send("MUTED-ONE")?;
    let until = Instant::now() + QUIET;
    while Instant::now() < until {
        assert_eq!(world.model().steps().len(), began, "it was woken: {}", tui.screen());
        thread::sleep(Duration::from_millis(200));
    }

    let (asked, asks) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let hold = move |_: &Request| {
        let _ = asked.send(());
        let _ = gone.recv_timeout(PATIENCE);
        Turn::mcp(SERVER, "bridge_list_sessions", &json!({}))
    };
    let answers = ["SECOND-ANSWER", "THIRD-ANSWER"].map(Turn::text);
    world.model().script([Turn::with(hold)].into_iter().chain(answers));
    tui.prompt("PROMPT-TWO")?;
    asks.recv_timeout(PATIENCE)?;
    let second = send("MUTED-TWO")?;
    go.send(())?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    bridge.wait_for_state(&first, "seen")?;
    assert_eq!(bridge.states(&second)?, ["stored"]);
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 2, "neither woken nor prolonged: {}", tui.screen());
    for step in &steps[began..] {
        assert_eq!((step.count("MUTED-ONE"), step.count("MUTED-TWO")), (1, 0), "with the prompt alone");
    }

    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    bridge.wait_for_state(&second, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 3);
    assert_eq!(steps.last().ok_or("no step")?.count("MUTED-TWO"), 1);
    Ok(())
}
