//! Deadlines: what a peer never looks at expires, and the sender's model is told once, without asking.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, World, wait_until};

use crate::bridge::{Bridge, PATIENCE, SERVER};

/// How long nothing must happen to count as nothing.
const QUIET: Duration = Duration::from_secs(2);

/// The model sends what wakes nobody and may wait for so many seconds.
fn sends(body: &str, lifetime: u32) -> Turn {
    let arguments = json!({"to": "codex-project", "body": body, "kind": "status", "expires_in": lifetime});
    Turn::mcp(SERVER, "bridge_send_message", &arguments)
}

/// The notice about a message, as its sender's model reads it.
fn notice(id: &str) -> String {
    format!("Your message {id} to `codex-project` expired unread.")
}

/// Waits until something of ours has rung for a session. Looking at a file evaluates no deadline.
fn rung(bell: &Path) -> CaseResult {
    Ok(wait_until("the sender's bell", PATIENCE, || bell.exists().then_some(()))?)
}

pub(crate) fn claude_is_told(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let codex = world.codex().tui("codex")?;
    world.model().script_for("FIRST-WORDS", [Turn::text("CODEX-IS-THERE")]);
    codex.prompt("FIRST-WORDS")?;
    codex.wait_for_answer("CODEX-IS-THERE")?;
    bridge.session("codex-project")?;

    // At its prompt, with nothing to do.
    let claude = world.claude().arg("--allowedTools").arg("Bash").tui("claude")?;
    let session = bridge.session("claude-project")?;
    let id = session["session"].as_str().ok_or("no id")?;
    let bell = world.home().join(".session-bridge/run").join(id).join("bell");
    world.model().script_for("TELL-CODEX", [sends("PROGRESS-1", 2), Turn::text("TOLD-IT")]);
    claude.prompt("TELL-CODEX")?;
    claude.wait_for_answer("TOLD-IT")?;
    rung(&bell)?;
    let first = sent(world, "TELL-CODEX")?;
    let before = world.model().steps().len();
    thread::sleep(QUIET);
    assert_eq!(world.model().steps().len(), before, "a notice starts no turn");
    assert!(!codex.shows("PROGRESS-1"));

    // Beside its next prompt; and, in that turn, beside the result of a command that outlasts another deadline.
    let wait = format!("until [ -e '{}' ]; do sleep 0.1; done; echo COMMAND-RESULT", bell.display());
    world.model().script_for(
        "AND-AGAIN",
        [
            sends("PROGRESS-2", 4),
            Turn::with({
                let bell = bell.clone();
                move |_| {
                    // The hook of the call has settled what came before: what rings from here on is the deadline.
                    let _ = wait_until("silence", PATIENCE, || (!bell.exists()).then_some(()));
                    Turn::tool("Bash", &json!({"command": wait, "description": "waits"}))
                }
            }),
            Turn::text("HEARD-IT"),
        ],
    );
    claude.prompt("AND-AGAIN")?;
    claude.wait_for_answer("HEARD-IT")?;
    let steps = world.model().steps_with("AND-AGAIN");
    assert_eq!(steps[0].count(&notice(&first)), 1, "the notice stands beside the prompt");
    let second = sent(world, "AND-AGAIN")?;
    let last = steps.last().ok_or("no step")?;
    assert!(last.contains("COMMAND-RESULT"), "{:?}", last.last_tool_result());
    assert_eq!(last.count(&notice(&second)), 1, "and beside the tool's result");
    assert_eq!(last.count(&notice(&first)), 1, "each once");

    for id in [&first, &second] {
        assert_eq!(bridge.states(id)?, ["stored", "expired"]);
        let mut follow = world.command(world.built("session-bridge")?);
        let followed = world.run(follow.args(["receipts", id, "--follow"]), b"")?;
        assert_eq!(followed.status, Some(1), "it is over, and not well: {}", followed.stdout);
    }
    // The notices themselves are mail like other mail, and nobody is told of them.
    let inbox = bridge.json(&["inbox", "claude-project", "--all"])?;
    let states: Vec<&Value> =
        inbox["messages"].as_array().ok_or("no list")?.iter().map(|message| &message["state"]).collect();
    assert_eq!(states, ["seen", "seen"]);
    assert!(fs::metadata(&bell).is_err(), "nothing is left to do");
    Ok(())
}

/// The id that the newest sending of a conversation returned.
fn sent(world: &World, prompt: &str) -> Result<String, Box<dyn std::error::Error>> {
    let steps = world.model().steps_with(prompt);
    let mut results = steps.iter().rev().filter_map(Request::last_tool_result);
    let newest = results.find(|text| text.contains("stored")).ok_or("nothing was sent")?;
    let at = newest.find("\"id").ok_or("no id")?;
    Ok(crate::bridge::id_in(&newest[at..]))
}
