//! Claude Code's fork and continue: who goes on, who begins, and whose the mail is.

use serde_json::Value;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use crate::beside::{Witness, explained};
use crate::bridge::{Bridge, PATIENCE};

const LABEL: &str = "claude-project";
const QUESTION: &str = "Which port does the API listen on?";
const BODY: &str = "The schema of table ORDERS-77 changed.";
const OWED: &str = "Questions shown earlier and not answered";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A session that ended, was shown a question that it did not answer, and has mail.
struct Left {
    session: Value,
    question: String,
    mail: String,
}

impl Left {
    fn behind(world: &World, bridge: &Bridge<'_>) -> Result<Self, Box<dyn std::error::Error>> {
        world.model().script(["A", "B"].map(Turn::text));
        world.claude().print("PROMPT-ONE")?.success()?;
        let session = bridge.session(LABEL)?;
        let to = text(&session["session"]);
        let sent = bridge.json(&["send-message", &to, QUESTION, "--kind", "question"])?;
        let question = text(&sent["id"]);
        world.claude().arg("--resume").arg(text(&session["native"])).print("PROMPT-TWO")?.success()?;
        bridge.wait_for_state(&question, "seen")?;
        let mail = bridge.send_quietly(&to, BODY)?;
        Ok(Self { session, question, mail })
    }
}

pub(crate) fn headless(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = forked(world, &bridge, &witness);
    explained(&witness, outcome)
}

fn forked(world: &World, bridge: &Bridge<'_>, witness: &Witness) -> CaseResult {
    let left = Left::behind(world, bridge)?;
    let old = text(&left.session["native"]);
    world.model().script(["C", "D"].map(Turn::text));
    world.claude().arg("--resume").arg(&old).arg("--fork-session").print("PROMPT-THREE")?.success()?;
    let sessions = bridge.sessions()?;
    assert_eq!(sessions.len(), 2, "a fork is a session of its own: {sessions:?}");
    let fork = sessions.iter().find(|s| s["session"] != left.session["session"]).ok_or("no fork")?;
    assert_ne!(text(&fork["native"]), old);
    assert_eq!(bridge.states(&left.mail)?, ["stored"], "a fork copies no mail");
    let step = world.model().steps_with("PROMPT-THREE").remove(0);
    assert!(step.contains("PROMPT-TWO"), "it has the former conversation");
    assert_eq!((step.count(BODY), step.count(OWED)), (0, 0), "and none of its mail or duties");
    let starts = witness.of("SessionStart");
    let start = starts.last().ok_or("no start")?;
    assert_eq!(
        (text(&start["source"]).as_str(), text(&start["session_id"])),
        ("fork", text(&fork["native"]))
    );

    world.claude().arg("--resume").arg(&old).print("PROMPT-FOUR")?.success()?;
    let step = world.model().steps_with("PROMPT-FOUR").remove(0);
    assert_eq!((step.count(BODY), step.count(OWED)), (1, 1), "the old session keeps both");
    assert!(!step.contains("PROMPT-THREE"));
    assert_eq!(bridge.states(&left.mail)?, ["stored", "offered", "injected", "seen"]);
    assert_eq!(bridge.states(&left.question)?, ["stored", "offered", "injected", "seen"]);
    assert_eq!(bridge.sessions()?.len(), 2);
    Ok(())
}

pub(crate) fn continued(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let left = Left::behind(world, &bridge)?;
    world.model().script(["C", "D"].map(Turn::text));
    for prompt in ["PROMPT-THREE", "PROMPT-FOUR"] {
        world.claude().arg("--continue").print(prompt)?.success()?;
    }
    assert_eq!(bridge.sessions()?.len(), 1, "the same session goes on");
    for prompt in ["PROMPT-THREE", "PROMPT-FOUR"] {
        let step = world.model().steps_with(prompt).pop().ok_or("no request")?;
        assert_eq!(step.count(BODY), 1, "{prompt}");
        assert!(step.count(OWED) >= 1);
    }
    assert_eq!(bridge.states(&left.mail)?, ["stored", "offered", "injected", "seen"]);
    assert_eq!(bridge.states(&left.question)?, ["stored", "offered", "injected", "seen"]);
    Ok(())
}

/// A fork made by another process takes nothing from the session that is open in a window.
pub(crate) fn of_an_open_session(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.claude().tui("claude")?;
    let open = bridge.session(LABEL)?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle(LABEL)?;
    let mail = bridge.send_quietly(LABEL, BODY)?;
    world.model().script([Turn::text("B"), Turn::text("WOKEN-ANSWER")]);
    let native = text(&open["native"]);
    world.claude().arg("--resume").arg(&native).arg("--fork-session").print("PROMPT-TWO")?.success()?;
    let still = bridge.session(LABEL)?;
    assert_eq!((&still["session"], &still["presence"]), (&open["session"], &Value::from("idle")), "{still}");
    assert_eq!(bridge.sessions()?.len(), 2);
    assert_eq!(bridge.states(&mail)?, ["stored"]);
    // The window is reached as before.
    let note = bridge.send(LABEL, "ONE-MORE-THING")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&note, "seen")?;
    bridge.wait_for_state(&mail, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert_eq!((steps[1].count(BODY), steps[2].count(BODY)), (0, 1));
    Ok(())
}

/// `/branch` in a window: the window goes on with the fork, and the old session has ended with its mail.
pub(crate) fn in_a_window(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = branched(world, &bridge);
    explained(&witness, outcome)
}

fn branched(world: &World, bridge: &Bridge<'_>) -> CaseResult {
    let tui = world.claude().tui("claude")?;
    let old = bridge.session(LABEL)?;
    world.model().script([
        Turn::text("FIRST-ANSWER"),
        Turn::text("SECOND-ANSWER"),
        Turn::text("WOKEN-ANSWER"),
    ]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    let mail = bridge.send_quietly(LABEL, BODY)?;
    tui.prompt("/branch")?;
    let fork = || {
        let sessions = bridge.sessions().ok()?;
        sessions.into_iter().find(|s| s["session"] != old["session"] && s["presence"] == "idle")
    };
    let fork = wait_until("the fork", PATIENCE, fork)?;
    let left = || {
        bridge
            .sessions()
            .ok()?
            .into_iter()
            .find(|s| s["session"] == old["session"] && s["presence"] == "ended")
    };
    wait_until("the end of the old session in this window", PATIENCE, left)?;
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    let step = world.model().steps_with("PROMPT-TWO").remove(0);
    assert!(step.contains("PROMPT-ONE") && !step.contains(BODY), "it copies no mail");
    assert_eq!(bridge.states(&mail)?, ["stored"]);
    // The door is the fork's now.
    let note = bridge.send(&text(&fork["session"]), "ONE-MORE-THING")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&note, "seen")?;
    assert_eq!(bridge.states(&mail)?, ["stored"]);
    Ok(())
}
