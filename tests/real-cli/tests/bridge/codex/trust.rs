//! Reviews that a person gave to others' hooks.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::greet;
use crate::bridge::{Bridge, SERVER};

/// Codex knows a reviewed hook by its place. One that stands behind ours runs unasked before and after we go.
pub(crate) fn outlives_us(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let ran = world.tmp().join("ran");
    let hooks = world.codex_dir().join("hooks.json");
    world.edit_json(&hooks, |hooks| {
        if let Some(groups) = hooks["hooks"]["UserPromptSubmit"].as_array_mut() {
            let command = format!("echo once >> {}", ran.display());
            groups.push(json!({"hooks": [{"type": "command", "command": command}]}));
        }
    })?;
    let tui = world.codex().tui("codex")?;
    tui.trust_hooks()?;
    greet(world, &bridge, &tui, "PROMPT-ONE", "codex-project")?;
    tui.close()?;
    world.kill_codex_daemon()?;
    assert_eq!(fs::read_to_string(&ran)?.lines().count(), 1);

    bridge.run(&["uninstall", "--all"])?;
    assert!(!fs::read_to_string(&hooks)?.contains(SERVER));
    world.model().script([Turn::text("SECOND-ANSWER")]);
    world.codex().exec("PROMPT-TWO")?.success()?;
    assert_eq!(fs::read_to_string(&ran)?.lines().count(), 2, "it is trusted as before");
    let last = world.model().steps_with("PROMPT-TWO").pop().ok_or("no request")?;
    assert!(!last.offers(SERVER, "bridge_whoami") && !last.contains("session-bridge:"));
    Ok(())
}
