//! Subagents of Claude Code own no inbox: what they do settles nothing, and the main session's mail stays its own.

use serde_json::json;
use session_bridge_mock_model::{Request, Turn};
use session_bridge_real_cli::{CaseResult, Tui, World};

use crate::beside::{Witness, explained};
use crate::bridge::{Bridge, PATIENCE, SERVER};
use crate::lost::{LABEL, REFERENCE, in_doubt};
use crate::surfaces::held;

const BODY: &str = "The schema of table ORDERS-77 changed.";

/// The subagent is told its task alone; the main session is told what its user said, too.
fn is_sub(request: &Request) -> bool {
    request.contains("SUB-PROMPT") && !request.contains("MAIN-PROMPT")
}

/// A window whose model starts a subagent, which does `sub`, and then says `main`, one for each request.
fn window<'w, const N: usize>(
    world: &'w World,
    bridge: &Bridge<'_>,
    sub: impl IntoIterator<Item = Turn>,
    main: [&str; N],
) -> Result<Tui<'w>, Box<dyn std::error::Error>> {
    let tui = world.claude().tui("claude")?;
    bridge.session(LABEL)?;
    let call = json!({"description": "look", "prompt": "SUB-PROMPT", "subagent_type": "general-purpose"});
    let start = std::iter::once(Turn::tool("Agent", &call));
    world.model().script_when(is_sub, sub);
    world.model().script_when(|request| !is_sub(request), start.chain(main.map(Turn::text)));
    tui.prompt("MAIN-PROMPT")?;
    Ok(tui)
}

/// Mail that comes while a subagent works is the main session's.
pub(crate) fn mail_meanwhile(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let (first, asks, go) = held(Turn::mcp(SERVER, "bridge_whoami", &json!({})));
        let (second, again, go_on) = held(Turn::text("SUB-ANSWER"));
        let main = ["STARTED-IT", "WOKEN-ANSWER", "ALL-DONE"];
        let tui = window(world, &bridge, [first, second], main)?;
        asks.recv_timeout(PATIENCE)?;
        tui.wait_for_answer("STARTED-IT")?;
        let id = bridge.send_quietly(LABEL, BODY)?;
        go.send(())?;
        again.recv_timeout(PATIENCE)?;
        assert_eq!(bridge.states(&id)?, ["stored"], "a subagent's events bring nothing");
        let note = bridge.send(LABEL, "ONE-MORE-THING")?;
        tui.wait_for_answer("WOKEN-ANSWER")?;
        bridge.wait_for_state(&note, "seen")?;
        assert_eq!(bridge.wait_for_state(&id, "seen")?, ["stored", "offered", "injected", "seen"]);
        go_on.send(())?;
        tui.wait_for_answer("ALL-DONE")?;
        let (sub, main): (Vec<_>, Vec<_>) = world.model().steps().into_iter().partition(is_sub);
        assert!(sub.len() == 2 && sub.iter().all(|step| !step.contains(BODY)));
        assert_eq!(main.iter().map(|step| step.count(BODY)).collect::<Vec<_>>(), [0, 0, 1, 1]);
        Ok(())
    })();
    explained(&witness, outcome)
}

/// A subagent that reads the main session's mail: nobody says who read it, so nothing is proven, and the main session is
/// told the id.
pub(crate) fn reads(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let witness = Witness::installed(world)?;
    let outcome = (|| {
        let (first, asks, go) = held(Turn::mcp(SERVER, "bridge_list_inbox", &json!({})));
        let read = Turn::with(|request| {
            let id = crate::bridge::id_in(&request.last_tool_result().unwrap_or_default());
            Turn::mcp(SERVER, "bridge_read_message", &json!({"ids": [id]}))
        });
        let (last, again, go_on) = held(Turn::text("SUB-ANSWER"));
        let tui = window(world, &bridge, [first, read, last], ["STARTED-IT", "ALL-DONE", "FOURTH-ANSWER"])?;
        asks.recv_timeout(PATIENCE)?;
        tui.wait_for_answer("STARTED-IT")?;
        let id = bridge.send_quietly(LABEL, BODY)?;
        go.send(())?;
        again.recv_timeout(PATIENCE)?;
        let receipt = &bridge.json(&["receipts", &id])?["receipts"][0];
        assert_eq!(
            (&receipt["state"], &receipt["steps"][1]["surface"]),
            (&json!("offered"), &json!("mcp-pull"))
        );
        go_on.send(())?;
        tui.wait_for_answer("ALL-DONE")?;
        tui.prompt("PROMPT-FOUR")?;
        tui.wait_for_answer("FOURTH-ANSWER")?;
        let (sub, main): (Vec<_>, Vec<_>) = world.model().steps().into_iter().partition(is_sub);
        assert_eq!(sub.iter().map(|step| step.count(BODY)).collect::<Vec<_>>(), [0, 0, 1]);
        let main: Vec<_> = main.iter().map(|s| (s.count(BODY), s.count(REFERENCE), s.count(&id))).collect();
        assert_eq!(
            main,
            [(0, 0, 0), (0, 0, 0), (0, 1, 1), (0, 1, 1)],
            "the main session is told the id, once"
        );
        in_doubt(&bridge, &id, &["stored", "offered"])
    })();
    explained(&witness, outcome)
}
