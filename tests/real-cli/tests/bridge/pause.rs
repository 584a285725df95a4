//! A bridge that is turned off: nothing reaches the session, its turns are as if we were not there; afterwards mail comes.

use std::thread;
use std::time::{Duration, Instant};

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World};

use crate::bridge::{Bridge, PATIENCE};

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
    pauses(world, &bridge, &tui, "claude-project", "claude-code")
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.session("codex-project")?;
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
