//! Several windows on one daemon: each is its own session, open or closed, until the daemon goes.

use serde_json::json;
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, World};

use super::{at_rest, greet, presence, steps};
use crate::bridge::{Bridge, SERVER, field_in};

/// Two windows in one folder and one in another. Each sends to the next, who wakes in its own window.
pub(crate) fn apart(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let elsewhere = world.add_project("elsewhere")?;
    let folders = [world.project(), world.project(), elsewhere];
    let labels = ["codex-project", "codex-project-2", "codex-elsewhere"];
    let mut windows = Vec::new();
    for ((n, folder), label) in folders.iter().enumerate().zip(labels) {
        let tui = world.codex().folder(folder).tui(&format!("window{n}"))?;
        let session = greet(world, &bridge, &tui, &format!("I-AM-NUMBER-{n}"), label)?;
        assert_eq!((&session["label"], &session["cwd"]), (&json!(label), &json!(folder)), "{session}");
        windows.push((tui, session));
    }
    for from in 0..3 {
        let to = (from + 1) % 3;
        let sending = Turn::mcp(
            SERVER,
            "bridge_send_message",
            &json!({"to": labels[to], "body": format!("BODY-OF-{from}")}),
        );
        world
            .model()
            .script_for(format!("I-AM-NUMBER-{from}"), [sending, Turn::text(format!("SENT-{from}"))]);
        world.model().script_for(format!("I-AM-NUMBER-{to}"), [Turn::text(format!("WOKEN-{to}"))]);
        windows[from].0.prompt(&format!("SEND-NOW-{from}"))?;
        windows[from].0.wait_for_answer(&format!("SENT-{from}"))?;
        windows[to].0.wait_for_answer(&format!("WOKEN-{to}"))?;
        at_rest(&bridge, labels[from])?;
        at_rest(&bridge, labels[to])?;
        let came = world.model().steps_with(&format!("BODY-OF-{from}"));
        let to_it = came.iter().filter(|request| request.contains("<peer-message-")).collect::<Vec<_>>();
        let first = to_it.first().ok_or("the body never came")?;
        assert_eq!(first.session().as_deref(), windows[to].1["native"].as_str());
        assert!(first.contains(&format!("from=\"{}\"", labels[from])), "under the sender's own name");
    }
    for from in 0..3 {
        for request in world.model().steps() {
            let native = request.session().unwrap_or_default();
            let own = windows[(from + 1) % 3].1["native"] == native;
            let told = request.told();
            let times = told.iter().filter(|m| m.text.contains("<peer-message-")).map(|m| m.text.as_str());
            let times = times.map(|text| text.matches(&format!("BODY-OF-{from}")).count()).sum::<usize>();
            assert!(times == 0 || (own && times == 1), "{times} times BODY-OF-{from} at {native}");
        }
    }
    Ok(())
}

/// A window is closed while another lives. The daemon keeps its thread, and goes on with what is sent there.
pub(crate) fn closed(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let stays = world.codex().tui("stays")?;
    greet(world, &bridge, &stays, "I-STAY", "codex-project")?;
    let goes = world.codex().tui("goes")?;
    let session = greet(world, &bridge, &goes, "I-GO", "codex-project-2")?;
    let native = session["native"].as_str().unwrap_or_default();
    goes.close()?;
    world.model().script_for("I-GO", [Turn::text("NOBODY-READS-THIS")]);
    let id = bridge.send("codex-project-2", "MAIL-TO-NOBODY")?;
    bridge.wait_for_state(&id, "seen")?;
    let way = ["stored", "offered codex-queue", "offered prompt", "injected prompt", "seen prompt"];
    assert_eq!(steps(&bridge, &id)?, way);
    let came = world.model().steps_with("MAIL-TO-NOBODY");
    assert_eq!(came.len(), 1);
    assert_eq!(came[0].session().as_deref(), Some(native), "its model answered, whoever watches");
    at_rest(&bridge, "codex-project-2")?;
    assert!(!stays.shows("NOBODY-READS-THIS"));

    // Whether anybody looks at it, nobody can tell, and the list says so.
    let list = Turn::mcp(SERVER, "bridge_list_sessions", &json!({}));
    world.model().script_for("I-STAY", [list, Turn::text("LISTED")]);
    stays.prompt("WHO-IS-THERE")?;
    stays.wait_for_answer("LISTED")?;
    let last = world.model().steps_with("WHO-IS-THERE").pop().ok_or("no request")?;
    let told = last.last_tool_result().unwrap_or_default();
    let (_, about) = told.split_once("codex-project-2").ok_or("it is not listed")?;
    assert!(about.contains(r#""attended":"unknown""#), "{told}");
    Ok(())
}

/// The daemon is killed: its sessions are over, nothing is queued for them, and whoever resumes one finds its mail.
pub(crate) fn daemon_gone(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    world.model().script([Turn::text("BEFORE")]);
    world.codex().exec("SOMEBODY-ELSE")?.success()?;
    let other = presence(&bridge, "codex-project", "ended")?;
    let question = json!({"to": other["session"], "body": "WHICH-PORT?", "kind": "question"});
    let asking = Turn::mcp(SERVER, "bridge_send_message", &question);
    world.model().script([asking, Turn::text("ASKED")]);
    let tui = world.codex().tui("codex")?;
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("ASKED")?;
    let session = at_rest(&bridge, "codex-project")?;
    let asked = field_in(world.model().steps().last().ok_or("no request")?, "id");
    world.kill_codex_daemon()?;

    // A reply is the first that is heard of it: `codex queue` would take a nudge, and say that it did.
    let reply = bridge.json(&["reply", &asked, "PORT-8443"])?;
    assert_eq!(reply["recipients"][0]["presence"], "ended", "{reply}");
    let answer = reply["id"].as_str().unwrap_or_default();
    assert!(bridge.send("codex-project", "NOT-BY-LABEL").is_err());
    let to = session["session"].as_str().unwrap_or_default();
    let note = bridge.send(to, "MAIL-FOR-LATER")?;
    let native = session["native"].as_str().unwrap_or_default();
    let began = world.model().steps().len();
    world.model().script([Turn::text("SECOND-ANSWER"), Turn::text("TOO-MANY")]);
    world.codex().resume(native, "PROMPT-TWO")?.success()?;
    for id in [answer, &note] {
        assert_eq!(steps(&bridge, id)?, ["stored", "offered prompt", "injected prompt", "seen prompt"]);
    }
    assert_eq!(world.model().steps().len(), began + 1, "no turn besides the prompt's");
    let request = &world.model().steps()[began];
    assert_eq!((request.count("MAIL-FOR-LATER"), request.count("PORT-8443")), (1, 1));
    Ok(())
}
