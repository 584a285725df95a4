//! Who calls.

use serde_json::json;
use session_bridge_core::event::Start;
use session_bridge_core::process;
use session_bridge_store::Session;

use crate::harness::{Server, World, arrival, claude_arrival, here};

const SPAWN: &str = "CLAUDE_CODE_SESSION_ID";

/// What Claude Code's hook says of this test process.
fn hook(world: &World, native: &str, start: Start) -> Session {
    world.store().arrive(&claude_arrival(native, here(), start)).unwrap()
}

#[test]
fn without_hooks_the_id_from_the_start_registers_the_session_with_a_call() {
    let world = World::new();
    let mut server = world.claude(&[
        (SPAWN, "n-1"),
        ("SESSION_BRIDGE_LABEL", "planner"),
        ("SESSION_BRIDGE_ROLES", "lead"),
    ]);
    let me = server.call("bridge_whoami", json!({}));
    assert_eq!((&me["label"], &me["roles"]), (&json!("planner"), &json!(["lead"])));
    assert_eq!(me["provider"], json!("claude-code"));
    let session = hook(&world, "n-1", Start::Fresh);
    assert_eq!(json!(session.id), me["id"], "hook and server mean one session");
}

#[test]
fn the_id_from_the_start_makes_no_session_before_the_hook_has_spoken() {
    let world = World::new();
    let mut server = world.claude(&[(SPAWN, "never-used")]);
    crate::harness::soon("the server is listed", || world.store().run().unbound().len() == 1);
    let session = hook(&world, "continued", Start::Resumed);
    crate::harness::soon("the server is bound", || {
        world.store().run().session(session.id).any_server_lives()
    });
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(session.id));
    assert_eq!(world.store().sessions(None, true).unwrap().len(), 1, "no session for the id from the start");
}

#[test]
fn the_hook_wins_over_the_id_from_the_start() {
    let world = World::new();
    let session = hook(&world, "resumed", Start::Resumed);
    let mut server = world.claude(&[(SPAWN, "stale")]);
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(session.id));
    assert_eq!(world.store().sessions(None, true).unwrap().len(), 1, "no session for the stale id");
}

/// A CLI that was started in another one's shell inherits its variables.
#[test]
fn an_inherited_id_of_a_session_that_lives_elsewhere_names_nobody() {
    let world = World::new();
    let other = process::look(std::os::unix::process::parent_id()).unwrap().key;
    let outer = world.store().arrive(&claude_arrival("outer", other, Start::Fresh)).unwrap();
    let mut server = world.claude(&[(SPAWN, "outer")]);
    assert_eq!(server.refused("bridge_send_message", json!({"to": "x", "body": "y"})), "evidence_disagrees");
    assert_eq!(world.store().session(outer.id).unwrap().host, Some(other), "it stays where it is");
    assert_eq!(world.store().newest_seq().unwrap(), 0);
    let mine = hook(&world, "inner", Start::Fresh);
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(mine.id));
}

#[test]
fn clear_goes_on_and_another_session_is_followed() {
    let world = World::new();
    let mut server = world.claude(&[(SPAWN, "n-1")]);
    let first = server.call("bridge_whoami", json!({}))["id"].clone();
    hook(&world, "n-2", Start::Cleared);
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], first);
    let other = hook(&world, "n-3", Start::Resumed);
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(other.id));
    assert!(world.store().run().session(other.id).any_server_lives());
}

#[test]
fn without_evidence_it_waits_two_seconds_and_stores_nothing() {
    let world = World::new();
    let mut server = world.claude(&[]);
    let began = std::time::Instant::now();
    assert_eq!(server.refused("bridge_send_message", json!({"to": "x", "body": "y"})), "not_bound");
    assert!((1900..4000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert!(world.store().sessions(None, true).unwrap().is_empty());
    assert_eq!(world.store().newest_seq().unwrap(), 0);
}

#[test]
fn a_binding_that_comes_meanwhile_is_taken() {
    let world = World::new();
    let mut server = world.claude(&[]);
    let id = server.begin_call("bridge_whoami", json!({}));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let session = hook(&world, "n-1", Start::Fresh);
    assert_eq!(server.outcome(id)["id"], json!(session.id));
}

#[test]
fn an_override_is_claimed() {
    let world = World::new();
    let wanted = session_bridge_core::id::SessionId::generate();
    let mut server = world.claude(&[(SPAWN, "n-1"), ("SESSION_BRIDGE_SESSION_ID", &wanted.to_string())]);
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(wanted));
}

#[test]
fn codex_threads_are_told_apart_in_one_process() {
    let world = World::new();
    let mut server = world.codex("t-1");
    let one = server.call("bridge_whoami", json!({}))["id"].clone();
    server.meta = json!({"threadId": "t-2", "sessionId": "t-2"});
    assert_ne!(server.call("bridge_whoami", json!({}))["id"], one);
    server.meta = json!({"threadId": "t-1", "sessionId": "t-1"});
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], one);
}

#[test]
fn subagents_and_the_nameless_are_refused() {
    let world = World::new();
    let mut server = world.codex("t-1");
    server.meta = json!({"threadId": "sub", "sessionId": "t-1"});
    for tool in ["bridge_list_inbox", "bridge_whoami"] {
        assert_eq!(server.refused(tool, json!({})), "subagent_has_no_inbox");
    }
    server.meta = json!({});
    assert_eq!(server.refused("bridge_list_inbox", json!({})), "not_bound");
    assert!(world.store().sessions(None, true).unwrap().is_empty());
}

#[test]
fn an_unknown_client_needs_the_hint() {
    let world = World::new();
    let mut server = Server::spawn(&world.home(), world.dir.path(), &[], &[]);
    server.introduce("somebody");
    assert_eq!(server.refused("bridge_whoami", json!({})), "unknown_client");
    let mut server = Server::spawn(&world.home(), world.dir.path(), &["--client", "codex"], &[]);
    server.introduce("somebody");
    server.meta = json!({"threadId": "t", "sessionId": "t"});
    assert_eq!(server.call("bridge_whoami", json!({}))["provider"], json!("codex"));
}

#[test]
fn a_call_does_not_move_a_session_from_the_process_that_its_hooks_named() {
    let world = World::new();
    let other = process::look(std::os::unix::process::parent_id()).unwrap().key;
    let session = world.store().arrive(&arrival("codex", "t", Some(other))).unwrap();
    let mut server = world.codex("t");
    assert_eq!(server.call("bridge_whoami", json!({}))["id"], json!(session.id));
    assert_eq!(world.store().session(session.id).unwrap().host, Some(other));
}
