//! Ends that take a delivery with them before it was proven: Esc, `/clear`, `/compact`.

use std::error::Error;
use std::fs;

use serde_json::{Value, json};
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use crate::beside::{Witness, explained};
use crate::bridge::{Bridge, PATIENCE};
use crate::lost::{LABEL, REFERENCE, begun, in_doubt, referred};
use crate::surfaces::held;

const BODY: &str = "The schema of table ORDERS-77 changed.";
const MORE: &str = "ONE-MORE-THING";

/// A prompt with mail, ended by Esc before the model said anything. Returns the mail's id.
fn escaped<'w>(world: &'w World, bridge: &Bridge<'_>) -> Result<(Tui<'w>, String), Box<dyn Error>> {
    let tui = begun(world, bridge)?;
    let id = bridge.send_quietly(LABEL, BODY)?;
    let (silent, asks, _go) = held(Turn::text("NEVER-READ"));
    world.model().script_for("PROMPT-TWO", [silent]);
    tui.prompt("PROMPT-TWO")?;
    asks.recv_timeout(PATIENCE)?;
    assert_eq!(world.model().steps()[1].count(BODY), 1);
    tui.press("Escape")?;
    wait_until("the interruption", PATIENCE, || (!tui.shows("esc to interrupt")).then_some(()))?;
    assert_eq!(bridge.states(&id)?, ["stored", "offered"]);
    // The prompt stands in the input box again.
    tui.press("C-u")?;
    Ok((tui, id))
}

/// Says two more prompts and returns their requests.
fn two_prompts(world: &World, tui: &Tui<'_>) -> Result<[Request; 2], Box<dyn Error>> {
    world.model().script_for("PROMPT-FOUR", [Turn::text("FOURTH-ANSWER")]);
    world.model().script_for("PROMPT-THREE", [Turn::text("THIRD-ANSWER")]);
    for (prompt, answer) in [("PROMPT-THREE", "THIRD-ANSWER"), ("PROMPT-FOUR", "FOURTH-ANSWER")] {
        tui.prompt(prompt)?;
        tui.wait_for_answer(answer)?;
    }
    let steps = world.model().steps();
    let [.., third, fourth] = steps.as_slice() else { return Err("too few requests".into()) };
    assert!(!third.contains("PROMPT-FOUR") && fourth.contains("PROMPT-FOUR"));
    Ok([third.clone(), fourth.clone()])
}

/// The host removes the prompt and what hooks said with it, and tells nobody.
pub(crate) fn esc_early(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let (tui, id) = escaped(world, &bridge)?;
        let told = witness.events().len();
        world.model().script(["THIRD-ANSWER", "FOURTH-ANSWER"].map(Turn::text));
        referred(world, &bridge, &tui, &id)?;
        assert_eq!(witness.events()[told]["hook_event_name"], "UserPromptSubmit", "Esc is no event");
        assert!(world.model().steps_with("PROMPT-TWO").len() == 1, "the prompt is gone");
        Ok(())
    })();
    explained(&witness, outcome)
}

/// After a tool round everything stays in the conversation: the reference is right, and the body stands once.
pub(crate) fn esc_late(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let tui = begun(world, &bridge)?;
        let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
        let (silent, asks, _go) = held(Turn::text("NEVER-READ"));
        let shell = Turn::tool("Bash", &json!({"command": command, "description": "wait"}));
        world.model().script_for("PROMPT-TWO", [shell, silent]);
        tui.prompt("PROMPT-TWO")?;
        let running = world.project().join("running");
        wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
        let id = bridge.send_quietly(LABEL, BODY)?;
        fs::write(world.project().join("go"), "")?;
        asks.recv_timeout(PATIENCE)?;
        tui.press("Escape")?;
        tui.wait_for("Interrupted")?;
        tui.press("C-u")?;
        for request in two_prompts(world, &tui)? {
            assert_eq!((request.count(BODY), request.count(REFERENCE)), (1, 1));
        }
        in_doubt(&bridge, &id, &["stored", "offered"])
    })();
    explained(&witness, outcome)
}

/// A new conversation is told the id, once; the body is gone with the old one.
pub(crate) fn clear(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let (tui, id) = escaped(world, &bridge)?;
        tui.prompt("/clear")?;
        let second = || bridge.sessions().ok()?.into_iter().find(|s| s["conversation"] == json!(2));
        wait_until("the second conversation", PATIENCE, second)?;
        for request in two_prompts(world, &tui)? {
            assert_eq!((request.count(BODY), request.count(REFERENCE), request.count(&id)), (0, 1, 1));
        }
        in_doubt(&bridge, &id, &["stored", "offered"])
    })();
    explained(&witness, outcome)
}

/// Compaction repeats nothing: what was under way is referred to, and what waits comes with the next prompt.
pub(crate) fn compact(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let (tui, id) = escaped(world, &bridge)?;
        let waiting = bridge.send_quietly(LABEL, MORE)?;
        tui.prompt("/compact")?;
        tui.wait_for_any(&["Compacted", "compacted"])?;
        let start = witness.of("SessionStart").pop().ok_or("no start")?;
        assert_eq!(start["source"], "compact");
        assert!(start["prompt_id"].is_string(), "this start names a turn: {start}");
        let before = world.model().steps();
        assert!(before.iter().skip(2).all(|step| !step.contains(BODY) && !step.contains(MORE)));
        for request in two_prompts(world, &tui)? {
            assert_eq!((request.count(BODY), request.count(REFERENCE), request.count(MORE)), (0, 1, 1));
        }
        assert_eq!(bridge.states(&waiting)?, ["stored", "offered", "injected", "seen"]);
        in_doubt(&bridge, &id, &["stored", "offered"])
    })();
    explained(&witness, outcome)
}

/// Another tool blocks each end of a turn, up to the host's cap. Mail that goes out beside such a block is proven by the
/// next end; with the last one, that the host overrules, it is not.
pub(crate) fn cap(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let on = world.tmp().join("blocks");
    let block = r#"{"decision":"block","reason":"KEEP-AT-IT"}"#;
    crate::beside::hook(world, "Stop", &format!("[ ! -e {} ] || echo '{block}'", on.display()))?;
    let outcome = (|| {
        let tui = begun(world, &bridge)?;
        fs::write(&on, "")?;
        let (first, first_asks, first_go) = held(Turn::text("ROUND-0"));
        let (last, last_asks, last_go) = held(Turn::text("ROUND-8"));
        let between = (1..8).map(|n| Turn::text(format!("ROUND-{n}")));
        let off = on.clone();
        let after = Turn::with(move |_| {
            let _ = fs::remove_file(off);
            Turn::text("AFTER-THE-CAP")
        });
        world.model().script(std::iter::once(first).chain(between).chain([last, after]));
        tui.prompt("PROMPT-TWO")?;
        first_asks.recv_timeout(PATIENCE)?;
        let early = bridge.send(LABEL, BODY)?;
        first_go.send(())?;
        last_asks.recv_timeout(PATIENCE)?;
        let late = bridge.send(LABEL, MORE)?;
        // Our hook took the ends that the other one blocked for ends, so the door rings; the post waits.
        let nudged = || {
            let receipts = bridge.json(&["receipts", &late]).ok()?;
            (receipts["receipts"][0]["steps"][1]["surface"] == "claude-inbox-socket").then_some(())
        };
        wait_until("the nudge", PATIENCE, nudged)?;
        last_go.send(())?;
        // Its end is not proven, so the nudge's prompt refers to it.
        tui.wait_for_answer("AFTER-THE-CAP")?;
        let steps = world.model().steps();
        assert_eq!(steps.len(), 11, "a turn of nine requests, then the nudge's");
        let stops = witness.of("Stop");
        let turn = |stop: &Value| stop["prompt_id"] == stops[1]["prompt_id"];
        assert_eq!(stops.iter().filter(|stop| turn(stop)).count(), 9, "eight blocks, and the end");
        assert_eq!(bridge.states(&early)?, ["stored", "offered", "injected", "seen"]);
        let after = &steps[10];
        assert_eq!((after.count(BODY), after.count(MORE), after.count(REFERENCE)), (1, 1, 1));
        assert_eq!(after.count(&late), 2, "in the body's frame, and where it is referred to");
        let mut states = bridge.states(&late)?;
        states.dedup();
        assert_eq!(states, ["stored", "offered"], "a block at the cap proves nothing");
        Ok(())
    })();
    explained(&witness, outcome)
}
