//! Grok Build runs Claude Code's hooks, without their arguments, and starts Claude Code's and Cursor's servers: alone or
//! beside its own.

use std::fs;

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{LABEL, run, shell};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{BODY, SEEN, held, while_running};

const SECOND: &str = "The index on ORDERS-77 is gone.";

/// What a receipt says of the way to its first recipient: state, and surface where it has one.
fn way(bridge: &Bridge<'_>, id: &str) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let receipts = bridge.json(&["receipts", id])?;
    let steps = receipts["receipts"][0]["steps"].as_array().cloned().unwrap_or_default();
    let word = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    Ok(steps.iter().map(|step| (word(step, "state"), word(step, "surface"))).collect())
}

/// One session, Grok Build's, whoever's entries brought it.
fn assert_is_grok(bridge: &Bridge<'_>) -> CaseResult {
    let sessions = bridge.sessions()?;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["provider"], json!("grok"), "{sessions:?}");
    assert_eq!(sessions[0]["label"], json!(LABEL), "{sessions:?}");
    Ok(())
}

/// Only Claude Code has the bridge. Of its events Grok Build knows a session's start, prompts and ends of turns: mail makes
/// the turn go on.
pub(crate) fn instead(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    bridge.run(&["init", "--provider", "claude-code", "--yes", "--allow-tools"])?;
    assert!(!world.grok_dir().join("hooks").exists(), "nothing of ours is in its own folder");
    let tui = world.grok().unasked().tui("grok")?;
    bridge.session(LABEL)?;
    let read = bridge.send_quietly(LABEL, SECOND)?;
    let (last, asks, go) = held(Turn::text("FIRST-ANSWER"));
    world.model().script([
        Turn::mcp(SERVER, "bridge_whoami", &json!({})),
        Turn::mcp(SERVER, "bridge_read_message", &json!({"ids": [read]})),
        last,
        Turn::text("MAIL-WAS-READ"),
        Turn::text("SECOND-ANSWER"),
    ]);
    tui.prompt("PROMPT-ONE")?;
    asks.recv_timeout(PATIENCE)?;
    let id = bridge.send(LABEL, BODY)?;
    go.send(())?;
    tui.wait_for("MAIL-WAS-READ")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, SEEN);
    let went = way(&bridge, &id)?;
    assert_eq!(went[2], ("injected".to_owned(), "turn-end".to_owned()), "{went:?}");
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for("SECOND-ANSWER")?;

    let steps = world.model().steps();
    assert_eq!(steps.len(), 5, "one end of a turn, one continuation");
    // Of Claude Code's events Grok Build knows no end of a tool: what was read by one is named once more.
    assert_eq!(bridge.states(&read)?, ["stored", "offered"]);
    assert_eq!(steps.iter().map(|step| step.count(SECOND)).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
    assert_eq!(steps[4].count("These may already stand above"), 1);
    for word in ["This session is `grok-project`", "`session-bridge__`"] {
        assert_eq!(steps[0].count(word), 1, "{word}");
    }
    let who = steps[1].last_tool_result().unwrap_or_default();
    assert!(who.contains(LABEL), "{who}");
    assert_eq!(steps.iter().map(|step| step.count(BODY)).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    assert_is_grok(&bridge)?;
    tui.prompt("/exit")?;
    tui.wait_closed()?;
    let ended = || bridge.sessions().ok()?.into_iter().find(|s| s["presence"] == "ended");
    wait_until("the end of the session", PATIENCE, ended)?;
    assert_is_grok(&bridge)
}

/// Claude Code, Cursor and Grok Build have the bridge: each event of Grok Build reaches us twice and is heard once.
pub(crate) fn beside(world: &World) -> CaseResult {
    fs::create_dir_all(world.home().join(".cursor"))?;
    let bridge = Bridge::installed(world)?;
    for file in [".claude/settings.json", ".claude.json", ".cursor/mcp.json", ".grok/config.toml"] {
        let text = fs::read_to_string(world.home().join(file))?;
        assert!(text.contains("session-bridge"), "{file}: {text}");
    }
    world.set_env("SESSION_BRIDGE_LOG", "debug");
    let tui = world.grok().unasked().tui("grok")?;
    bridge.session(LABEL)?;
    let served = |line: &str| line.contains("session-bridge mcp");
    let servers: Vec<_> = world.processes().into_iter().filter(|(_, line)| served(line)).collect();
    assert_eq!(servers.len(), 1, "{servers:?}");
    let (first, first_asks, first_go) = held(shell("echo TOOL-RESULT"));
    let (last, last_asks, last_go) = held(Turn::text("FIRST-ANSWER"));
    world.model().script([first, last, Turn::text("MAIL-WAS-READ"), Turn::text("SECOND-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    first_asks.recv_timeout(PATIENCE)?;
    let with_tool = bridge.send(LABEL, BODY)?;
    first_go.send(())?;
    last_asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&with_tool)?, ["stored", "offered"], "the other entry's hook proves nothing");
    let at_end = bridge.send(LABEL, SECOND)?;
    last_go.send(())?;
    tui.wait_for("MAIL-WAS-READ")?;
    for (id, surface) in [(&with_tool, "after-tool"), (&at_end, "turn-end")] {
        assert_eq!(bridge.wait_for_state(id, "seen")?, SEEN, "each step once");
        let way = way(&bridge, id)?;
        assert_eq!(way[2], ("injected".to_owned(), surface.to_owned()), "{way:?}");
    }
    tui.prompt("PROMPT-TWO")?;
    tui.wait_for("SECOND-ANSWER")?;

    let steps = world.model().steps();
    assert_eq!(steps.len(), 4, "one end of a turn, one continuation");
    assert_eq!(steps[0].count("This session is `grok-project`"), 1);
    assert_eq!([0, 1, 2, 3].map(|at: usize| steps[at].count(BODY)), [0, 1, 1, 1]);
    assert_eq!([0, 1, 2, 3].map(|at: usize| steps[at].count(SECOND)), [0, 0, 1, 1]);
    assert_is_grok(&bridge)?;
    // Not because nobody ran the other entries.
    let log = fs::read_to_string(world.home().join(".session-bridge/log/hook.log"))?;
    assert_eq!(log.matches("UserPromptSubmit: done").count(), 4, "two prompts, told twice each:\n{log}");
    tui.prompt("/exit")?;
    tui.wait_closed()?;
    let ended = || bridge.sessions().ok()?.into_iter().find(|s| s["presence"] == "ended");
    wait_until("the end of the session", PATIENCE, ended)?;
    assert_is_grok(&bridge)
}

/// A headless run ends at once: its turn goes on for the mail all the same.
pub(crate) fn headless(world: &World) -> CaseResult {
    let bridge = Bridge::not_installed(world);
    bridge.run(&["init", "--provider", "claude-code", "--yes", "--allow-tools"])?;
    let (last, asks, go) = held(Turn::text("FIRST-ANSWER"));
    world.model().script([last, Turn::text("MAIL-WAS-READ")]);
    let mut id = String::new();
    while_running(world, &run, || {
        asks.recv_timeout(PATIENCE)?;
        id = bridge.send(LABEL, BODY)?;
        go.send(())?;
        Ok(())
    })?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, SEEN);
    let steps = world.model().steps();
    assert_eq!(steps.iter().map(|step| step.count(BODY)).collect::<Vec<_>>(), [0, 1]);
    assert_is_grok(&bridge)
}
