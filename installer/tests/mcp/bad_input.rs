//! Frames that no client should send, and a store that no call can use: answered or left out, and the server lives on.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Server, World};

fn alive(server: &mut Server) {
    assert_eq!(server.request("ping", json!({}))["result"], json!({}));
}

#[test]
fn frames_of_wrong_types_end_nothing() {
    let world = World::new();
    let mut server = world.codex("t");
    for frame in [
        json!({"jsonrpc": "2.0", "id": 9001, "method": "tools/call", "params": []}),
        json!({"jsonrpc": "2.0", "id": 9002, "method": "tools/call", "params": {"name": 7}}),
        json!({"jsonrpc": "2.0", "id": 9003, "method": "tools/call", "params": {"name": "bridge_whoami", "arguments": "x"}}),
        json!({"jsonrpc": "2.0", "id": 9004, "method": 7}),
        json!({"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}),
        json!({"jsonrpc": "2.0", "id": null, "method": "ping"}),
        json!({"jsonrpc": "1.0", "id": 9005, "method": "ping"}),
        json!([{"jsonrpc": "2.0", "id": 9006, "method": "ping"}]),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": 7}),
        json!({"jsonrpc": "2.0", "id": 9007, "error": {"code": "x"}}),
        json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}),
    ] {
        server.send(&frame);
        alive(&mut server);
    }
    // No frame was taken for a call that did something.
    let wrong =
        |m: &Value| m["id"].as_i64().is_some_and(|id| id > 9000) && m["result"]["isError"] == json!(false);
    assert_eq!(server.find(Duration::ZERO, wrong), None);
    for arguments in [
        json!({"to": ["a"], "body": "x"}),
        json!({"to": "a", "body": {"deep": true}}),
        json!({"to": "a", "body": "x", "urgency": 7}),
        json!({"to": "a", "body": "x", "sender": "me"}),
    ] {
        assert_eq!(server.refused("bridge_send_message", arguments), "bad_arguments");
    }
    assert_eq!(world.store().newest_seq().unwrap(), 0, "nothing was stored");
    server.close();
}

#[test]
fn frames_of_many_megabytes_end_nothing() {
    let world = World::new();
    let mut server = world.codex("t");
    world.codex("u").label();
    let body = |bytes| json!({"to": "codex", "body": "x".repeat(bytes)});
    assert_eq!(server.refused("bridge_send_message", body(10_000_000)), "body_too_large");
    // Beyond 16 MiB a line is left out unread.
    server.begin_call("bridge_send_message", body(20_000_000));
    server.raw(&"{".repeat(5_000_000));
    server.raw(&"[".repeat(200_000));
    alive(&mut server);
    assert_eq!(world.store().newest_seq().unwrap(), 0);
    server.close();
}

/// An answer says which call it is for by the id alone: of two calls under way with one id, only the first is done.
#[test]
fn an_id_that_is_used_twice_is_one_call() {
    let world = World::new();
    let (mut server, mut peer) = (world.codex("t"), world.codex("u"));
    let label = peer.label();
    server.label();
    let wait = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call",
        "params": {"name": "bridge_wait_for_message", "arguments": {"timeout": 60}, "_meta": peer.meta}});
    let send = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call",
        "params": {"name": "bridge_set_summary", "arguments": {"summary": "twice"}, "_meta": peer.meta}});
    peer.send(&wait);
    peer.send(&send);
    peer.send(&wait);
    alive(&mut peer);
    server.call("bridge_send_message", json!({"to": label, "body": "the body", "kind": "note"}));
    let answer = peer.answer(&json!(77));
    assert!(answer["result"]["structuredContent"]["text"].as_str().unwrap().contains("the body"), "{answer}");
    let listed = server.call("bridge_list_sessions", json!({}));
    assert!(!listed.to_string().contains("twice"), "{listed}");
    // The id is free again.
    peer.send(&send);
    assert_eq!(peer.answer(&json!(77))["result"]["isError"], json!(false));
    server.close();
    peer.close();
}

#[test]
fn a_damaged_store_is_named_with_its_repair() {
    let world = World::new();
    let path = world.store().path().to_owned();
    fs::write(&path, "not a database").unwrap();
    let mut server = world.codex("t");
    for (tool, arguments) in [
        ("bridge_whoami", json!({})),
        ("bridge_list_sessions", json!({})),
        ("bridge_send_message", json!({"to": "a", "body": "x"})),
        ("bridge_list_inbox", json!({})),
    ] {
        let call = server.begin_call(tool, arguments);
        let told = server.answer(&json!(call))["result"]["structuredContent"].take();
        assert_eq!(told["code"], "store_damaged", "{told}");
        assert!(told["next"].as_str().unwrap().contains("session-bridge doctor --fix"), "{told}");
    }
    server.close();
    assert_eq!(fs::read(&path).unwrap(), b"not a database", "only the repair touches it");
}
