//! What a conversation is told when it goes on in a new context.

use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE};

const QUESTION: &str = "Which port does the API listen on?";
const HEAD: &str = "Questions shown earlier and not answered";

/// A question that was shown and not answered is listed whenever the session is resumed, and its state stays.
fn reminded(
    world: &World,
    bridge: &Bridge<'_>,
    label: &str,
    resume: impl Fn(&str, &str) -> CaseResult,
) -> CaseResult {
    let session = bridge.session(label)?;
    let ended =
        || bridge.sessions().ok()?.into_iter().find(|s| s["label"] == label && s["presence"] == "ended");
    wait_until("the end of the first run", PATIENCE, ended)?;
    let to = session["session"].as_str().unwrap_or_default();
    let sent = bridge.json(&["send-message", to, QUESTION, "--kind", "question"])?;
    let id = sent["id"].as_str().unwrap_or_default().to_owned();
    let native = session["native"].as_str().unwrap_or_default();
    resume(native, "PROMPT-TWO")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);
    resume(native, "PROMPT-THREE")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert!(!steps[1].contains(HEAD), "it was not shown yet");
    let told = steps[2].told();
    let list = told.iter().find(|m| m.text.contains(HEAD)).ok_or("the open question is not listed")?;
    let (_, list) = list.text.split_once(HEAD).unwrap_or_default();
    assert!(list.contains(&id), "{list}");
    assert_eq!(steps[2].count(QUESTION), 1, "a list has no bodies");
    assert_eq!(bridge.states(&id)?, ["stored", "offered", "injected", "seen"]);
    Ok(())
}

pub(crate) fn claude_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.claude().print("PROMPT-ONE")?.success()?;
    reminded(world, &bridge, "claude-project", |native, prompt| {
        world.claude().arg("--resume").arg(native).print(prompt)?.success()?;
        Ok(())
    })
}

pub(crate) fn codex_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.codex().exec("PROMPT-ONE")?.success()?;
    reminded(world, &bridge, "codex-project", |native, prompt| {
        world.codex().resume(native, prompt)?.success()?;
        Ok(())
    })
}

pub(crate) fn gemini_resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script(["A", "B", "C"].map(Turn::text));
    world.gemini().print("PROMPT-ONE")?.success()?;
    reminded(world, &bridge, "gemini-project", |native, prompt| {
        world.gemini().arg("--resume").arg(native).print(prompt)?.success()?;
        Ok(())
    })
}

/// Codex's `/clear` makes a new session. Mail of the old one stays there, and the new one is told so.
pub(crate) fn codex_cleared(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    let old = bridge.session("codex-project")?;
    let id = bridge.send_quietly("codex-project", QUESTION)?;
    tui.prompt("/clear")?;
    wait_until("an empty screen", PATIENCE, || (!tui.shows("FIRST-ANSWER")).then_some(()))?;
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    bridge.session("codex-project-2")?;
    let step = world.model().steps_with("PROMPT-TWO").pop().ok_or("no request")?;
    assert!(step.contains("Another conversation of this folder, `codex-project`"));
    assert!(step.contains(old["native"].as_str().unwrap_or_default()) && !step.contains(QUESTION));
    assert_eq!(bridge.states(&id)?, ["stored"], "nothing is moved");
    Ok(())
}

/// After `/compact` the summary may have lost the question: its header stands beside the next prompt.
fn compacted(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str) -> CaseResult {
    bridge.session(label)?;
    let sent = bridge.json(&["send-message", label, QUESTION, "--kind", "question"])?;
    let id = sent["id"].as_str().unwrap_or_default().to_owned();
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    tui.prompt("/compact")?;
    tui.wait_for_any(&["Compacted", "compacted"])?;
    tui.prompt("PROMPT-THREE")?;
    let asked = || world.model().steps_with("PROMPT-THREE").pop();
    let step = wait_until("the request after the compaction", PATIENCE, asked)?;
    let told = step.told();
    let list = told.iter().find(|m| m.text.contains(HEAD)).ok_or("the open question is not listed")?;
    assert!(list.text.contains(&id), "{}", list.text);
    let mut states = bridge.states(&id)?;
    // The question may have woken the session before the prompt came: then its door offered it first.
    states.dedup();
    assert_eq!(states, ["stored", "offered", "injected", "seen"]);
    Ok(())
}

pub(crate) fn claude_compacted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.claude().tui("claude")?;
    world.model().script_for("PROMPT-TWO", [Turn::text("SECOND-ANSWER"), Turn::text("A-SUMMARY")]);
    compacted(world, &bridge, &tui, "claude-project")
}

pub(crate) fn codex_compacted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script_for("PROMPT-ONE", [Turn::text("FIRST-ANSWER"), Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    compacted(world, &bridge, &tui, "codex-project")
}
