//! Two sessions of one CLI in one folder: a hundred messages, none misrouted, none lost, none twice.

use std::collections::BTreeMap;

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World};

use crate::bridge::Bridge;

const ROUNDS: usize = 5;
const EACH: usize = 10;

pub(crate) fn exchange(world: &World, bridge: &Bridge<'_>, windows: &[(Tui<'_>, &str)]) -> CaseResult {
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        for n in 0..EACH {
            for (_, label) in windows {
                ids.push(bridge.send_quietly(label, &format!("MAIL-{label}-{round}-{n}-END"))?);
            }
        }
        for (tui, label) in windows {
            let (prompt, answer) =
                (format!("ROUND-{round}-OF-{label}-NOW"), format!("HEARD-{round}-{label}-OK"));
            let said = prompt.clone();
            world.model().script_when(move |request| request.contains(&said), [Turn::text(&answer)]);
            tui.prompt(&prompt)?;
            tui.wait_for_answer(&answer)?;
            bridge.idle(label)?;
        }
    }
    let native: BTreeMap<String, String> = bridge
        .sessions()?
        .iter()
        .filter_map(|s| Some((s["label"].as_str()?.to_owned(), s["native"].as_str()?.to_owned())))
        .collect();
    for (_, label) in windows {
        let last = format!("ROUND-{}-OF-{label}-NOW", ROUNDS - 1);
        let request = world.model().steps_with(&last).pop().ok_or("no last request")?;
        // Gemini CLI does not say which session a request is of; its mail does.
        if let Some(session) = request.session() {
            assert_eq!(Some(&session), native.get(*label), "the request of {label} is its own");
        }
        for (_, whose) in windows {
            for (round, n) in (0..ROUNDS).flat_map(|round| (0..EACH).map(move |n| (round, n))) {
                let times = request.count(&format!("MAIL-{whose}-{round}-{n}-END"));
                assert_eq!(times, usize::from(whose == label), "mail {round}/{n} of {whose} at {label}");
            }
        }
    }
    assert_eq!(ids.len(), 100);
    for id in ids {
        bridge.wait_for_state(&id, "seen")?;
    }
    Ok(())
}

pub(crate) fn claude(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.claude().tui("one")?;
    bridge.session("claude-project")?;
    let two = world.claude().tui("two")?;
    bridge.session("claude-project-2")?;
    exchange(world, &bridge, &[(one, "claude-project"), (two, "claude-project-2")])
}

pub(crate) fn gemini(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.gemini().tui("one")?;
    bridge.session("gemini-project")?;
    let two = world.gemini().tui("two")?;
    bridge.session("gemini-project-2")?;
    exchange(world, &bridge, &[(one, "gemini-project"), (two, "gemini-project-2")])
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script_for("HELLO-FROM-ONE", [Turn::text("HELLO-ONE")]);
    world.model().script_for("HELLO-FROM-TWO", [Turn::text("HELLO-TWO")]);
    let one = world.codex().tui("one")?;
    one.prompt("HELLO-FROM-ONE")?;
    one.wait_for_answer("HELLO-ONE")?;
    bridge.session("codex-project")?;
    let two = world.codex().tui("two")?;
    two.prompt("HELLO-FROM-TWO")?;
    two.wait_for_answer("HELLO-TWO")?;
    bridge.session("codex-project-2")?;
    exchange(world, &bridge, &[(one, "codex-project"), (two, "codex-project-2")])
}
