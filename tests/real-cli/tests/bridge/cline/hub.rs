//! The hub: one daemon for the sessions of a home. Its environment is that of whoever started it, its MCP servers are its
//! children whatever project they serve, and it outlives every window.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World, wait_until};

use super::LABEL;
use crate::bridge::{Bridge, PATIENCE, SERVER};

const BODY: &str = "The schema of table ORDERS-77 changed.";

/// A hub of this world, on a port of its own, once it takes sessions.
fn start(world: &World) -> CaseResult {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    world.set_env("CLINE_HUB_PORT", port.to_string());
    world.set_env("CLINE_SESSION_BACKEND_MODE", "auto");
    world.run(world.command("cline").args(["hub", "start"]).current_dir(world.project()), b"")?.success()?;
    let found = world.cline_dir().join("data/locks/hub/production.json");
    wait_until("the hub", PATIENCE, || found.exists().then_some(()))?;
    Ok(())
}

/// Ends the hub, and with it its sessions.
fn stop(world: &World) -> CaseResult {
    world.run(world.command("cline").args(["hub", "stop"]).current_dir(world.project()), b"")?.success()?;
    Ok(())
}

/// Whether the process that hosts a session is a child of the hub.
fn in_hub(world: &World, session: &serde_json::Value) -> bool {
    let pid = session["pid"].as_i64().unwrap_or_default();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1).map(str::to_owned));
    world.processes().iter().any(|(pid, line)| Some(pid.to_string()) == parent && line.contains("hub-daemon"))
}

/// Two projects in one hub: the servers cannot tell them apart, the plugin can.
pub(crate) fn apart(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    start(world)?;
    let other = world.add_project("other")?;
    let one = world.cline().tui("one")?;
    let session = bridge.session(LABEL)?;
    assert!(in_hub(world, &session), "{}", world.account());
    let two = world.cline().folder(&other).tui("two")?;
    assert!(in_hub(world, &bridge.session("cline-other")?), "{}", world.account());
    for (tui, prompt, answer) in [(&one, "WHO-IS-ONE", "ANSWER-ONE"), (&two, "WHO-IS-TWO", "ANSWER-TWO")] {
        let call = |tool: &str| Turn::mcp(SERVER, tool, &json!({}));
        let turns = [call("bridge_whoami"), call("bridge_list_sessions"), Turn::text(answer)];
        world.model().script_for(prompt, turns);
        tui.prompt(&format!("{prompt} of us"))?;
        tui.wait_for_answer(answer)?;
    }
    for (prompt, label) in [("WHO-IS-ONE", LABEL), ("WHO-IS-TWO", "cline-other")] {
        let last = world.model().steps_with(prompt).pop().ok_or("no step")?;
        let results = last.tool_results();
        assert!(results[0].text.contains(label), "{label}: {results:?}");
        assert!(results[1].text.contains("attended"), "nobody can tell who looks at them: {results:?}");
    }
    stop(world)
}

/// A window that is left leaves its session idle in the hub; opened again, it is the same session, and the new plugin
/// process is the one that is woken.
pub(crate) fn resumed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    start(world)?;
    let tui = world.cline().tui("one")?;
    let before = bridge.session(LABEL)?;
    assert!(in_hub(world, &before), "{}", world.account());
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE of mine")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    tui.close()?;
    let native = before["native"].as_str().ok_or("no native id")?;
    let tui = world.cline().arg("--id").arg(native).tui("two")?;
    let moved = || bridge.session(LABEL).ok().filter(|session| session["pid"] != before["pid"]);
    let after = wait_until("the new plugin process", PATIENCE, moved)?;
    assert_eq!(after["session"], before["session"], "the same session");
    world.model().script([Turn::text("WOKEN-ANSWER")]);
    let id = bridge.send(LABEL, BODY)?;
    tui.wait_for_answer("WOKEN-ANSWER")?;
    bridge.wait_for_state(&id, "seen")?;
    thread::sleep(Duration::from_secs(3));
    let last = world.model().steps().pop().ok_or("no step")?;
    assert_eq!(last.count(BODY), 1);
    assert_eq!(world.model().steps().len(), 2, "one of the two processes woke it, once");
    stop(world)
}
