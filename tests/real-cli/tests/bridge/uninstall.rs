//! Leaving: every byte of the CLIs' configuration is as if we had never been there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tree, World};

use crate::bridge::{Bridge, SERVER};

fn config(world: &World) -> [PathBuf; 4] {
    let codex = world.codex_dir();
    [
        world.claude_dir().join("settings.json"),
        world.claude_state(),
        world.codex_config(),
        codex.join("hooks.json"),
    ]
}

pub(crate) fn untouched(world: &World) -> CaseResult {
    let before = Tree::read(&world.home())?;
    let bridge = Bridge::not_installed(world);
    // Without `--trust-codex-hooks`: Codex itself writes nothing then, as with a person who only installs.
    bridge.run(&["init", "--all", "--yes", "--allow-tools"])?;
    let installed = Tree::read(&world.home())?.changes_since(&before);
    for file in [".claude/settings.json", ".claude.json", ".codex/config.toml", ".codex/hooks.json"] {
        assert!(installed.iter().any(|line| line.ends_with(file)), "{file} in {installed:?}");
    }
    let again = bridge.run(&["init", "--all", "--yes", "--allow-tools"])?;
    assert!(again.contains("nothing to do"), "{again}");
    bridge.run(&["uninstall", "--all"])?;
    let changes = Tree::read(&world.home())?.changes_since(&before);
    let left: Vec<_> = changes.iter().filter(|line| !line.contains(".session-bridge")).collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// Both CLIs run once in each interface, so that they write whatever they write.
fn live(world: &World, names: [&str; 2]) -> CaseResult {
    world.model().script(["A", "B", "C-ANSWER", "D-ANSWER"].map(Turn::text));
    world.claude().print("hello")?.success()?;
    world.codex().exec("hello")?.success()?;
    let claude = world.claude().tui(names[0])?;
    claude.prompt("hello")?;
    claude.wait_for_answer("C-ANSWER")?;
    claude.prompt("/exit")?;
    claude.wait_closed()?;
    let codex = world.codex().tui(names[1])?;
    codex.prompt("hello")?;
    codex.wait_for_answer("D-ANSWER")?;
    codex.close()?;
    Ok(())
}

/// Where a host writes ids and times of its own, its places are compared, not their values.
fn places(value: &Value, at: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            out.insert(format!("{at}{{}}"));
            for (key, field) in fields {
                places(field, &format!("{at}/{key}"), out);
            }
        }
        _ => {
            out.insert(at.to_owned());
        }
    }
}

pub(crate) fn after_runs(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    live(world, ["claude", "codex"])?;
    bridge.run(&["uninstall", "--all"])?;

    let control = world.fresh()?;
    live(&control, ["claude", "codex"])?;

    let text = |world: &World, file: &PathBuf| -> Result<String, std::io::Error> {
        let root = world.home().parent().map(|p| p.display().to_string()).unwrap_or_default();
        let port = world.model().base_url();
        Ok(fs::read_to_string(file)?.replace(&root, "$ROOT").replace(&port, "$MODEL"))
    };
    for (ours, theirs) in config(world).iter().zip(&config(&control)) {
        assert_eq!(ours.exists(), theirs.exists(), "{}", ours.display());
        if !ours.exists() {
            continue;
        }
        let (ours_text, theirs_text) = (text(world, ours)?, text(&control, theirs)?);
        assert!(!ours_text.contains(SERVER), "{}: {ours_text}", ours.display());
        if ours == &world.claude_state() {
            let (mut a, mut b) = (BTreeSet::new(), BTreeSet::new());
            places(&serde_json::from_str(&ours_text)?, "", &mut a);
            places(&serde_json::from_str(&theirs_text)?, "", &mut b);
            let differ: Vec<_> = a.symmetric_difference(&b).collect();
            assert!(differ.is_empty(), "{}: {differ:?}", ours.display());
        } else {
            assert_eq!(ours_text, theirs_text, "{}", ours.display());
        }
    }

    // Both still start, and know nothing of us.
    world.model().script(["E", "F"].map(Turn::text));
    world.claude().print("LONG-AFTER-US")?.success()?;
    world.codex().exec("LONG-AFTER-US")?.success()?;
    let requests = world.model().steps_with("LONG-AFTER-US");
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(!request.offers(SERVER, "bridge_whoami") && !request.holds("session-bridge"));
    }
    Ok(())
}

/// The binaries are gone, the configuration is still there: every turn goes on as if nothing were.
pub(crate) fn program_gone(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    fs::remove_dir_all(world.home().join(".session-bridge/bin"))?;
    world.model().script(["STILL-CLAUDE", "STILL-CODEX"].map(Turn::text));
    let run = world.claude().print("hello claude")?.success()?;
    assert!(run.stdout.contains("STILL-CLAUDE"));
    let run = world.codex().exec("hello codex")?.success()?;
    assert!(run.stdout.contains("STILL-CODEX"));
    for request in world.model().steps() {
        assert!(!request.contains("session-bridge-hook"), "no error of ours reaches a model");
    }
    Ok(())
}
