//! Claude Code where our programs see no inbox socket: the host watches the bell, and our hook starts the turn.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, DriverError, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER};

const BODY: &str = "The schema of table ORDERS-80 changed.";
const NUDGE: &str = "[session-bridge wake ";
/// What a release of Claude Code without the socket does not give to its children.
const MISSING: [&str; 2] = ["CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"];

/// Starts a program of ours without these variables.
fn without_socket(entry: &mut Value) {
    let mut args: Vec<Value> = MISSING.iter().flat_map(|name| [json!("-u"), json!(name)]).collect();
    args.push(entry["command"].take());
    args.extend(entry["args"].as_array().cloned().unwrap_or_default());
    entry["command"] = json!("/usr/bin/env");
    entry["args"] = json!(args);
}

fn hide_socket(world: &World) -> Result<(), DriverError> {
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        let events = settings["hooks"].as_object_mut().into_iter().flat_map(|events| events.values_mut());
        for group in events.filter_map(Value::as_array_mut).flatten() {
            group["hooks"].as_array_mut().into_iter().flatten().for_each(without_socket);
        }
    })?;
    world.edit_json(&world.claude_state(), |state| without_socket(&mut state["mcpServers"][SERVER]))
}

pub(crate) fn wakes(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    hide_socket(world)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.send_quietly("claude-project", "PROGRESS-5")?;
    thread::sleep(Duration::from_secs(5));
    assert_eq!(world.model().steps().len(), 1, "a status wakes nobody");
    let id = bridge.send("claude-project", BODY)?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let receipt = bridge.json(&["receipts", &id])?["receipts"][0].clone();
    assert_eq!(receipt["steps"][1]["surface"], "claude-file-changed", "{receipt}");
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2, "one turn");
    assert_eq!((steps[1].count(BODY), steps[1].count("PROGRESS-5"), steps[1].count(NUDGE)), (1, 1, 1));

    // A handler follows the bell of what comes now; the session ends all the same, and the mail stays.
    let id = bridge.send("claude-project", "TOO-LATE-FOR-THIS-ONE")?;
    tui.prompt("/exit")?;
    wait_until("the end of the session", PATIENCE, || (!tui.is_open()).then_some(()))?;
    assert_eq!(bridge.states(&id)?, ["stored"]);
    assert_eq!(world.model().steps().len(), 2);
    Ok(())
}

/// A run for one prompt is told to watch nothing, and ends as it always does.
pub(crate) fn headless(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    hide_socket(world)?;
    let stdin = world.tmp().join("started");
    let keep = format!("cat >> {}", stdin.display());
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        if let Some(groups) = settings["hooks"]["FileChanged"].as_array_mut() {
            groups.push(json!({"hooks": [{"type": "command", "command": keep}]}));
        }
    })?;
    world.model().script([
        Turn::mcp(SERVER, "bridge_set_summary", &json!({"summary": "at work"})),
        Turn::text("FIRST-ANSWER"),
        Turn::text("SECOND-ANSWER"),
    ]);
    let run = world.claude().print("PROMPT-ONE")?.success()?;
    assert!(run.stdout.contains("ANSWER"), "{}", run.stdout);
    let session = bridge.session("claude-project")?;
    bridge.send(session["session"].as_str().ok_or(format!("no id: {session}"))?, BODY)?;
    assert!(!stdin.exists(), "the host watches nothing");
    Ok(())
}
