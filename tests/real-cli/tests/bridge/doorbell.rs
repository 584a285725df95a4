//! Claude Code where our programs see no inbox socket: the host watches the bell, and our hook starts the turn.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, DriverError, Finished, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER};

const BODY: &str = "The schema of table ORDERS-80 changed.";
const NUDGE: &str = "[session-bridge wake ";
/// What a release of Claude Code without the socket does not give to its children.
pub(crate) const MISSING: [&str; 2] = ["CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"];

/// Starts a program of ours without these variables.
pub(crate) fn without_socket(entry: &mut Value) {
    let mut args: Vec<Value> = MISSING.iter().flat_map(|name| [json!("-u"), json!(name)]).collect();
    args.push(entry["command"].take());
    args.extend(entry["args"].as_array().cloned().unwrap_or_default());
    entry["command"] = json!("/usr/bin/env");
    entry["args"] = json!(args);
}

pub(crate) fn hide_socket(world: &World) -> Result<(), DriverError> {
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        let events = settings["hooks"].as_object_mut().into_iter().flat_map(|events| events.values_mut());
        for group in events.filter_map(Value::as_array_mut).flatten() {
            group["hooks"].as_array_mut().into_iter().flatten().for_each(without_socket);
        }
    })?;
    world.edit_json(&world.claude_state(), |state| without_socket(&mut state["mcpServers"][SERVER]))
}

/// A handler of the test's own beside ours, which keeps what the host tells of watched files.
fn keep_changes(world: &World) -> Result<PathBuf, DriverError> {
    let kept = world.tmp().join("changes");
    let keep = format!("cat >> {}", kept.display());
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        if let Some(groups) = settings["hooks"]["FileChanged"].as_array_mut() {
            groups.push(json!({"hooks": [{"type": "command", "command": keep}]}));
        }
    })?;
    Ok(kept)
}

pub(crate) fn wakes(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    hide_socket(world)?;
    let changes = keep_changes(world)?;
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

    let heard = fs::read_to_string(&changes)?;
    assert!(heard.contains("\"hook_event_name\":\"FileChanged\"") && heard.contains("/bell\""), "{heard}");

    // A handler follows the bell of what comes now; the session ends all the same, and the mail stays.
    let id = bridge.send("claude-project", "TOO-LATE-FOR-THIS-ONE")?;
    tui.prompt("/exit")?;
    wait_until("the end of the session", PATIENCE, || (!tui.is_open()).then_some(()))?;
    assert_eq!(bridge.states(&id)?, ["stored"]);
    assert_eq!(world.model().steps().len(), 2);
    Ok(())
}

/// A run for one prompt is told to watch nothing, also while mail rings its bell.
pub(crate) fn headless(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    hide_socket(world)?;
    let changes = keep_changes(world)?;
    let (asked, asks) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let thinks = move |_: &Request| {
        let _ = asked.send(());
        let _ = gone.recv_timeout(PATIENCE);
        Turn::text("FIRST-ANSWER")
    };
    world.model().script([Turn::with(thinks), Turn::text("SECOND-ANSWER")]);
    thread::scope(|scope| {
        let running = scope.spawn(|| world.claude().print("PROMPT-ONE").and_then(Finished::success));
        let meanwhile = || -> Result<String, Box<dyn Error>> {
            asks.recv_timeout(PATIENCE)?;
            let id = bridge.send("claude-project", BODY)?;
            // Longer than a handler needs to be started, and than it leaves a wake alone.
            thread::sleep(Duration::from_secs(5));
            go.send(())?;
            Ok(id)
        };
        let id = meanwhile();
        let run = running.join().map_err(|_| "the run panicked")??;
        assert!(run.stdout.contains("SECOND-ANSWER"), "{}", run.stdout);
        bridge.wait_for_state(&id?, "seen")?;
        assert!(!changes.exists(), "the host watches nothing");
        assert_eq!(world.model().steps_with(NUDGE).len(), 0);
        Ok(())
    })
}
