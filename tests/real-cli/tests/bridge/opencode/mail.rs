//! Mail in the request of the next prompt or beside a tool's result, and questions both ways.

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::{LABEL, WHOLE_WAY, greet, run, shell};
use crate::bridge::Bridge;
use crate::{mail, start, surfaces};

/// A session's start comes with its first prompt, and says who the session is.
pub(crate) fn start(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("HEADLESS-ANSWER")]);
    run(world, "hello")?.success()?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "AND-AGAIN", LABEL)?;
    world.model().script([Turn::text("ONCE-MORE-ANSWER")]);
    tui.prompt("ONCE-MORE")?;
    tui.wait_for_answer("ONCE-MORE-ANSWER")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    for request in &steps {
        start::assert_introduced(request);
        assert_eq!(request.count("session-bridge: this session is"), 1, "it is said once");
    }
    Ok(())
}

pub(crate) fn prompt(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.opencode().tui("opencode")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    mail::next_prompt(world, &bridge, &tui, LABEL)
}

pub(super) fn resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    run(world, "PROMPT-ONE")?.success()?;
    mail::resumed(world, &bridge, LABEL, |native, prompt| {
        world.opencode().arg("-s").arg(native).print(prompt)?.success()?;
        Ok(())
    })
}

pub(super) fn mid_turn(world: &World) -> CaseResult {
    surfaces::mid_turn(world, LABEL, &run, &shell, "seen", &WHOLE_WAY)
}
