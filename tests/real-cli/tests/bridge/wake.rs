//! Idle sessions: mail starts a turn without a key being pressed, once per burst, and what was typed stays.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE};

const BODY: &str = "The schema of table ORDERS-77 changed.";
const DRAFT: &str = "half a thought of DRAFT-5";
const NUDGE: &str = "[session-bridge wake ";
/// How long nothing must happen to count as nothing.
const QUIET: Duration = Duration::from_secs(4);

/// An idle session with a draft on its screen gets a note, then a burst.
pub(crate) fn wakes(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str) -> CaseResult {
    tui.type_text(DRAFT)?;
    tui.wait_for(DRAFT)?;
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let began = world.model().steps().len();
    let id = bridge.send(label, BODY)?;
    let came = world.model().wait_for(PATIENCE, |steps| steps.iter().any(|step| step.contains(BODY)));
    assert!(came, "the note starts a turn");
    tui.wait_for_answer("WOKEN-ANSWER")?;
    assert!(tui.shows(DRAFT), "what was typed stays: {}", tui.screen());
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), began + 1, "one turn of one request");
    assert_eq!(steps[began].count(BODY), 1, "the body comes with the hook, once");
    assert_eq!(steps[began].count(NUDGE), 1);
    let nudged = || {
        let step = bridge.json(&["receipts", &id]).ok()?["receipts"][0]["steps"][1].clone();
        (step["surface"] != "prompt").then_some(step)
    };
    let nudged = wait_until("the nudge's step", PATIENCE, nudged)?;
    assert_eq!(nudged["state"], "offered", "{nudged}");
    assert!(nudged["evidence"].as_str().is_some_and(|text| text.starts_with("nudge written")), "{nudged}");

    // Sent at once by twenty processes.
    world.model().script([Turn::text("BURST-ANSWER")]);
    let ids = thread::scope(|scope| {
        let senders: Vec<_> = (0..20)
            .map(|n| {
                scope.spawn(move || bridge.send(label, &format!("BURST-{n}-END")).map_err(|e| e.to_string()))
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap_or(Err("panic".into())))
            .collect::<Result<Vec<_>, _>>()
    })?;
    for id in &ids {
        bridge.wait_for_state(id, "seen")?;
    }
    thread::sleep(QUIET);
    let steps = world.model().steps();
    let last = steps.last().ok_or("no step")?;
    for n in 0..20 {
        assert_eq!(last.count(&format!("BURST-{n}-END")), 1, "message {n}");
    }
    assert_eq!(last.count(NUDGE), 2, "one nudge for the note, one for the burst");
    assert_eq!(steps.len(), began + 2, "a burst is one turn");
    assert!(tui.shows(DRAFT), "{}", tui.screen());
    Ok(())
}

/// What must not wake does not; it comes with the next prompt. The session is idle and longer so than any cooldown.
pub(crate) fn stays_idle(world: &World, bridge: &Bridge<'_>, label: &str, id_of: &str) -> CaseResult {
    let began = world.model().steps().len();
    bridge.send_quietly(label, id_of)?;
    bridge.run(&["send-message", label, "HOME-GROWN", "--kind", "gossip"])?;
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        assert_eq!(world.model().steps().len(), began, "a status woke the session");
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

pub(crate) fn claude(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    // A hook of the test's own beside ours: what a nudge looks like to hooks.
    let prompts = world.tmp().join("prompts");
    let keep = format!("cat >> {}", prompts.display());
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        if let Some(groups) = settings["hooks"]["UserPromptSubmit"].as_array_mut() {
            groups.push(json!({"hooks": [{"type": "command", "command": keep}]}));
        }
    })?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("claude-project")?;
    wakes(world, &bridge, &tui, "claude-project")?;
    stays_idle(world, &bridge, "claude-project", "PROGRESS-3")?;
    let heard = std::fs::read_to_string(&prompts)?;
    let whole = format!("\"prompt\":\"{NUDGE}");
    assert_eq!(heard.matches(&whole).count(), 2, "hooks are given the nudge as it was sent: {heard}");
    late(world, &tui)
}

pub(crate) fn codex(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("codex-project")?;
    wakes(world, &bridge, &tui, "codex-project")?;
    stays_idle(world, &bridge, "codex-project", "PROGRESS-3")?;
    late(world, &tui)
}

/// The nudge that the model was shown last.
pub(crate) fn last_nudge(world: &World) -> Result<String, Box<dyn std::error::Error>> {
    let told = world.model().steps().last().ok_or("no step")?.told();
    let text = told.iter().rev().find_map(|message| message.text.split_once(NUDGE)).ok_or("no nudge")?.1;
    let nudge = format!("{NUDGE}{}", text.lines().next().unwrap_or_default().trim());
    assert!(nudge.ends_with("bridge_list_inbox."), "{nudge}");
    Ok(nudge)
}

/// A nudge whose mail was delivered costs no turn.
fn late(world: &World, tui: &Tui<'_>) -> CaseResult {
    let steps = world.model().steps();
    let nudge = last_nudge(world)?;
    // The draft goes first; what waits goes with it.
    world.model().script([Turn::text("DRAFT-ANSWER"), Turn::text("TOO-LATE")]);
    tui.press("Enter")?;
    tui.wait_for_answer("DRAFT-ANSWER")?;
    assert_eq!(world.model().steps_with("PROGRESS-3").len(), 1, "the status came with the prompt");
    tui.prompt(&nudge)?;
    wait_until("the late nudge to be dropped", PATIENCE, || {
        tui.shows("were delivered already").then_some(())
    })?;
    assert_eq!(world.model().steps().len(), steps.len() + 1, "{}", tui.screen());
    Ok(())
}
