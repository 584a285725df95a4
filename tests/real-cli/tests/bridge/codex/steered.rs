//! Two prompts in one turn. Codex takes what is typed while it works into the running turn, and at a resume it starts
//! a queued prompt's turn and takes the typed one into it: both prompts then have the same turn id.

use std::fs;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{WHOLE_WAY, at_rest, greet, presence, shell, steps, unasked};
use crate::bridge::{Bridge, PATIENCE};
use crate::surfaces::held;

const LABEL: &str = "codex-project";

/// Typed while a tool runs, and while the model answers. Each prompt's hook brings what waits by then, and no prompt is
/// taken for proof of what went out with the one before it.
pub(crate) fn typed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let tui = unasked(world).tui("codex")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let first = bridge.send_quietly(LABEL, "MAIL-OF-THE-FIRST")?;
    let command = "touch running; until [ -e go ]; do sleep 0.1; done; echo TOOL-RESULT";
    let (one, one_asks, one_go) = held(shell(command));
    let (two, two_asks, two_go) = held(Turn::text("SECOND-ANSWER"));
    let (three, three_asks, three_go) = held(Turn::text("THIRD-ANSWER"));
    world.model().script([one, two, three]);
    tui.prompt("PROMPT-TWO")?;
    one_asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&first)?, ["stored", "offered"]);
    one_go.send(())?;
    let running = world.project().join("running");
    wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
    tui.prompt("TYPED-BESIDE-THE-TOOL")?;
    fs::write(world.project().join("go"), "")?;
    two_asks.recv_timeout(PATIENCE)?;
    let second = bridge.send_quietly(LABEL, "MAIL-OF-THE-SECOND")?;
    tui.prompt("TYPED-BESIDE-THE-ANSWER")?;
    assert_eq!(bridge.states(&second)?, ["stored"], "its prompt has not been taken yet");
    two_go.send(())?;
    three_asks.recv_timeout(PATIENCE)?;
    assert_eq!(bridge.states(&second)?, ["stored", "offered"]);
    three_go.send(())?;
    tui.wait_for_answer("THIRD-ANSWER")?;
    for id in [&first, &second] {
        assert_eq!(bridge.wait_for_state(id, "seen")?, WHOLE_WAY);
        assert!(steps(&bridge, id)?[1..].iter().all(|step| step.ends_with(" prompt")));
    }
    let asked = world.model().steps_with("PROMPT-TWO");
    let counts = |needle: &str| asked.iter().map(|request| request.count(needle)).collect::<Vec<_>>();
    assert_eq!(counts("TYPED-BESIDE-THE-TOOL"), [0, 1, 1]);
    assert_eq!(counts("TYPED-BESIDE-THE-ANSWER"), [0, 0, 1]);
    assert_eq!(counts("MAIL-OF-THE-FIRST"), [1, 1, 1]);
    assert_eq!(counts("MAIL-OF-THE-SECOND"), [0, 0, 1]);
    at_rest(&bridge, LABEL)?;
    Ok(())
}

/// `codex queue` takes a prompt for a thread that nobody has loaded, and says so with success. Whoever resumes the
/// thread gets it first; if it is blocked, as a late nudge is, the prompt that was typed goes on.
pub(crate) fn queued(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("FIRST-ANSWER")]);
    world.codex().exec("PROMPT-ONE")?.success()?;
    let session = presence(&bridge, LABEL, "ended")?;
    let native = session["native"].as_str().unwrap_or_default();
    world.edit_json(&world.codex_dir().join("hooks.json"), |hooks| {
        if let Some(groups) = hooks["hooks"]["UserPromptSubmit"].as_array_mut() {
            let command = r#"grep -q BLOCK-ME && echo '{"decision":"block","reason":"NOT-NOW"}' || true"#;
            groups.push(json!({"hooks": [{"type": "command", "command": command}]}));
        }
    })?;
    let mut queue = world.command("codex");
    queue.args(["queue", "--thread", native, "--message", "QUEUED BLOCK-ME"]);
    world.run(&mut queue, b"")?.success()?;
    let id = bridge.send_quietly(session["session"].as_str().unwrap_or_default(), "MAIL-OF-THE-BLOCKED")?;
    world.model().script([Turn::text("SECOND-ANSWER"), Turn::text("TOO-MANY")]);
    let run = world.codex().unreviewed_hooks().resume(native, "PROMPT-TWO")?.success()?;
    assert!(run.stdout.contains("SECOND-ANSWER"), "{}", run.stdout);
    let asked = world.model().steps();
    assert_eq!((asked.len(), asked[1].count("BLOCK-ME"), asked[1].count("PROMPT-TWO")), (2, 0, 1));
    assert_eq!(asked[1].count("MAIL-OF-THE-BLOCKED"), 1, "what our hook said with the blocked prompt stays");
    // One turn, one end: it proves what went out with either prompt, and the model had it.
    assert_eq!(steps(&bridge, &id)?, ["stored", "offered prompt", "injected prompt", "seen prompt"]);
    Ok(())
}
