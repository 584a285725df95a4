//! The server nudges its own session through the door that its host gave it. This test is the host.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_store::{Activity, Live};

use crate::harness::{Server, World, here, soon};

/// A host's inbox socket; what is written to it, a connection at a time.
fn inbox(world: &World) -> (String, Receiver<Vec<Value>>) {
    let path = world.dir.path().join("inbox.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (tx, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            let _ = tx.send(lines.map(|line| serde_json::from_str(&line).unwrap()).collect());
        }
    });
    (path.display().to_string(), posts)
}

/// A server that serves an idle session.
fn idle(world: &World, socket: &str) -> (Server, String) {
    let mut server = world.claude(&[
        ("CLAUDE_CODE_SESSION_ID", "native"),
        ("CLAUDE_CODE_MESSAGING_SOCKET", socket),
        ("CLAUDE_CODE_MESSAGING_TOKEN", "secret-token"),
    ]);
    let label = server.label();
    let store = world.store();
    let session = store.named_by("claude-code", "native").unwrap().unwrap();
    store
        .run()
        .session(session.id)
        .set_live(Live { host: here(), activity: Activity::Idle, by_user: false, turn: None })
        .unwrap();
    (server, label)
}

#[test]
fn mail_for_an_idle_session_is_one_nudge_without_a_body() {
    let world = World::new();
    let (socket, posts) = inbox(&world);
    let (_claude, label) = idle(&world, &socket);
    let mut peer = world.codex("thread-b");
    let quiet = json!({"to": label, "body": "PROGRESS", "kind": "status"});
    peer.call("bridge_send_message", quiet);
    assert!(posts.recv_timeout(Duration::from_secs(1)).is_err(), "a status wakes nobody");
    let ids: Vec<Value> = (0..3)
        .map(|n| {
            peer.call("bridge_send_message", json!({"to": label, "body": format!("BODY-{n}")}))["id"].clone()
        })
        .collect();
    let post = posts.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(post[0], json!({"type": "auth", "token": "secret-token"}));
    let text = post[1]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("[session-bridge wake ") && text.contains("] 3 messages wait;"), "{text}");
    assert!(!text.contains("BODY"));
    assert!(posts.recv_timeout(Duration::from_secs(1)).is_err(), "one nudge");
    soon("the step", || {
        let receipt = peer.call("bridge_get_receipts", json!({"message_id": ids[2]}))["receipts"][0].clone();
        receipt["state"] == "stored" && receipt["steps"].to_string().contains("claude-inbox-socket")
    });
}

#[test]
fn a_socket_that_is_gone_harms_nothing() {
    let world = World::new();
    let (mut claude, label) = idle(&world, "/nonexistent/socket");
    let mut peer = world.codex("thread-b");
    let id = peer.call("bridge_send_message", json!({"to": label, "body": "x"}))["id"].clone();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(claude.call("bridge_list_inbox", json!({}))["messages"][0]["id"], id);
    claude.close();
}
