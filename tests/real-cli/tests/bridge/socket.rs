//! Claude Code's inbox socket while its session is busy: what is posted is read between two tool calls, as a prompt of
//! the running turn.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use crate::beside::{self, Witness, explained};
use crate::bridge::{Bridge, PATIENCE};
use crate::lost::{LABEL, begun};
use crate::surfaces::held;

const BODY: &str = "The schema of table ORDERS-77 changed.";
const POST: &str = "STRAY-POST";
const BESIDE: &str = "WORDS-OF-ANOTHER-HOOK";
const NUDGE: &str = "[session-bridge wake ";

/// The inbox of a session, as a hook of it is told.
struct Inbox {
    keys: PathBuf,
}

impl Inbox {
    /// Has a hook note where the next session's inbox is.
    fn watched(world: &World) -> Result<Self, Box<dyn Error>> {
        let keys = world.tmp().join("keys");
        let note = r#"printf '%s\n%s\n' "$CLAUDE_CODE_MESSAGING_SOCKET" "$CLAUDE_CODE_MESSAGING_TOKEN""#;
        beside::hook(world, "SessionStart", &format!("{note} > {}", keys.display()))?;
        Ok(Self { keys })
    }

    fn post(&self, text: &str) -> CaseResult {
        let keys = fs::read_to_string(&self.keys)?;
        let (socket, token) = keys.trim().split_once('\n').ok_or("no keys")?;
        let mut stream = UnixStream::connect(socket)?;
        writeln!(stream, "{}", json!({"type": "auth", "token": token}))?;
        writeln!(stream, "{}", json!({"type": "user", "message": {"role": "user", "content": text}}))?;
        Ok(())
    }
}

/// A command that runs until the test lets it go on.
fn shell(n: usize) -> Turn {
    let command = format!("touch running-{n}; until [ -e go-{n} ]; do sleep 0.1; done; echo TOOL-RESULT");
    Turn::tool("Bash", &json!({"command": command, "description": "wait"}))
}

pub(crate) fn mid_turn(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let inbox = Inbox::watched(world)?;
    let answer =
        json!({"hookSpecificOutput": {"hookEventName": "UserPromptSubmit", "additionalContext": BESIDE}});
    beside::hook(world, "UserPromptSubmit", &format!("if grep -q {POST}; then echo '{answer}'; fi"))?;
    let outcome = posts(world, &bridge, &witness, &inbox);
    explained(&witness, outcome)
}

fn posts(world: &World, bridge: &Bridge<'_>, witness: &Witness, inbox: &Inbox) -> CaseResult {
    let tui = begun(world, bridge)?;
    world.model().script_for(NUDGE, [Turn::text("WOKEN-ANSWER")]);
    let note = bridge.send(LABEL, "ONE-MORE-THING")?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&note, "seen")?;
    let prompts = witness.of("UserPromptSubmit");
    let nudge = prompts.last().and_then(|event| event["prompt"].as_str()).ok_or("no nudge")?;
    assert!(nudge.starts_with(NUDGE), "{nudge}");

    let (last, asks, go) = held(Turn::text("SECOND-ANSWER"));
    world.model().script_for("PROMPT-TWO", [shell(1), shell(2), last]);
    let id = bridge.send_quietly(LABEL, BODY)?;
    tui.prompt("PROMPT-TWO")?;
    for (n, text) in [(1, POST), (2, nudge)] {
        let running = world.project().join(format!("running-{n}"));
        wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
        let shown = tui.screen().matches(text).count();
        inbox.post(text)?;
        wait_until("the post to be queued", PATIENCE, || {
            (tui.screen().matches(text).count() > shown).then_some(())
        })?;
        fs::write(world.project().join(format!("go-{n}")), "")?;
    }
    asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.session(LABEL)?["presence"], "busy", "a late nudge does not end the turn it came in");
    go.send(())?;
    tui.wait_for_answer("SECOND-ANSWER")?;
    assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);

    let steps = world.model().steps();
    assert_eq!(steps.len(), 5, "no turn for a post");
    let last = &steps[4];
    assert_eq!((last.count(BODY), last.count(POST), last.count(BESIDE)), (1, 1, 1));
    assert_eq!(last.count(NUDGE), 1, "the one that woke it; the late one was dropped, and the turn went on");
    let turns: Vec<Value> = witness.of("UserPromptSubmit").iter().map(|e| e["prompt_id"].clone()).collect();
    assert_eq!(turns.len(), 5);
    assert!(turns[2..].iter().all(|turn| *turn == turns[2]), "a post is a prompt of the running turn");
    Ok(())
}
