//! Two Groks in one folder.

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::LABEL;
use crate::bridge::Bridge;

/// Two windows in one folder, mail for each: each gets its own, once.
pub(crate) fn windows(world: &World) -> CaseResult {
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
