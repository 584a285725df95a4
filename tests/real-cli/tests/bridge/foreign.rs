//! A CLI that runs the entries of others, as those do that import them: it is served as what it is, and each event once.

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use crate::bridge::Bridge;
use crate::mail::next_prompt;

/// Gives Claude Code the entries that another CLI's installation would bring: one whose arguments were lost on the way, and
/// Codex's. Its own stay beside them, or go.
fn import(world: &World, keeps_own: bool) -> CaseResult {
    let program = world.home().join(".session-bridge/bin/session-bridge-hook");
    let settings = world.home().join(".claude/settings.json");
    world.edit_json(&settings, |settings| {
        for (event, groups) in settings["hooks"].as_object_mut().into_iter().flatten() {
            let Some(groups) = groups.as_array_mut() else { continue };
            let mut lost = groups.last().cloned().unwrap_or_default();
            if let Some(handler) = lost.pointer_mut("/hooks/0").and_then(Value::as_object_mut) {
                handler.remove("args");
            }
            let line = format!("{} codex {event}", program.display());
            let codex = json!({"hooks": [{"type": "command", "command": line, "timeout": 10}]});
            if !keeps_own {
                groups.clear();
            }
            groups.extend([lost, codex]);
        }
    })?;
    Ok(())
}

fn served_as_claude(world: &World, keeps_own: bool) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    import(world, keeps_own)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    let first = world.model().steps_with("PROMPT-ONE");
    assert_eq!(first.first().ok_or("no step")?.count("session-bridge: this session is"), 1, "greeted once");
    next_prompt(world, &bridge, &tui, "claude-project")?;
    let sessions = bridge.sessions()?;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["provider"], json!("claude-code"));
    Ok(())
}

pub(crate) fn instead(world: &World) -> CaseResult {
    served_as_claude(world, false)
}

pub(crate) fn beside(world: &World) -> CaseResult {
    served_as_claude(world, true)
}
