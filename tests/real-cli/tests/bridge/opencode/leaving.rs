//! The person's own configuration: a rule for everything, what is left after us, and programs that are gone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tree, World};

use super::{LABEL, run};
use crate::bridge::{Bridge, SERVER};

/// The last rule that fits counts, and `opencode run` refuses what it would have to ask for.
pub(super) fn consent(world: &World) -> CaseResult {
    world.edit_json(&world.opencode_config(), |config| config["permission"] = json!({"*": "ask"}))?;
    let bridge = Bridge::not_installed(world);
    let asks = |prompt: &'static str| {
        world
            .model()
            .script_for(prompt, [Turn::mcp(SERVER, "bridge_whoami", &json!({})), Turn::text("DONE")]);
    };
    bridge.run(&["init", "--provider", "opencode", "--yes"])?;
    asks("WITHOUT-CONSENT");
    run(world, "WITHOUT-CONSENT")?;
    let refused = |step: &Request| step.tool_results().iter().all(|result| !result.text.contains(LABEL));
    assert!(world.model().steps_with("WITHOUT-CONSENT").iter().all(refused));
    bridge.run(&["init", "--provider", "opencode", "--yes", "--allow-tools"])?;
    asks("WITH-CONSENT");
    run(world, "WITH-CONSENT")?.success()?;
    let last = world.model().steps_with("WITH-CONSENT").pop().ok_or("no request")?;
    assert!(last.last_tool_result().is_some_and(|result| result.contains(LABEL)), "the tool ran unasked");
    Ok(())
}

/// Runs once in each interface, so that opencode writes whatever it writes.
fn live(world: &World) -> CaseResult {
    world.model().script(["HEADLESS", "WINDOW-ANSWER"].map(Turn::text));
    run(world, "hello")?.success()?;
    let tui = world.opencode().tui("opencode")?;
    tui.prompt("hello")?;
    tui.wait_for_answer("WINDOW-ANSWER")?;
    tui.close()?;
    Ok(())
}

pub(super) fn uninstalled(world: &World) -> CaseResult {
    let before = Tree::read(&world.opencode_dir())?;
    let bridge = Bridge::installed(world)?;
    assert!(world.opencode_dir().join("plugins/session-bridge.js").exists());
    live(world)?;
    bridge.run(&["uninstall", "--all"])?;
    let changes = Tree::read(&world.opencode_dir())?.changes_since(&before);

    let control = world.fresh()?;
    let never = Tree::read(&control.opencode_dir())?;
    live(&control)?;
    assert_eq!(changes, Tree::read(&control.opencode_dir())?.changes_since(&never), "as a run without us");

    world.model().script([Turn::text("AFTER")]);
    run(world, "LONG-AFTER-US")?.success()?;
    let request = world.model().steps_with("LONG-AFTER-US").pop().ok_or("no request")?;
    assert!(!request.offers(SERVER, "bridge_whoami") && !request.holds("session-bridge"));
    Ok(())
}

/// Gone, or crashing with a word on its lips: prompt, tools and answer are as without us.
pub(super) fn program_gone(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    let bin = world.home().join(".session-bridge/bin");
    fs::remove_dir_all(&bin)?;
    let turn = |answer: &str| {
        let tool = Turn::tool("bash", &json!({"command": "echo TOOL-RESULT", "description": "say"}));
        world.model().script([tool, Turn::text(answer)]);
    };
    turn("STILL-THERE");
    assert!(run(world, "hello")?.success()?.stdout.contains("STILL-THERE"));
    fs::create_dir_all(&bin)?;
    let hook = bin.join("session-bridge-hook");
    fs::write(&hook, "#!/bin/sh\necho session-bridge-hook is broken >&2\nkill -SEGV $$\n")?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    turn("CRASHED-QUIETLY");
    assert!(run(world, "hello")?.success()?.stdout.contains("CRASHED-QUIETLY"));
    fs::write(&hook, "not a program")?;
    turn("NO-PROGRAM");
    let tui = world.opencode().tui("opencode")?;
    tui.prompt("hello again")?;
    tui.wait_for_answer("NO-PROGRAM")?;
    assert!(!tui.shows("session-bridge-hook"), "{}", tui.screen());
    let steps = world.model().steps();
    assert_eq!(steps.len(), 6);
    for request in steps {
        assert!(!request.contains("session-bridge-hook"), "no error of ours reaches a model");
    }
    Ok(())
}
