//! `off`, `on`, `mute`, `block`, `decline`: what people turn off and refuse.

use insta::assert_snapshot;
use session_bridge_store::{Author, Pause, State, View};

use crate::env::{TestEnvironment, question};

#[test]
fn everything_is_paused_shown_and_goes_on() {
    let env = TestEnvironment::new();
    let (api, _) = env.two_sessions();
    env.settled(|| {
        assert_snapshot!("off", env.run(&["off"]).all());
        assert_snapshot!("off_again", env.run(&["off"]).all());
        assert_snapshot!("off_send", env.run(&["send-message", "api", "hello"]).all());
        assert_snapshot!("off_list_sessions", env.run(&["list-sessions"]).all());
        assert_snapshot!("off_json", env.run(&["off", "--provider", "codex", "--json"]).all());
        assert_snapshot!("off_session", env.run(&["off", "--session", "backend"]).all());
    });
    let sent = env.run(&["send-message", "api", "hello", "--json"]).json();
    assert_eq!(sent["recipients"][0]["paused"], "everything");
    let doctor = env.run(&["doctor", "--json"]).json();
    let checks = doctor["checks"].as_array().unwrap();
    let paused: Vec<_> = checks.iter().filter(|check| check["id"] == "paused").collect();
    assert_eq!(paused.len(), 3);
    assert!(paused.iter().all(|check| check["level"] == "note"), "{paused:?}");
    assert_eq!(paused[0]["help"], "session-bridge on");

    let mut here = TestEnvironment::new();
    here.set("SESSION_BRIDGE_HOME", &env.home().root().to_string_lossy());
    here.set("SESSION_BRIDGE_SESSION_ID", &api.to_string());
    env.settled(|| assert_snapshot!("off_whoami", here.run(&["whoami"]).all()));
    env.settled(|| {
        assert_snapshot!("on", env.run(&["on"]).all());
        assert_snapshot!("on_again", env.run(&["on"]).all());
        assert_snapshot!("on_rest", env.run(&["on", "--provider", "codex", "--session", "api"]).all());
    });
    assert!(Pause::all(&env.home()).is_empty());
    let sent = env.run(&["send-message", "api", "hello", "--json"]).json();
    assert!(sent["recipients"][0]["paused"].is_null());
}

#[test]
fn pausing_needs_no_store_and_a_damaged_one_is_no_obstacle() {
    let env = TestEnvironment::new();
    assert_eq!((env.run(&["off"]).code, env.run(&["on"]).code), (0, 0));
    assert!(!env.path("home/.session-bridge/store").exists());
    let store = env.store();
    let path = store.path().to_owned();
    drop(store);
    std::fs::write(path, "no database").unwrap();
    assert_eq!(env.run(&["off"]).code, 0);
    assert!(Pause::Everything.stands(&env.home()));
    let on = env.run(&["on", "--json"]);
    assert_eq!(on.json()["error"]["code"], "store_damaged");
    assert!(!Pause::Everything.stands(&env.home()), "what could be done was done");
    let foreign = TestEnvironment::new();
    foreign.write("home/.session-bridge/inbox/1.json", "{}");
    assert_eq!(foreign.run(&["off", "--json"]).json()["error"]["code"], "foreign_layout");
    assert!(!foreign.home().paused().exists());
}

#[test]
fn what_is_not_there_cannot_be_paused() {
    let env = TestEnvironment::new();
    env.two_sessions();
    for command in ["off", "on"] {
        let provider = env.run(&[command, "--provider", "codec", "--json"]).json();
        assert_eq!(provider["error"]["code"], "unknown_provider");
        assert!(provider["error"]["help"].as_str().unwrap().contains("codex"), "{provider}");
        let session = env.run(&[command, "--session", "apo", "--json"]).json();
        assert_eq!(session["error"]["code"], "unknown_recipient");
        assert!(session["error"]["message"].as_str().unwrap().contains("near: api"), "{session}");
        let many = env.run(&[command, "--session", "*", "--json"]).json();
        assert_eq!(many["error"]["code"], "one_session_needed");
    }
    assert!(Pause::all(&env.home()).is_empty());
}

#[test]
fn uninstall_takes_pauses_along() {
    let env = TestEnvironment::with_clis();
    env.run(&["init", "--all"]);
    env.two_sessions();
    env.run(&["off"]);
    env.run(&["off", "--provider", "codex", "--provider", "claude-code", "--session", "api"]);
    assert_eq!(env.run(&["uninstall", "--all", "--dry-run"]).code, 0);
    assert_eq!(Pause::all(&env.home()).len(), 4);
    assert_eq!(env.run(&["uninstall", "--provider", "codex"]).code, 0);
    let left = Pause::all(&env.home());
    assert!(left.len() == 3 && !left.contains(&Pause::Provider("codex".to_owned())), "{left:?}");
    assert_eq!(env.run(&["uninstall", "--all"]).code, 0);
    assert!(Pause::all(&env.home()).is_empty() && !env.home().paused().exists());
}

#[test]
fn peers_are_muted_and_unmuted() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    env.settled(|| {
        assert_snapshot!("mute_none", env.run(&["mute"]).all());
        assert_snapshot!("mute", env.run(&["mute", "web", "--for", "api"]).all());
        assert_snapshot!("mute_everybody", env.run(&["mute", "web"]).all());
        assert_snapshot!("mute_again", env.run(&["mute", "web"]).all());
        assert_snapshot!("mute_list", env.run(&["mute"]).all());
        assert_snapshot!("mute_list_json", env.run(&["mute", "--json"]).all());
    });
    let id = question(&mut env.store(), web, api, "which port?");
    let receipt = env.store().receipts(id).unwrap().remove(0);
    assert!(receipt.remark.unwrap().contains("muted"));
    env.settled(|| {
        assert_snapshot!("unmute", env.run(&["unmute", "web"]).all());
        assert_snapshot!("unmute_again", env.run(&["unmute", "web"]).all());
    });
    assert_eq!(env.run(&["unmute", "web", "--for", "api", "--json"]).json()["changed"], true);
    assert_eq!(env.store().receipts(id).unwrap()[0].remark, None);
    for (words, code) in [
        (&["mute", "api", "--for", "api", "--json"][..], "recipient_is_self"),
        (&["mute", "wab", "--json"], "unknown_recipient"),
        (&["unmute", "--json"], "usage"),
    ] {
        assert_eq!(env.run(words).json()["error"]["code"], code, "{words:?}");
    }
}

#[test]
fn a_blocked_peer_is_refused_and_a_broadcast_says_who_is_left_out() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    env.settled(|| assert_snapshot!("block", env.run(&["block", "web", "--for", "api"]).all()));
    env.settled(|| {
        assert_snapshot!("blocked", env.run(&["send-message", "api", "x", "--as", "web"]).all());
        assert_snapshot!("blocked_broadcast", env.run(&["broadcast", "x", "--as", "web"]).all());
    });
    let sent = env.run(&["broadcast", "x", "--as", "web", "--json"]).json();
    assert_eq!(sent["blocked_by"], serde_json::json!([api.to_string()]));
    assert_eq!(env.run(&["block", "--json"]).json()["rules"][0]["peer"]["session"], web.to_string());
    assert!(env.store().inbox(api, View::All, 5).unwrap().is_empty());
    assert_eq!(env.run(&["unblock", "web", "--for", "api"]).code, 0);
    assert_eq!(env.run(&["send-message", "api", "x", "--as", "web"]).code, 0);
}

#[test]
fn a_message_is_declined_for_its_recipient() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id = question(&mut env.store(), web, api, "paint it?");
    let decline = env.run(&["decline", &id.to_string(), "--reason", "not my job"]);
    env.settled(|| {
        assert_snapshot!("decline", decline.all());
        assert_snapshot!("decline_again", env.run(&["decline", &id.to_string()]).all());
        assert_snapshot!("decline_receipts", env.run(&["receipts", &id.to_string()]).all());
    });
    let notice = env.store().inbox(web, View::All, 1).unwrap().remove(0).message;
    assert!(notice.body.contains("was declined by a person") && notice.body.contains("not my job"));
    assert_eq!(notice.in_reply_to, Some(id));

    // Who asks at the command line learns it at once, too.
    let asking = env.spawn(&["ask", "api", "and now?", "--timeout", "60s", "--json"]);
    let mut store = env.store();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let asked = loop {
        if let Some(entry) = store.inbox(api, View::Unread, 1).unwrap().pop() {
            break entry.message.id;
        }
        assert!(std::time::Instant::now() < until, "nothing came");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(env.run(&["decline", &asked.to_string(), "--as", "api"]).code, 0);
    let ended = TestEnvironment::finish(asking);
    assert_eq!((ended.code, ended.json()["outcome"].as_str()), (1, Some("declined")));

    let both = session_bridge::post::send(
        &mut store,
        &session_bridge::post::Outgoing {
            author: Author::CommandLine { name: "ana".into(), as_session: None },
            room: "default",
            to: "*",
            newest: false,
            kind: "note",
            subject: None,
            body: "to both",
            urgency: session_bridge_core::message::Urgency::Normal,
            lifetime_ms: None,
        },
    )
    .unwrap()
    .id;
    let unclear = env.run(&["decline", &both.to_string(), "--json"]).json();
    assert_eq!(unclear["error"]["code"], "one_session_needed");
    assert_eq!(env.run(&["decline", &both.to_string(), "--as", "web"]).code, 0);
    let states: Vec<State> = store.receipts(both).unwrap().iter().map(|receipt| receipt.state).collect();
    assert_eq!(states, [State::Stored, State::Declined]);
}
