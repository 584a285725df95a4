//! Leaving: every byte of the CLIs' configuration is as if we had never been there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tree, World};

use crate::bridge::{Bridge, SERVER};

fn config(world: &World) -> [PathBuf; 5] {
    let codex = world.codex_dir();
    [
        world.claude_dir().join("settings.json"),
        world.claude_state(),
        world.codex_config(),
        codex.join("hooks.json"),
        world.gemini_settings(),
    ]
}

pub(crate) fn untouched(world: &World) -> CaseResult {
    let before = Tree::read(&world.home())?;
    let bridge = Bridge::not_installed(world);
    // Without `--trust-codex-hooks`: Codex itself writes nothing then, as with a person who only installs.
    bridge.run(&["init", "--all", "--yes", "--allow-tools"])?;
    let installed = Tree::read(&world.home())?.changes_since(&before);
    let files = [
        ".claude/settings.json",
        ".claude.json",
        ".codex/config.toml",
        ".codex/hooks.json",
        ".gemini/settings.json",
    ];
    for file in files {
        assert!(installed.iter().any(|line| line.ends_with(file)), "{file} in {installed:?}");
    }
    let again = bridge.run(&["init", "--all", "--yes", "--allow-tools"])?;
    assert!(again.contains("Nothing to change"), "{again}");
    bridge.run(&["uninstall", "--all"])?;
    let changes = Tree::read(&world.home())?.changes_since(&before);
    let left: Vec<_> = changes.iter().filter(|line| !line.contains(".session-bridge")).collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// Each CLI runs once in each interface, so that they write whatever they write.
fn live(world: &World, names: [&str; 3]) -> CaseResult {
    world.model().script(["A", "B", "C", "D-ANSWER", "E-ANSWER", "F-ANSWER"].map(Turn::text));
    world.claude().print("hello")?.success()?;
    world.codex().exec("hello")?.success()?;
    world.gemini().print("hello")?.success()?;
    let claude = world.claude().tui(names[0])?;
    claude.prompt("hello")?;
    claude.wait_for_answer("D-ANSWER")?;
    claude.prompt("/exit")?;
    claude.wait_closed()?;
    let codex = world.codex().tui(names[1])?;
    codex.prompt("hello")?;
    codex.wait_for_answer("E-ANSWER")?;
    codex.close()?;
    let gemini = world.gemini().tui(names[2])?;
    gemini.prompt("hello")?;
    gemini.wait_for_answer("F-ANSWER")?;
    gemini.prompt("/quit")?;
    gemini.wait_closed()?;
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
    live(world, ["claude", "codex", "gemini"])?;
    bridge.run(&["uninstall", "--all"])?;

    let control = world.fresh()?;
    live(&control, ["claude", "codex", "gemini"])?;

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

    // All still start, and know nothing of us.
    world.model().script(["G", "H", "I"].map(Turn::text));
    world.claude().print("LONG-AFTER-US")?.success()?;
    world.codex().exec("LONG-AFTER-US")?.success()?;
    world.gemini().print("LONG-AFTER-US")?.success()?;
    let requests = world.model().steps_with("LONG-AFTER-US");
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(!request.offers(SERVER, "bridge_whoami") && !request.holds("session-bridge"));
    }
    Ok(())
}

/// The binaries are gone, the configuration is still there: every turn goes on as if nothing were.
pub(crate) fn program_gone(world: &World) -> CaseResult {
    Bridge::installed(world)?;
    fs::remove_dir_all(world.home().join(".session-bridge/bin"))?;
    world.model().script(["STILL-CLAUDE", "STILL-CODEX", "STILL-GEMINI", "STILL-THERE"].map(Turn::text));
    let run = world.claude().print("hello claude")?.success()?;
    assert!(run.stdout.contains("STILL-CLAUDE"));
    let run = world.codex().exec("hello codex")?.success()?;
    assert!(run.stdout.contains("STILL-CODEX"));
    let run = world.gemini().print("hello gemini")?.success()?;
    assert!(run.stdout.contains("STILL-GEMINI"));
    // A program that crashes with a word on its lips would block every prompt of Gemini CLI but for the guard.
    let bin = world.home().join(".session-bridge/bin");
    fs::create_dir_all(&bin)?;
    let hook = bin.join("session-bridge-hook");
    fs::write(&hook, "#!/bin/sh\necho session-bridge-hook is broken >&2\nkill -SEGV $$\n")?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    let run = world.gemini().print("hello again")?.success()?;
    assert!(run.stdout.contains("STILL-THERE"));
    for request in world.model().steps() {
        assert!(!request.contains("session-bridge-hook"), "no error of ours reaches a model");
    }
    Ok(())
}
