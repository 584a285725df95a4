//! Cline without us: after an uninstall, without our programs, without the program that runs plugins.

use std::fs;
use std::path::PathBuf;

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tree, World};

use crate::bridge::{Bridge, SERVER};

/// The files of a world's Cline that hold configuration, with their texts.
fn config(world: &World) -> Result<Vec<(PathBuf, String)>, std::io::Error> {
    let mut found = Vec::new();
    for folder in [world.cline_settings(), world.cline_dir().join("plugins")] {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry?.path();
            let name = path.strip_prefix(world.home()).unwrap_or(&path).to_owned();
            let text = fs::read_to_string(&path)?.replace(&world.model().base_url(), "$MODEL");
            // But for the time at which Cline wrote it.
            let lines = text.lines().filter(|line| !line.contains("\"updatedAt\""));
            found.push((name, lines.collect::<Vec<_>>().join("\n")));
        }
    }
    found.sort();
    Ok(found)
}

fn live(world: &World) -> CaseResult {
    world.model().script(["A-ANSWER", "B-ANSWER"].map(Turn::text));
    world.cline().print("hello there")?.success()?;
    let tui = world.cline().tui("cline")?;
    tui.prompt("hello again")?;
    tui.wait_for_answer("B-ANSWER")?;
    tui.close()?;
    Ok(())
}

pub(crate) fn after_runs(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    live(world)?;
    bridge.run(&["uninstall", "--all"])?;
    let control = world.fresh()?;
    live(&control)?;
    assert_eq!(config(world)?, config(&control)?);
    world.model().script([Turn::text("C-ANSWER")]);
    world.cline().print("LONG-AFTER-US of mine")?.success()?;
    for request in world.model().steps_with("LONG-AFTER-US") {
        assert!(!request.offers(SERVER, "bridge_whoami") && !request.holds("session-bridge"));
    }
    Ok(())
}

pub(crate) fn program_gone(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    let bin = world.home().join(".session-bridge/bin");
    fs::remove_dir_all(&bin)?;
    world.model().script(["STILL-CLINE", "STILL-THERE"].map(Turn::text));
    let run = world.cline().print("hello cline")?.success()?;
    assert!(run.stdout.contains("STILL-CLINE"), "{}", run.stdout);
    // Nor does one that crashes with a word on its lips.
    fs::create_dir_all(&bin)?;
    let hook = bin.join("session-bridge-hook");
    fs::write(&hook, "#!/bin/sh\necho session-bridge-hook is broken >&2\nkill -SEGV $$\n")?;
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let run = world.cline().print("hello again")?.success()?;
    assert!(run.stdout.contains("STILL-THERE"), "{}", run.stdout);
    for request in world.model().steps() {
        assert!(!request.contains("session-bridge-hook"), "no error of ours reaches a model");
    }
    Ok(())
}

/// The plugin needs `node`; Cline itself does not. Nothing fails, and `doctor` says why no mail arrives.
pub(crate) fn no_node(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let before = Tree::read(&world.project())?;
    world.set_env("CLINE_JS_RUNTIME_PATH", world.tmp().join("no-such-node"));
    world.model().script([Turn::text("STILL-CLINE")]);
    let run = world.cline().print("hello cline")?.success()?;
    assert!(run.stdout.contains("STILL-CLINE"), "{}", run.stdout);
    assert!(world.model().steps()[0].offers(SERVER, "bridge_whoami"), "the tools are there");
    assert_eq!(bridge.sessions()?.len(), 0, "and no session");
    assert!(Tree::read(&world.project())?.changes_since(&before).is_empty());
    Ok(())
}
