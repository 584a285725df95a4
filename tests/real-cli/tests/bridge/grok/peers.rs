//! Grok Build and others, or another Grok.

use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, World};

use super::{LABEL, run};
use crate::bridge::{Bridge, PATIENCE};
use crate::questions::{answers, asks, assert_ledger};

pub(crate) fn grok_asks_claude(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    answers(world, "BE-THE-BACKEND");
    asks(world, "BE-THE-FRONTEND", "claude-project");
    let claude = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    claude.prompt("BE-THE-BACKEND")?;
    // What comes with the prompt itself, nobody would wait for.
    let works = |steps: &[Request]| steps.iter().any(|step| step.contains("BE-THE-BACKEND"));
    assert!(world.model().wait_for(PATIENCE, works), "claude got its prompt");
    let run = run(world, "BE-THE-FRONTEND")?.success()?;
    assert!(run.stdout.contains("ASKER-GOT-THE-ANSWER"), "{}", run.stdout);
    claude.wait_for_answer("ANSWERED")?;
    assert_ledger(world, &bridge, "BE-THE-FRONTEND", "seen")
}

pub(crate) fn codex_asks_grok(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    answers(world, "BE-THE-BACKEND");
    asks(world, "BE-THE-FRONTEND", LABEL);
    let grok = world.grok().tui("grok")?;
    bridge.session(LABEL)?;
    grok.prompt("BE-THE-BACKEND")?;
    let run = world.codex().exec("BE-THE-FRONTEND")?.success()?;
    assert!(run.stdout.contains("ASKER-GOT-THE-ANSWER"), "{}", run.stdout);
    grok.wait_for("ANSWERED")?;
    assert_ledger(world, &bridge, "BE-THE-FRONTEND", "seen")
}

/// Two windows in one folder, mail for each: each gets its own, once.
pub(crate) fn apart(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.grok().unasked().tui("one")?;
    bridge.session(LABEL)?;
    let two = world.grok().unasked().tui("two")?;
    bridge.session("grok-project-2")?;
    let mut sent = Vec::new();
    for round in 0..3 {
        for (tui, label) in [(&one, LABEL), (&two, "grok-project-2")] {
            sent.push(bridge.send(label, &format!("MAIL-{label}-{round}-END"))?);
            let (prompt, answer) =
                (format!("ROUND-{round}-OF-{label}-NOW"), format!("HEARD-{round}-{label}-OK"));
            let said = prompt.clone();
            // The mail makes the turn go on.
            world.model().script_when(
                move |request| request.contains(&said),
                [Turn::text("A-MOMENT"), Turn::text(&answer)],
            );
            tui.prompt(&prompt)?;
            tui.wait_for(&answer)?;
            bridge.wait_for_state(sent.last().ok_or("nothing sent")?, "seen")?;
        }
    }
    for (whose, other) in [(LABEL, "grok-project-2"), ("grok-project-2", LABEL)] {
        let last = world.model().steps_with(&format!("ROUND-2-OF-{whose}-NOW")).pop().ok_or("no request")?;
        for round in 0..3 {
            assert_eq!(last.count(&format!("MAIL-{whose}-{round}-END")), 1);
            assert_eq!(last.count(&format!("MAIL-{other}-{round}-END")), 0);
        }
    }
    Ok(())
}
