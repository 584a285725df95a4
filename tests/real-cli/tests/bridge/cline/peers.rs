//! Cline among others: it asks, is asked, and shares a folder with its like.

use session_bridge_real_cli::{CaseResult, World};

use super::LABEL;
use crate::apart::exchange;
use crate::bridge::Bridge;
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

pub(crate) fn apart(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.cline().tui("one")?;
    bridge.session(LABEL)?;
    let two = world.cline().tui("two")?;
    bridge.session("cline-project-2")?;
    exchange(world, &bridge, &[(one, LABEL), (two, "cline-project-2")])
}
