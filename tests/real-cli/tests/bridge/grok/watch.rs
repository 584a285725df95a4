//! An agent that was asked to watch for mail is woken by it.

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::LABEL;
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{BODY, SEEN};

pub(crate) fn wakes(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.grok().unasked().tui("grok")?;
    let session = bridge.session(LABEL)?;
    assert_eq!(session["wakes"], false, "nobody watches yet");
    let program = world.home().join(".session-bridge/bin/session-bridge");
    let command = format!("{} watch {}", program.display(), session["session"].as_str().unwrap_or_default());
    world.model().script([
        Turn::tool("monitor", &json!({"command": command, "description": "bridge mail", "persistent": true})),
        Turn::text("I-AM-WATCHING"),
        Turn::mcp(SERVER, "bridge_list_inbox", &json!({})),
        Turn::text("MAIL-WAS-READ"),
    ]);
    tui.prompt("watch for bridge mail")?;
    tui.wait_for("I-AM-WATCHING")?;
    let idle = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["wakes"] == true && s["presence"] == "idle")
    };
    wait_until("an idle session that is watched", PATIENCE, idle)?;

    let one = bridge.send(LABEL, BODY)?;
    let two = bridge.send(LABEL, "ONE-MORE-THING")?;
    tui.wait_for("MAIL-WAS-READ")?;
    for id in [&one, &two] {
        let states = bridge.wait_for_state(id, "seen")?;
        assert_eq!(states.last(), SEEN.last().map(|s| (*s).to_owned()).as_ref());
    }
    let receipts = bridge.json(&["receipts", &one])?;
    assert_eq!(receipts["receipts"][0]["steps"][1]["surface"], "monitor", "{receipts}");
    let steps = world.model().steps();
    assert_eq!(steps.len(), 4, "one turn for the burst");
    assert!(steps[0].contains(&command), "the instructions say how");
    assert_eq!(
        (steps[2].count("<monitor-event"), steps[2].contains(BODY)),
        (1, false),
        "a door carries a nudge"
    );
    assert_eq!((steps[3].count(BODY), steps[3].count("ONE-MORE-THING")), (1, 1));

    tui.prompt("/exit")?;
    tui.wait_closed()?;
    let gone = || {
        let watches = |line: &str| line.contains("session-bridge watch");
        (!world.processes().iter().any(|(_, line)| watches(line))).then_some(())
    };
    wait_until("the watching command to end with its session", PATIENCE, gone)?;
    Ok(())
}
