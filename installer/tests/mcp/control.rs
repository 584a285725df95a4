//! What a person holds back, and what a recipient refuses, as models meet it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::id::SessionId;
use session_bridge_store::{Pause, RuleKind};

use crate::harness::{Server, World, soon};

fn id_of(server: &mut Server) -> SessionId {
    server.call("bridge_whoami", json!({}))["id"].as_str().unwrap().parse().unwrap()
}

fn unread(server: &mut Server) -> Vec<Value> {
    server.call("bridge_list_inbox", json!({}))["messages"].as_array().cloned().unwrap_or_default()
}

/// The oldest unread message, once there is one.
fn arrived(server: &mut Server) -> Value {
    let mut found = Value::Null;
    soon("mail", || {
        found = unread(server).first().map_or(Value::Null, |m| m["id"].clone());
        !found.is_null()
    });
    found
}

#[test]
fn a_paused_sessions_tools_fail_and_its_peers_are_told() {
    let world = World::new();
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let (one, two) = (a.label(), b.label());
    let pause = Pause::Session(id_of(&mut b));
    pause.set(&world.home()).unwrap();
    let stored = world.store().newest_seq().unwrap();
    for (tool, arguments) in [
        ("bridge_send_message", json!({"to": one, "body": "x"})),
        ("bridge_broadcast", json!({"body": "x"})),
        ("bridge_ask", json!({"to": one, "question": "x"})),
        ("bridge_wait_for_message", json!({"timeout": 1})),
        ("bridge_list_inbox", json!({})),
        ("bridge_whoami", json!({})),
    ] {
        assert_eq!(b.refused(tool, arguments), "paused", "{tool}");
    }
    assert_eq!(world.store().newest_seq().unwrap(), stored);

    let sent = a.call("bridge_send_message", json!({"to": two, "body": "x"}));
    assert_eq!((&sent["status"], &sent["to"][0]["paused"]), (&json!("stored"), &json!(true)));
    assert!(sent["next"].as_str().unwrap().contains("paused"), "{sent}");
    let receipt = a.call("bridge_get_receipts", json!({"message_id": sent["id"]}))["receipts"][0].clone();
    assert!(receipt["remark"].as_str().unwrap().starts_with("held: "), "{receipt}");
    let list = a.call("bridge_list_sessions", json!({}))["sessions"].clone();
    let paused: Vec<&Value> = list.as_array().unwrap().iter().filter(|s| s["paused"] == true).collect();
    assert!(paused.len() == 1 && paused[0]["label"] == json!(two), "{list}");
    // Nobody hears the question: it is kept, and waiting for the answer is of no use.
    let began = Instant::now();
    let asked = a.call("bridge_ask", json!({"to": two, "question": "q", "timeout": 60}));
    assert!(began.elapsed() < Duration::from_secs(20), "{asked}");
    assert_eq!(asked["status"], json!("waiting"));
    assert!(asked["next"].as_str().unwrap().contains("do not wait"), "{asked}");
    assert!(asked["to"][0]["remark"].as_str().unwrap().contains("paused"), "{asked}");

    pause.lift(&world.home()).unwrap();
    world.store().ring_after(&pause).unwrap();
    assert_eq!(unread(&mut b).len(), 2);
}

#[test]
fn an_open_wait_shows_nothing_once_its_session_is_paused() {
    let world = World::new();
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let one = a.label();
    let pause = Pause::Session(id_of(&mut b));
    let asked = b.begin_call("bridge_ask", json!({"to": one, "question": "which port?", "timeout": 60}));
    let question = arrived(&mut a);
    pause.set(&world.home()).unwrap();
    let reply = a.call("bridge_reply", json!({"message_id": question, "body": "8080"}));
    assert_eq!(reply["to"][0]["paused"], json!(true), "{reply}");
    let answer = b.answer(&json!(asked));
    assert_eq!(answer["result"]["structuredContent"]["code"], json!("paused"), "{answer}");
    let receipt = a.call("bridge_get_receipts", json!({"message_id": reply["id"]}))["receipts"][0].clone();
    assert_eq!(receipt["state"], json!("stored"));
    pause.lift(&world.home()).unwrap();
    let resumed = b.call("bridge_ask", json!({"question_id": question}));
    assert!(resumed["text"].as_str().unwrap().contains("8080"), "{resumed}");
}

#[test]
fn a_blocked_sender_is_refused_and_a_broadcast_names_who_blocks_it() {
    let world = World::new();
    let (mut a, mut b, mut c) = (world.codex("thread-a"), world.codex("thread-b"), world.codex("thread-c"));
    let two = b.label();
    let (from, reader) = (id_of(&mut a), id_of(&mut b));
    c.label();
    let earlier = b.call("bridge_send_message", json!({"to": from.to_string(), "body": "before"}));
    world.store().set_rule(RuleKind::Block, from, Some(reader)).unwrap();
    assert_eq!(a.refused("bridge_send_message", json!({"to": two, "body": "x"})), "blocked");
    assert_eq!(a.refused("bridge_ask", json!({"to": two, "question": "x"})), "blocked");
    assert_eq!(a.refused("bridge_reply", json!({"message_id": earlier["id"], "body": "x"})), "blocked");
    let sent = a.call("bridge_broadcast", json!({"body": "lunch"}));
    assert_eq!((&sent["recipients"], &sent["blocked_by"]), (&json!(1), &json!([two])));
    assert!(unread(&mut b).is_empty());
    assert_eq!(unread(&mut c).len(), 1);
    world.store().set_rule(RuleKind::Block, from, None).unwrap();
    let nobody = a.call("bridge_broadcast", json!({"body": "lunch"}));
    assert_eq!(nobody["recipients"], json!(0));
    assert!(nobody["next"].as_str().unwrap().contains("nobody"), "{nobody}");
}

#[test]
fn a_decline_ends_the_wait_of_the_asker_at_once() {
    let world = World::new();
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let two = b.label();
    let asked = a.begin_call("bridge_ask", json!({"to": two, "question": "paint it?", "timeout": 60}));
    let question = arrived(&mut b);
    b.call("bridge_read_message", json!({"ids": [question]}));
    let declined = b.call("bridge_decline", json!({"message_id": question, "reason": "not my job"}));
    assert_eq!(declined, json!({"status": "declined", "id": question}));
    let began = Instant::now();
    let outcome = a.outcome(asked);
    assert!(began.elapsed() < Duration::from_secs(20), "{outcome}");
    assert_eq!((&outcome["status"], &outcome["question_id"]), (&json!("declined"), &question));
    let text = outcome["text"].as_str().unwrap();
    assert!(text.contains("was declined. Reason given: \"not my job\""), "{text}");
    // The notice is what the wait returned: nobody shows it again.
    assert!(unread(&mut a).iter().all(|m| m["state"] != "stored"));
    assert_eq!(a.call("bridge_wait_for_message", json!({"timeout": 1}))["status"], json!("nothing"));
    let again = a.call("bridge_ask", json!({"question_id": question, "timeout": 60}));
    assert_eq!((&again["status"], &again["to"][0]["state"]), (&json!("closed"), &json!("declined")));
    assert_eq!(b.refused("bridge_reply", json!({"message_id": question, "body": "x"})), "message_closed");
    assert_eq!(b.refused("bridge_decline", json!({"message_id": question})), "message_closed");
    assert_eq!(a.refused("bridge_decline", json!({"message_id": question})), "not_your_message");
}
