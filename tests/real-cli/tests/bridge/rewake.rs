//! Mail that nobody was there to take: it came after the last hook of a turn had looked, or after an interruption, or
//! beside what wakes nobody. And two sessions that answer each other until the bridge stops them.

use std::fs;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER, field_in};

const BODY: &str = "The schema of table ORDERS-78 changed.";
const NUDGE: &str = "[session-bridge wake ";
/// Longer than any pause after which a wake would come.
const QUIET: Duration = Duration::from_secs(11);

/// A step at which the model thinks until it is told to go on.
fn held(turn: Turn) -> (Turn, Receiver<()>, Sender<()>) {
    let (asked, asks) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let hold = move |_: &Request| {
        let _ = asked.send(());
        let _ = gone.recv_timeout(PATIENCE);
        turn
    };
    (Turn::with(hold), asks, go)
}

/// Our hook at the turn's end has looked, but another one beside it still keeps the turn from ending.
pub(crate) fn codex_late_mail(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let (looked, go) = (world.tmp().join("looked"), world.tmp().join("go"));
    let line = format!("touch {}; until [ -e {} ]; do sleep 0.1; done", looked.display(), go.display());
    world.edit_json(&world.codex_dir().join("hooks.json"), |hooks| {
        if let Some(groups) = hooks["hooks"]["Stop"].as_array_mut() {
            groups.push(json!({"hooks": [{"type": "command", "command": line, "timeout": 60}]}));
        }
    })?;
    let tui = world.codex().unreviewed_hooks().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER"), Turn::text("WOKEN-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    wait_until("the end of the turn", PATIENCE, || looked.exists().then_some(()))?;
    bridge.idle("codex-project")?;
    let id = bridge.send("codex-project", BODY)?;
    thread::sleep(Duration::from_secs(2));
    assert_eq!(world.model().steps().len(), 1, "the turn has not ended");
    fs::write(&go, "")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2, "one turn more");
    assert_eq!((steps[1].count(BODY), steps[1].count(NUDGE)), (1, 1));
    Ok(())
}

/// What is sent after Esc is held, and the sender is told why; it comes with the next prompt, once.
pub(crate) fn codex_interrupted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    let (turn, asked, go) = held(Turn::text("NEVER-SHOWN"));
    world.model().script([Turn::text("FIRST-ANSWER"), turn, Turn::text("LAST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.prompt("PROMPT-TWO")?;
    asked.recv_timeout(PATIENCE)?;
    tui.press("Escape")?;
    bridge.idle("codex-project")?;
    go.send(())?;
    let id = bridge.send("codex-project", BODY)?;
    let remark = wait_until("the remark", PATIENCE, || {
        let receipt = bridge.json(&["receipts", &id]).ok()?["receipts"][0].clone();
        receipt["remark"].as_str().map(str::to_owned)
    })?;
    assert!(remark.starts_with("held: its user interrupted the last turn"), "{remark}");
    thread::sleep(QUIET);
    assert_eq!(world.model().steps().len(), 2, "nothing starts a turn");
    assert_eq!(bridge.states(&id)?, ["stored"], "nothing was queued");
    tui.prompt("PROMPT-THREE")?;
    tui.wait_for_answer("LAST-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    let receipt = bridge.json(&["receipts", &id])?["receipts"][0].clone();
    assert!(receipt["remark"].is_null(), "{receipt}");
    thread::sleep(Duration::from_secs(2));
    let steps = world.model().steps();
    assert_eq!(steps.len(), 3);
    assert_eq!((steps[2].count(BODY), steps[2].count(NUDGE)), (1, 0));
    Ok(())
}

/// The bell stands for a status when the question rings it.
fn status_then_question(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, label: &str) -> CaseResult {
    bridge.send_quietly(label, "PROGRESS-4")?;
    thread::sleep(Duration::from_secs(2));
    assert_eq!(world.model().steps().len(), 1, "a status wakes nobody");
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let sent = bridge.json(&["send-message", label, "Which port, ORDERS-79?", "--kind", "question"])?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(sent["id"].as_str().unwrap_or_default(), "seen")?;
    thread::sleep(QUIET);
    let steps = world.model().steps();
    assert_eq!(steps.len(), 2, "one turn");
    for text in ["PROGRESS-4", "ORDERS-79", NUDGE] {
        assert_eq!(steps[1].count(text), 1, "{text}");
    }
    Ok(())
}

pub(crate) fn claude_status_then_question(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("claude-project")?;
    status_then_question(world, &bridge, &tui, "claude-project")
}

pub(crate) fn codex_status_then_question(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.idle("codex-project")?;
    status_then_question(world, &bridge, &tui, "codex-project")
}

/// Ids of what was sent, in order.
type Sent = Arc<Mutex<Vec<String>>>;

/// A model that answers whatever wakes it by a new message to `peer`.
fn polite(world: &World, name: &'static str, peer: &str, sent: &Sent) {
    for n in 0..20 {
        let body = format!("{name}-SAYS-{n}");
        let sent = Arc::clone(sent);
        world.model().script_for(
            name,
            [
                Turn::mcp(SERVER, "bridge_send_message", &json!({"to": peer, "body": body})),
                Turn::with(move |request| {
                    let id = field_in(request, "id");
                    sent.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                    Turn::text(format!("{name}-SAID-{n}"))
                }),
            ],
        );
    }
}

/// Nobody types anything after the two first prompts.
pub(crate) fn two_polite_sessions(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let sent = Sent::default();
    world.model().script_for("BE-BEN", [Turn::text("BEN-IS-THERE")]);
    polite(world, "BE-ANN", "codex-project", &sent);
    polite(world, "BE-BEN", "claude-project", &sent);
    let claude = world.claude().tui("claude")?;
    bridge.session("claude-project")?;
    let codex = world.codex().tui("codex")?;
    codex.prompt("BE-BEN")?;
    codex.wait_for_answer("BEN-IS-THERE")?;
    claude.prompt("BE-ANN")?;
    let count = || sent.lock().unwrap_or_else(PoisonError::into_inner).len();
    wait_until("the last message", PATIENCE * 3, || (count() == 7).then_some(()))?;
    thread::sleep(QUIET);
    let ids = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(ids.len(), 7, "one, and six that answer it");
    for id in &ids[..6] {
        bridge.wait_for_state(id, "seen")?;
    }
    let last = bridge.json(&["receipts", &ids[6]])?["receipts"][0].clone();
    assert_eq!(last["state"], "stored", "{last}");
    let remark = last["remark"].as_str().unwrap_or_default();
    assert!(remark.starts_with("held: agents passed this on 6 times without a person"), "{remark}");

    // A person goes on: the message comes, and the count begins anew.
    world.model().script_for("GO-ON", [Turn::text("THERE-IT-IS")]);
    codex.prompt("GO-ON")?;
    bridge.wait_for_state(&ids[6], "seen")?;
    Ok(())
}
