//! What went out and never arrived: a hook that its host killed, a prompt that another tool blocked, Esc.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World};

use crate::beside::{self, Witness, explained};
use crate::bridge::Bridge;

pub(crate) const LABEL: &str = "claude-project";
const BODY: &str = "The schema of table ORDERS-77 changed.";
pub(crate) const REFERENCE: &str = "These may already stand above";

/// As short as a busy machine allows: the hooks that are not held up have to end within it.
const LIMIT_SECS: u32 = 4;

/// Puts `script` in front of our hook at a prompt; `"$@"` in it is our hook's command line. The host waits
/// for [`LIMIT_SECS`].
fn in_front(world: &World, script: &str) -> CaseResult {
    let path = world.tmp().join("in-front");
    fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        let handler = &mut settings["hooks"]["UserPromptSubmit"][0]["hooks"][0];
        let mut args = vec![handler["command"].clone()];
        args.extend(handler["args"].as_array().cloned().unwrap_or_default());
        handler["command"] = path.display().to_string().into();
        handler["args"] = args.into();
        handler["timeout"] = LIMIT_SECS.into();
    })?;
    Ok(())
}

/// A terminal session that has had its first turn.
pub(crate) fn begun<'w>(
    world: &'w World,
    bridge: &Bridge<'_>,
) -> Result<Tui<'w>, Box<dyn std::error::Error>> {
    let tui = world.claude().arg("--allowedTools").arg("Bash").tui("claude")?;
    bridge.session(LABEL)?;
    world.model().script_for("PROMPT-ONE", [Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle(LABEL)?;
    Ok(tui)
}

/// Killed before our hook began: nothing went out, and the body comes with the next prompt.
pub(crate) fn killed_early(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let hang = world.tmp().join("hang");
    in_front(world, &format!("if [ -e {0} ]; then rm {0}; exec sleep 60; fi\nexec \"$@\"", hang.display()))?;
    let tui = begun(world, &bridge)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    fs::write(&hang, "")?;
    world.model().script([Turn::text("SECOND-ANSWER"), Turn::text("THIRD-ANSWER")]);
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert_eq!(bridge.states(&id)?, ["stored"]);
    assert!(!world.model().steps_with("PROMPT-TWO")[0].contains(BODY));
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);
    assert_eq!(world.model().steps_with("PROMPT-THREE")[0].count(BODY), 1);
    Ok(())
}

/// Killed while it wrote, because nobody took what it wrote: nobody can tell, so the id comes once, and no body.
pub(crate) fn killed_while_writing(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = unknown(world, &bridge);
    explained(&witness, outcome)
}

fn unknown(world: &World, bridge: &Bridge<'_>) -> CaseResult {
    let hang = world.tmp().join("hang");
    let full = world.tmp().join("full");
    // A pipe that holds all it can: the next write waits for a reader.
    let script = format!(
        "if [ -e {0} ]; then rm {0}; mkfifo {1}; exec 3<>{1}; head -c 65536 /dev/zero >&3; exec \"$@\" >&3; fi\nexec \"$@\"",
        hang.display(),
        full.display()
    );
    in_front(world, &script)?;
    let tui = begun(world, bridge)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    fs::write(&hang, "")?;
    world.model().script(["SECOND-ANSWER", "THIRD-ANSWER", "FOURTH-ANSWER"].map(Turn::text));
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert!(full.exists(), "the hook got as far as writing");
    assert_eq!(bridge.states(&id)?, ["stored"], "nothing is claimed");
    referred(world, bridge, &tui, &id)
}

/// The next prompt carries the id, the one after that nothing, and no request ever the body.
pub(crate) fn referred(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, id: &str) -> CaseResult {
    let before = bridge.states(id)?;
    // A prompt that was not taken stands in the input box again.
    tui.press("C-u")?;
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    tui.prompt("PROMPT-FOUR")?;
    tui.wait_for_answer("FOURTH-ANSWER")?;
    let steps = world.model().steps();
    let third = world.model().steps_with("PROMPT-THREE").remove(0);
    assert_eq!((third.count(REFERENCE), third.count(id)), (1, 1), "referred to");
    let fourth = steps.last().ok_or("no step")?;
    assert_eq!((fourth.count(REFERENCE), fourth.count(id)), (1, 1), "once");
    assert!(!third.contains(BODY) && !fourth.contains(BODY));
    let states: Vec<&str> = before.iter().map(String::as_str).collect();
    in_doubt(bridge, id, &states)
}

/// A reference proves nothing about the body: its states are as before, and the receipt says that nobody knows more.
pub(crate) fn in_doubt(bridge: &Bridge<'_>, id: &str, states: &[&str]) -> CaseResult {
    assert_eq!(bridge.states(id)?, states);
    let receipt = &bridge.json(&["receipts", id])?["receipts"][0];
    assert_eq!((&receipt["doubt"], &receipt["parked"]), (&json!(true), &json!(true)), "{receipt}");
    Ok(())
}

/// Another tool drops the prompt that our mail went out with. The model is sent nothing.
pub(crate) fn blocked(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let block = r#"if grep -q FORBIDDEN; then echo '{"decision":"block","reason":"NOT-HERE"}'; fi"#;
    beside::hook(world, "UserPromptSubmit", block)?;
    let outcome = (|| {
        let tui = begun(world, &bridge)?;
        let id = bridge.send_quietly(LABEL, BODY)?;
        world.model().script(["THIRD-ANSWER", "FOURTH-ANSWER"].map(Turn::text));
        tui.prompt("a FORBIDDEN-PROMPT")?;
        tui.wait_for("NOT-HERE")?;
        let steps = world.model().steps().len();
        assert_eq!(steps, 1, "no request");
        assert_eq!(bridge.states(&id)?, ["stored", "offered"]);
        referred(world, &bridge, &tui, &id)
    })();
    explained(&witness, outcome)
}
