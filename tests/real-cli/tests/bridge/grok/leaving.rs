//! Leaving Grok Build, and being gone without leaving.

use std::fs;

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::{run, shell};
use crate::bridge::{Bridge, SERVER};

fn live(world: &World) -> CaseResult {
    world.model().script([Turn::text("A"), Turn::text("B-ANSWER")]);
    run(world, "hello")?.success()?;
    let tui = world.grok().tui("grok")?;
    tui.prompt("hello")?;
    tui.wait_for("B-ANSWER")?;
    tui.prompt("/exit")?;
    tui.wait_closed()?;
    Ok(())
}

/// After runs of both interfaces the configuration is that of a life without us.
pub(crate) fn uninstall(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    live(world)?;
    bridge.run(&["uninstall", "--all"])?;
    let control = world.fresh()?;
    live(&control)?;
    let text = |world: &World| -> Result<String, std::io::Error> {
        Ok(fs::read_to_string(world.grok_config())?.replace(&world.model().base_url(), "$MODEL"))
    };
    assert_eq!(text(world)?, text(&control)?);
    assert!(!world.grok_dir().join("hooks/session-bridge.json").exists());
    world.model().script([Turn::text("C")]);
    run(world, "LONG-AFTER-US")?.success()?;
    let request = world.model().steps_with("LONG-AFTER-US").pop().ok_or("no request")?;
    assert!(!request.offers(SERVER, "bridge_whoami") && !request.holds("session-bridge"));
    Ok(())
}

/// The binaries are gone, the configuration is still there.
pub(crate) fn program_gone(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    fs::remove_dir_all(world.home().join(".session-bridge/bin"))?;
    world.model().script([shell("echo TOOL-RESULT"), Turn::text("STILL-GROK")]);
    let run = run(world, "hello grok")?.success()?;
    assert!(run.stdout.contains("STILL-GROK"), "{}", run.stdout);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2);
    for request in steps {
        assert!(!request.contains("session-bridge-hook"), "no error of ours reaches a model");
    }
    Ok(())
}
