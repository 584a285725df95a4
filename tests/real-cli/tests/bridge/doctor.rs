//! What `doctor` says of the real CLIs: that everything is well, and which of them it has seen alive.

use serde_json::Value;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use crate::bridge::Bridge;

/// Each installation as `doctor` sums it up. It ends with success: nothing needs attention.
fn installations(bridge: &Bridge<'_>) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let doctor = bridge.json(&["doctor"])?;
    assert_eq!(doctor["ok"], true, "{doctor:#}");
    let all = doctor["providers"].as_array().cloned().unwrap_or_default();
    for one in &all {
        assert_eq!(one["standing"], "verified", "{doctor:#}");
        for proof in ["configured", "hook_works", "server_works"] {
            assert_eq!(one[proof], true, "{proof}: {doctor:#}");
        }
    }
    Ok(all)
}

fn of(all: &[Value], provider: &str) -> (bool, bool) {
    let one = all.iter().find(|one| one["provider"] == provider).cloned().unwrap_or_default();
    (one["last_event"].is_i64(), one["last_hello"].is_i64())
}

pub(crate) fn alive(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let before = installations(&bridge)?;
    assert!(
        before.iter().all(|one| one["last_event"].is_null() && one["last_hello"].is_null()),
        "{before:#?}"
    );
    world.model().script([Turn::text("ONE"), Turn::text("TWO"), Turn::text("THREE")]);
    world.claude().print("hello")?.success()?;
    let after = installations(&bridge)?;
    assert_eq!(of(&after, "claude-code"), (true, true), "{after:#?}");
    assert_eq!(
        of(&after, "codex"),
        (false, false),
        "the trip of one is no sign of life of another: {after:#?}"
    );
    world.codex().exec("hello")?.success()?;
    world.gemini().print("hello")?.success()?;
    let after = installations(&bridge)?;
    for provider in ["claude-code", "codex", "gemini-cli"] {
        assert_eq!(of(&after, provider), (true, true), "{provider}: {after:#?}");
    }
    Ok(())
}
