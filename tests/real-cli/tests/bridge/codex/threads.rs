//! Threads that go on, are copied, shortened or left: who is who, and what becomes of the mail.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Tui, World, wait_until};

use super::{REFERENCES, WHOLE_WAY, assert_doubted, at_rest, greet, shell, steps, unasked};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{held, while_running};

const LABEL: &str = "codex-project";
const SECOND: &str = "codex-project-2";
const OWED: &str = "Questions shown earlier and not answered";

/// One prompt, to the end of its turn.
fn say(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, prompt: &str, label: &str) -> CaseResult {
    greet(world, bridge, tui, prompt, label)?;
    Ok(())
}

/// Mail that goes out with a prompt whose turn ends by Esc before any output.
fn doubt(world: &World, bridge: &Bridge<'_>, tui: &Tui<'_>, body: &str) -> super::Outcome<String> {
    let id = bridge.send_quietly(LABEL, body)?;
    let (turn, asks, go) = held(Turn::text("NEVER-READ"));
    world.model().script([turn]);
    tui.prompt("CUT-SHORT")?;
    asks.recv_timeout(PATIENCE)?;
    tui.press("Escape")?;
    at_rest(bridge, LABEL)?;
    drop(go);
    assert_doubted(bridge, &id)?;
    Ok(id)
}

/// A window is opened again on its thread, first while the daemon still has it, then after the daemon is gone.
pub(crate) fn resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let native = session["native"].as_str().unwrap_or_default();
    tui.close()?;
    let loaded = bridge.send_quietly(LABEL, "MAIL-WHILE-CLOSED")?;
    // Nobody else may write to a thread that the daemon has; who tries disturbs nothing.
    let refused = world.codex().resume(native, "REFUSED")?;
    assert!(refused.status == Some(1) && refused.stderr.contains("active writer"), "{refused:?}");
    let now = at_rest(&bridge, LABEL)?;
    assert_eq!((&now["pid"], &now["seen"]), (&session["pid"], &session["seen"]));
    assert_eq!(steps(&bridge, &loaded)?, ["stored"]);
    let tui = world.codex().arg("resume").arg(native).tui("again")?;
    say(world, &bridge, &tui, "PROMPT-TWO", LABEL)?;
    assert_eq!(bridge.wait_for_state(&loaded, "seen")?, WHOLE_WAY);
    let request = world.model().steps_with("PROMPT-TWO").pop().ok_or("no request")?;
    assert_eq!(request.count("this session is `"), 2, "each window begins with a session start");

    let sent = bridge.json(&["send-message", LABEL, "WHICH-PORT?", "--kind", "question"])?;
    let question = sent["id"].as_str().ok_or("no id")?.to_owned();
    bridge.wait_for_state(&question, "seen")?;
    tui.close()?;
    world.kill_codex_daemon()?;
    super::presence(&bridge, LABEL, "ended")?;
    let to = session["session"].as_str().unwrap_or_default();
    let unloaded = bridge.send(to, "MAIL-WHILE-GONE")?;
    let tui = world.codex().arg("resume").arg(native).tui("once-more")?;
    say(world, &bridge, &tui, "PROMPT-THREE", LABEL)?;
    assert_eq!(bridge.wait_for_state(&unloaded, "seen")?, WHOLE_WAY);

    let all = bridge.sessions()?;
    assert_eq!((all.len(), &all[0]["session"]), (1, &session["session"]), "{all:?}");
    let last = world.model().steps().pop().ok_or("no request")?;
    for body in ["MAIL-WHILE-CLOSED", "WHICH-PORT?", "MAIL-WHILE-GONE"] {
        assert_eq!(last.count(body), 1, "{body}");
    }
    let told = last.told();
    let list = told.iter().find_map(|m| m.text.split_once(OWED)).ok_or("the open question is not listed")?.1;
    assert!(list.contains(&question), "{list}");
    Ok(())
}

/// A fork begins with what its origin said, and owns nothing of it: neither its mail nor its questions.
pub(crate) fn forked(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let native = session["native"].as_str().unwrap_or_default();
    let sent = bridge.json(&["send-message", LABEL, "WHICH-PORT?", "--kind", "question"])?;
    let question = sent["id"].as_str().ok_or("no id")?.to_owned();
    bridge.wait_for_state(&question, "seen")?;
    let mail = bridge.send_quietly(LABEL, "MAIL-OF-THE-ORIGIN")?;

    let fork = world.codex().arg("fork").arg(native).tui("fork")?;
    let other = greet(world, &bridge, &fork, "PROMPT-OF-FORK", SECOND)?;
    assert_ne!(other["native"], session["native"]);
    let first = world.model().steps_with("PROMPT-OF-FORK").pop().ok_or("no request")?;
    assert_eq!(first.count("WHICH-PORT?"), 1, "its history has the question");
    assert_eq!((first.count("MAIL-OF-THE-ORIGIN"), first.count(OWED)), (0, 0), "and it owes no answer");
    assert!(first.contains(&format!("this session is `{SECOND}`")));
    assert_eq!(steps(&bridge, &mail)?, ["stored"]);

    let own = bridge.send_quietly(SECOND, "MAIL-OF-THE-FORK")?;
    say(world, &bridge, &fork, "PROMPT-TWO-OF-FORK", SECOND)?;
    say(world, &bridge, &tui, "PROMPT-TWO", LABEL)?;
    for (id, prompt, body, not) in [
        (&own, "PROMPT-TWO-OF-FORK", "MAIL-OF-THE-FORK", "MAIL-OF-THE-ORIGIN"),
        (&mail, "PROMPT-TWO", "MAIL-OF-THE-ORIGIN", "MAIL-OF-THE-FORK"),
    ] {
        assert_eq!(bridge.wait_for_state(id, "seen")?, WHOLE_WAY);
        let last = world.model().steps_with(prompt).pop().ok_or("no request")?;
        assert_eq!((last.count(body), last.count(not)), (1, 0), "{prompt}");
    }

    // The same without a window, while the origin is open in one.
    let mail = bridge.send_quietly(LABEL, "MORE-OF-THE-ORIGIN")?;
    world.model().script_for("PROMPT-OF-EXEC", [Turn::text("EXEC-ANSWER")]);
    world.codex().fork(native, "PROMPT-OF-EXEC")?.success()?;
    let request = world.model().steps_with("PROMPT-OF-EXEC").pop().ok_or("no request")?;
    assert_eq!((request.count("MORE-OF-THE-ORIGIN"), request.count("WHICH-PORT?")), (0, 1));
    assert_eq!(steps(&bridge, &mail)?, ["stored"]);
    assert_eq!(bridge.sessions()?.len(), 3);
    Ok(())
}

/// Esc twice goes back to an earlier prompt. Codex ends the thread and loads it again, cut off: the next prompt is told
/// which question it may have lost.
pub(crate) fn rewound(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let sent = bridge.json(&["send-message", LABEL, "WHICH-PORT?", "--kind", "question"])?;
    let question = sent["id"].as_str().ok_or("no id")?.to_owned();
    bridge.wait_for_state(&question, "seen")?;
    at_rest(&bridge, LABEL)?;
    wait_until("the transcript to browse", PATIENCE, || {
        tui.press("Escape").ok()?;
        thread::sleep(Duration::from_millis(500));
        tui.shows("Browsing transcript").then_some(())
    })?;
    tui.press("Enter")?;
    tui.wait_for("Conversation reverted")?;
    super::presence(&bridge, LABEL, "ended")?;
    let to = session["session"].as_str().unwrap_or_default();
    let id = bridge.send(to, "MAIL-AFTER-THE-REWIND")?;
    // The prompt that was gone back to stands in the composer.
    tui.press("C-u")?;
    say(world, &bridge, &tui, "PROMPT-TWO", LABEL)?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, WHOLE_WAY);
    let last = world.model().steps_with("PROMPT-TWO").pop().ok_or("no request")?;
    assert_eq!((last.count("MAIL-AFTER-THE-REWIND"), last.count("WHICH-PORT?")), (1, 0));
    let told = last.told();
    let list = told.iter().find_map(|m| m.text.split_once(OWED)).ok_or("the open question is not listed")?.1;
    assert!(list.contains(&question), "{list}");
    let all = bridge.sessions()?;
    assert_eq!((all.len(), &all[0]["native"]), (1, &session["native"]), "{all:?}");
    Ok(())
}

/// `/compact` with mail that waits and mail in doubt: the one comes whole, the other by reference, each once.
pub(crate) fn compacted(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    say(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let doubted = doubt(world, &bridge, &tui, "MAIL-IN-DOUBT")?;
    let waits = bridge.send_quietly(LABEL, "MAIL-THAT-WAITS")?;
    tui.prompt("/compact")?;
    tui.wait_for_any(&["Compacted", "compacted"])?;
    assert_eq!(steps(&bridge, &waits)?, ["stored"], "a compaction delivers nothing");
    assert_doubted(&bridge, &doubted)?;
    for prompt in ["PROMPT-TWO", "PROMPT-THREE"] {
        say(world, &bridge, &tui, prompt, LABEL)?;
    }
    assert_eq!(bridge.wait_for_state(&waits, "seen")?, WHOLE_WAY);
    assert_doubted(&bridge, &doubted)?;
    for prompt in ["PROMPT-TWO", "PROMPT-THREE"] {
        let request = world.model().steps_with(prompt).pop().ok_or("no request")?;
        assert_eq!((request.count("MAIL-THAT-WAITS"), request.count(REFERENCES)), (1, 1), "{prompt}");
        let told = request.told();
        let line = told.iter().find_map(|m| m.text.split_once(REFERENCES)).map(|(_, line)| line);
        assert!(line.is_some_and(|line| line.contains(&doubted)), "{line:?}");
    }
    assert_eq!(bridge.sessions()?.len(), 1);
    Ok(())
}

/// Codex makes its context anew between two steps of a turn. What came beside the tool's result before that may have
/// gone: the new context gets a reference, and the turn's end proves nothing of it.
pub(crate) fn compacted_in_a_turn(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    world.model().script([shell(command), Turn::text("FIRST-ANSWER")]);
    // Any answer of the model makes the context too large.
    let run = |world: &World, prompt: &str| {
        unasked(world).arg("-c").arg("model_auto_compact_token_limit=1").exec(prompt)
    };
    let mut id = String::new();
    while_running(world, &run, || {
        let running = world.project().join("running");
        wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
        id = bridge.send(LABEL, "MAIL-BEFORE-THE-COMPACTION")?;
        fs::write(world.project().join("go"), "")?;
        Ok(())
    })?;
    assert_doubted(&bridge, &id)?;
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered after-tool"]);
    let asked = world.model().steps();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].count("MAIL-BEFORE-THE-COMPACTION"), 0, "Codex kept the prompts and a summary");
    assert_eq!((asked[1].count(REFERENCES), asked[1].count(&id)), (1, 1));
    let summary = world.model().others().into_iter().find(|request| request.contains("TOOL-RESULT"));
    assert_eq!(
        summary.ok_or("no request for a summary")?.count("MAIL-BEFORE-THE-COMPACTION"),
        1,
        "it was asked with all"
    );

    let session = super::presence(&bridge, LABEL, "ended")?;
    let read = Turn::mcp(SERVER, "bridge_read_message", &json!({"ids": [&id]}));
    world.model().script([read, Turn::text("SECOND-ANSWER")]);
    world.codex().resume(session["native"].as_str().unwrap_or_default(), "PROMPT-TWO")?.success()?;
    let asked = world.model().steps();
    assert_eq!([2, 3].map(|n| asked[n].count(REFERENCES)), [1, 1], "no second reference");
    assert_eq!([2, 3].map(|n| asked[n].count("MAIL-BEFORE-THE-COMPACTION")), [0, 1]);
    assert_eq!(steps(&bridge, &id)?[2..], ["injected mcp-pull", "seen mcp-pull"]);
    Ok(())
}

/// `/clear` while a delivery is not proven. Codex wants the turn to end first, which Esc does; the new conversation
/// is another session, and the old one is told of the mail when somebody goes back to it.
pub(crate) fn cleared(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = world.codex().tui("codex")?;
    let session = greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let id = doubt(world, &bridge, &tui, "MAIL-BEFORE-CLEAR")?;
    tui.prompt("/clear")?;
    wait_until("an empty screen", PATIENCE, || (!tui.shows("CUT-SHORT")).then_some(()))?;
    say(world, &bridge, &tui, "PROMPT-TWO", SECOND)?;
    let first = world.model().steps_with("PROMPT-TWO").pop().ok_or("no request")?;
    assert_eq!((first.count("MAIL-BEFORE-CLEAR"), first.count(REFERENCES)), (0, 0));
    assert!(first.contains("Another conversation of this folder, `codex-project`"));
    assert_doubted(&bridge, &id)?;

    let native = session["native"].as_str().unwrap_or_default();
    let back = world.codex().arg("resume").arg(native).tui("back")?;
    say(world, &bridge, &back, "PROMPT-THREE", LABEL)?;
    let last = world.model().steps_with("PROMPT-THREE").pop().ok_or("no request")?;
    assert_eq!((last.count("MAIL-BEFORE-CLEAR"), last.count(REFERENCES), last.count(&id)), (1, 1, 2));
    assert_doubted(&bridge, &id)?;
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered prompt"]);
    let again = json!([session["session"]]);
    let known = bridge.sessions()?;
    assert_eq!(known.len(), 2, "{again} and the one after /clear: {known:?}");
    Ok(())
}
