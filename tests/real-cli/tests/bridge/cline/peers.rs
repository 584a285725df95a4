//! Cline among others: it asks, is asked, and shares a folder with its like.

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::LABEL;
use crate::apart::exchange;
use crate::bridge::{Bridge, SERVER};
use crate::questions::{answers, asks, assert_ledger};

pub(crate) fn cline_asks_claude(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    answers(world, "BE-THE-BACKEND");
    asks(world, "BE-THE-FRONTEND", "claude-project");
    let claude = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    claude.prompt("BE-THE-BACKEND")?;
    let run = world.cline().print("BE-THE-FRONTEND of mine")?.success()?;
    assert!(run.stdout.contains("ASKER-GOT-THE-ANSWER"), "{}", run.stdout);
    claude.wait_for_answer("ANSWERED")?;
    assert_ledger(world, &bridge, "BE-THE-FRONTEND", "seen")
}

pub(crate) fn codex_asks_cline(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    answers(world, "BE-THE-BACKEND");
    asks(world, "BE-THE-FRONTEND", LABEL);
    let cline = world.cline().tui("cline")?;
    bridge.session(LABEL)?;
    cline.prompt("BE-THE-BACKEND of mine")?;
    let run = world.codex().exec("BE-THE-FRONTEND")?.success()?;
    assert!(run.stdout.contains("ASKER-GOT-THE-ANSWER"), "{}", run.stdout);
    cline.wait_for_answer("ANSWERED")?;
    assert_ledger(world, &bridge, "BE-THE-FRONTEND", "seen")
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

pub(crate) fn apart(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.cline().tui("one")?;
    bridge.session(LABEL)?;
    let two = world.cline().tui("two")?;
    bridge.session("cline-project-2")?;
    exchange(world, &bridge, &[(one, LABEL), (two, "cline-project-2")])
}
