//! Who works for a Codex session without being it: its subagents, and CLIs that it starts.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;
use session_bridge_mock_model::{Request, Turn, Wire};
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::{WHOLE_WAY, greet, shell, steps, unasked};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::surfaces::{held, while_running};

const LABEL: &str = "codex-project";

fn of_subagent(request: &Request) -> bool {
    request.header("x-openai-subagent").is_some()
}

/// A subagent's events carry its parent's session id: they bring it no mail and prove none of its parent's, and what
/// it asks of the bridge is refused.
pub(crate) fn subagent(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let (working, works, work) = held(Turn::mcp(SERVER, "bridge_whoami", &json!({})));
    let send = Turn::mcp(SERVER, "bridge_send_message", &json!({"to": LABEL, "body": "FROM-A-SUBAGENT"}));
    let (ending, ends, end) = held(Turn::text("SUBAGENT-DONE"));
    world.model().script_when(of_subagent, [working, shell("echo TOOL-RESULT"), send, ending]);
    let (spawn, asks, go) = held(Turn::tool("spawn_agent", &json!({"message": "DO-THE-SMALL-THING"})));
    let (main, main_asks, main_go) = held(Turn::text("MAIN-DONE"));
    world.model().script_when(|request| !of_subagent(request), [spawn, main, Turn::text("MAIN-HEARD")]);
    let run = |world: &World, prompt: &str| unasked(world).exec(prompt);
    let (mut beside, mut during) = (String::new(), String::new());
    while_running(world, &run, || {
        asks.recv_timeout(PATIENCE)?;
        beside = bridge.send(LABEL, "MAIL-BESIDE-THE-SPAWN")?;
        go.send(())?;
        main_asks.recv_timeout(PATIENCE)?;
        works.recv_timeout(PATIENCE)?;
        assert_eq!(steps(&bridge, &beside)?, ["stored", "offered after-tool"]);
        during = bridge.send(LABEL, "MAIL-WHILE-IT-WORKS")?;
        work.send(())?;
        ends.recv_timeout(PATIENCE)?;
        assert_eq!(steps(&bridge, &beside)?, ["stored", "offered after-tool"], "its tools prove nothing");
        assert_eq!(steps(&bridge, &during)?, ["stored"], "its tools bring nothing");
        end.send(())?;
        main_go.send(())?;
        Ok(())
    })?;
    assert_eq!(bridge.wait_for_state(&beside, "seen")?, WHOLE_WAY);
    assert_eq!(bridge.wait_for_state(&during, "seen")?, WHOLE_WAY);
    let (its, own): (Vec<_>, Vec<_>) = world.model().steps().into_iter().partition(of_subagent);
    assert_eq!((its.len(), own.len()), (4, 3));
    for request in &its {
        assert_eq!((request.count("MAIL-BESIDE-THE-SPAWN"), request.count("MAIL-WHILE-IT-WORKS")), (0, 0));
    }
    for refused in [&its[1], &its[3]] {
        let told = refused.last_tool_result().unwrap_or_default();
        assert!(told.contains("subagent_has_no_inbox"), "{told}");
    }
    let last = own.last().ok_or("no request")?;
    assert_eq!((last.count("MAIL-BESIDE-THE-SPAWN"), last.count("MAIL-WHILE-IT-WORKS")), (1, 1));
    assert_eq!(last.count("FROM-A-SUBAGENT"), 0, "it sent nothing");
    assert_eq!(bridge.sessions()?.len(), 1);
    Ok(())
}

/// `/review` works in a context of its own, under its session's id and without an agent's: the mail is the session's.
pub(crate) fn reviewed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.run(world.command("git").args(["init", "-q"]), b"")?.success()?;
    let tui = unasked(world).tui("codex")?;
    greet(world, &bridge, &tui, "PROMPT-ONE", LABEL)?;
    let before = bridge.send_quietly(LABEL, "MAIL-BEFORE-THE-REVIEW")?;
    let (calling, calls, call) = held(Turn::mcp(SERVER, "bridge_list_inbox", &json!({})));
    let found = json!({"findings": [], "overall_correctness": "patch is correct",
                       "overall_explanation": "NOTHING-FOUND", "overall_confidence_score": 1});
    let (judging, judges, judge) = held(Turn::text(found.to_string()));
    world.model().script_when(of_subagent, [calling, shell("echo TOOL-RESULT"), judging]);
    world.model().script_when(|request| !of_subagent(request), [Turn::text("WOKEN-ANSWER")]);
    tui.prompt("/review look around")?;
    calls.recv_timeout(PATIENCE)?;
    call.send(())?;
    judges.recv_timeout(PATIENCE)?;
    let during = bridge.send(LABEL, "MAIL-IN-THE-REVIEW")?;
    assert_eq!(steps(&bridge, &before)?, ["stored"]);
    judge.send(())?;

    // The nudge had to wait for the review; then it starts a turn of the session itself.
    tui.wait_for_answer("WOKEN-ANSWER")?;
    for id in [&before, &during] {
        bridge.wait_for_state(id, "seen")?;
    }
    assert_eq!(steps(&bridge, &before)?, ["stored", "offered prompt", "injected prompt", "seen prompt"]);
    let (its, own): (Vec<_>, Vec<_>) = world.model().steps().into_iter().partition(of_subagent);
    assert_eq!((its.len(), own.len()), (3, 2));
    for body in ["MAIL-BEFORE-THE-REVIEW", "MAIL-IN-THE-REVIEW"] {
        assert!(its.iter().all(|request| request.count(body) == 0), "{body} is not the review's");
        assert_eq!(own[1].count(body), 1);
    }
    let refused = its[1].last_tool_result().unwrap_or_default();
    assert!(refused.contains("subagent_has_no_inbox"), "{refused}");
    Ok(())
}

/// Claude Code and Codex, started by a shell command of Codex in the same home, with its variables.
pub(crate) fn started(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let mut script = String::from("touch running\nuntil [ -e go ]; do sleep 0.1; done\n");
    // Codex keeps keys from the commands that it runs.
    for (name, value) in world.environment() {
        let _ = writeln!(script, "export {}='{}'", name.to_string_lossy(), value.to_string_lossy());
    }
    script.push_str("claude -p INNER-CLAUDE\ncodex exec --skip-git-repo-check INNER-CODEX\necho BOTH-DONE\n");
    fs::write(world.project().join("inner.sh"), script)?;
    let report = |body: &str| {
        [
            Turn::mcp(SERVER, "bridge_send_message", &json!({"to": LABEL, "body": body})),
            Turn::text("REPORTED"),
        ]
    };
    world.model().script_when(|request| request.wire == Wire::AnthropicMessages, report("FROM-INNER-CLAUDE"));
    world.model().script_for("INNER-CODEX", report("FROM-INNER-CODEX"));
    world.model().script_for("OUTER-PROMPT", [shell("sh inner.sh"), Turn::text("OUTER-DONE")]);
    let run = |world: &World, _: &str| unasked(world).exec("OUTER-PROMPT");
    let mut mail = String::new();
    while_running(world, &run, || {
        let running = world.project().join("running");
        wait_until("the command to run", PATIENCE, || running.exists().then_some(()))?;
        mail = bridge.send(LABEL, "FOR-THE-OUTER-ONE")?;
        fs::write(world.project().join("go"), "")?;
        Ok(())
    })?;
    assert_eq!(bridge.wait_for_state(&mail, "seen")?, WHOLE_WAY);
    let mut labels: Vec<_> = bridge.sessions()?.iter().map(|s| s["label"].to_string()).collect();
    labels.sort_unstable();
    assert_eq!(labels, [r#""claude-project""#, r#""codex-project""#, r#""codex-project-2""#]);
    let outer = world.model().steps_with("OUTER-PROMPT");
    let last = outer.last().ok_or("no request")?;
    for (body, from) in [("FROM-INNER-CLAUDE", "claude-project"), ("FROM-INNER-CODEX", "codex-project-2")] {
        let told = last.told();
        let piece = told.iter().find(|m| m.text.contains(body)).ok_or("the report did not come")?;
        assert!(piece.text.contains(&format!("from=\"{from}\"")), "{}", piece.text);
        assert_eq!(last.count(body), 1);
    }
    assert_eq!(last.count("FOR-THE-OUTER-ONE"), 1);
    for request in world.model().steps() {
        let outer = request.contains("OUTER-PROMPT");
        assert!(outer || !request.contains("FOR-THE-OUTER-ONE"), "mail of the outer session alone");
    }
    Ok(())
}
