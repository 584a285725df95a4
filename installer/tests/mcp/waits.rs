//! Questions that wait, waits that end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::event::Start;

use crate::harness::{Server, World, claude_arrival, here, soon};

fn pair(world: &World) -> (Server, Server, String, String) {
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let (one, two) = (a.label(), b.label());
    (a, b, one, two)
}

/// The newest message of a session's inbox, once there is one.
fn arrived(server: &mut Server) -> Value {
    let mut found = Value::Null;
    soon("mail", || {
        let list = server.call("bridge_list_inbox", json!({}));
        found = list["messages"].as_array().and_then(|m| m.last().cloned()).unwrap_or_default()["id"].clone();
        !found.is_null()
    });
    found
}

#[test]
fn an_answer_ends_the_wait_at_once() {
    let world = World::new();
    let (mut a, mut b, _, two) = pair(&world);
    let asked = a.begin_call("bridge_ask", json!({"to": two, "question": "which port?", "timeout": 60}));
    let question = arrived(&mut b);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let reply = b.call("bridge_reply", json!({"message_id": question, "body": "8080"}));
    let outcome = a.outcome(asked);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((&outcome["status"], &outcome["answer_id"]), (&json!("answered"), &reply["id"]));
    assert!(outcome["text"].as_str().unwrap().contains("8080"));
    soon("the answer is offered", || {
        b.call("bridge_get_receipts", json!({"message_id": reply["id"]}))["receipts"][0]["state"]
            == json!("offered")
    });
    assert_eq!(a.call("bridge_wait_for_message", json!({"timeout": 1}))["status"], json!("nothing"), "once");
}

#[test]
fn after_a_timeout_the_question_goes_on() {
    let world = World::new();
    let (mut a, mut b, _, two) = pair(&world);
    let waiting = a.call("bridge_ask", json!({"to": two, "question": "which port?", "timeout": 1}));
    assert_eq!((&waiting["status"], &waiting["to"][0]["state"]), (&json!("waiting"), &json!("stored")));
    let id = &waiting["question_id"];
    let again = a.begin_call("bridge_ask", json!({"question_id": id, "timeout": 60}));
    b.call("bridge_reply", json!({"message_id": id, "body": "8080"}));
    assert!(a.outcome(again)["text"].as_str().unwrap().contains("8080"));
    let third = a.call("bridge_ask", json!({"question_id": id}));
    assert_eq!(third["status"], json!("answered"), "an answered question returns at once, as often as asked");
    assert!(third["text"].as_str().unwrap().contains("8080"));
    assert_eq!(b.call("bridge_list_inbox", json!({"view": "all"}))["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn a_withdrawn_question_gets_no_answer() {
    let world = World::new();
    let (mut a, _b, _, two) = pair(&world);
    let waiting = a.call("bridge_ask", json!({"to": two, "question": "x", "timeout": 1}));
    let id = waiting["question_id"].as_str().unwrap().parse().unwrap();
    world.store().cancel(id).unwrap();
    let closed = a.call("bridge_ask", json!({"question_id": waiting["question_id"], "timeout": 1}));
    assert_eq!(closed["status"], json!("closed"));
}

#[test]
fn of_two_who_ask_each_other_the_younger_answers_first() {
    let world = World::new();
    let (mut a, mut b, one, two) = pair(&world);
    let first = a.begin_call("bridge_ask", json!({"to": two, "question": "your port?", "timeout": 60}));
    let question = arrived(&mut b);
    let crossed = b.call("bridge_ask", json!({"to": one, "question": "your host?", "timeout": 60}));
    assert_eq!((&crossed["status"], &crossed["answer_first"]), (&json!("crossed"), &question));
    assert!(crossed["text"].as_str().unwrap().contains("your port?"));
    let second = b.begin_call("bridge_ask", json!({"question_id": crossed["question_id"], "timeout": 1}));
    assert_eq!(b.outcome(second)["status"], json!("crossed"), "still the younger");
    b.call("bridge_reply", json!({"message_id": question, "body": "8080"}));
    assert_eq!(a.outcome(first)["status"], json!("answered"));
}

#[test]
fn a_wait_takes_only_what_fits() {
    let world = World::new();
    let (mut a, mut b, one, two) = pair(&world);
    let mut c = world.codex("thread-c");
    let three = c.label();
    let id = b.begin_call("bridge_wait_for_message", json!({"from": three, "kind": "result", "timeout": 60}));
    a.call("bridge_send_message", json!({"to": two, "body": "from a", "kind": "result"}));
    c.call("bridge_send_message", json!({"to": two, "body": "a note"}));
    let wanted = c.call("bridge_send_message", json!({"to": two, "body": "the result", "kind": "result"}));
    let got = b.outcome(id);
    assert_eq!((&got["status"], &got["id"]), (&json!("message"), &wanted["id"]));
    let next = b.call("bridge_wait_for_message", json!({"from": one, "timeout": 5}));
    assert!(next["text"].as_str().unwrap().contains("from a"), "what came before the wait counts too");
    let thread = b.begin_call("bridge_wait_for_message", json!({"thread": next["id"], "timeout": 60}));
    a.call("bridge_send_message", json!({"to": two, "body": "another thread"}));
    b.call("bridge_reply", json!({"message_id": next["id"], "body": "thanks"}));
    let reply = a.call("bridge_list_inbox", json!({}))["messages"][0]["id"].clone();
    a.call("bridge_reply", json!({"message_id": reply, "body": "welcome"}));
    assert!(b.outcome(thread)["text"].as_str().unwrap().contains("welcome"));
}

#[test]
fn a_cancelled_wait_keeps_nothing() {
    let world = World::new();
    let (mut a, mut b, _, two) = pair(&world);
    let id = b.begin_call("bridge_wait_for_message", json!({"timeout": 600}));
    std::thread::sleep(Duration::from_millis(300));
    b.cancel(id);
    std::thread::sleep(Duration::from_millis(300));
    let sent = a.call("bridge_send_message", json!({"to": two, "body": "x"}));
    assert!(
        b.find(Duration::from_millis(500), |m| m["id"] == json!(id)).is_none(),
        "no answer after a cancel"
    );
    let receipts = a.call("bridge_get_receipts", json!({"message_id": sent["id"]}));
    assert_eq!(receipts["receipts"][0]["state"], json!("stored"));
    assert_eq!(
        b.call("bridge_wait_for_message", json!({"timeout": 5}))["id"],
        sent["id"],
        "it is free for others"
    );
}

#[test]
fn a_cancelled_question_still_brings_its_answer_elsewhere() {
    let world = World::new();
    let (mut a, mut b, _, two) = pair(&world);
    let asked = a.begin_call("bridge_ask", json!({"to": two, "question": "x", "timeout": 600}));
    let question = arrived(&mut b);
    a.cancel(asked);
    std::thread::sleep(Duration::from_millis(300));
    let reply = b.call("bridge_reply", json!({"message_id": question, "body": "y"}));
    assert_eq!(a.call("bridge_wait_for_message", json!({"timeout": 5}))["id"], reply["id"]);
}

#[test]
fn a_result_of_a_cleared_conversation_takes_nothing_along() {
    let world = World::new();
    let mut claude = world.claude(&[("CLAUDE_CODE_SESSION_ID", "n-1")]);
    let label = claude.label();
    let mut b = world.codex("thread-b");
    let id = claude.begin_call("bridge_wait_for_message", json!({"timeout": 60}));
    std::thread::sleep(Duration::from_millis(300));
    world.store().arrive(&claude_arrival("n-2", here(), Start::Cleared)).unwrap();
    let sent = b.call("bridge_send_message", json!({"to": label, "body": "x"}));
    let answer = claude.answer(&json!(id));
    assert_eq!(answer["result"]["structuredContent"]["code"], json!("conversation_ended"));
    let receipts = b.call("bridge_get_receipts", json!({"message_id": sent["id"]}));
    assert_eq!(receipts["receipts"][0]["state"], json!("stored"));
}

#[test]
fn a_server_that_dies_waiting_frees_what_it_waited_for() {
    let world = World::new();
    let (mut a, mut b, _, two) = pair(&world);
    b.begin_call("bridge_wait_for_message", json!({"timeout": 600}));
    std::thread::sleep(Duration::from_millis(300));
    b.child.kill().unwrap();
    b.child.wait().unwrap();
    let sent = a.call("bridge_send_message", json!({"to": two, "body": "x"}));
    let mut next = world.codex("thread-b");
    assert_eq!(next.call("bridge_wait_for_message", json!({"timeout": 5}))["id"], sent["id"]);
}

#[test]
fn a_long_wait_shows_that_it_lives() {
    let world = World::new();
    let mut a = world.codex("thread-a");
    a.meta["progressToken"] = json!("p-1");
    let id = a.begin_call("bridge_wait_for_message", json!({"timeout": 11}));
    let note = a
        .find(Duration::from_secs(15), |m| m["method"] == json!("notifications/progress"))
        .expect("progress");
    assert_eq!(note["params"]["progressToken"], json!("p-1"));
    assert_eq!((&note["params"]["progress"], &note["params"]["total"]), (&json!(10.0), &json!(11.0)));
    assert_eq!(a.outcome(id)["status"], json!("nothing"));
}

#[test]
fn a_wait_does_not_outlive_its_host() {
    let world = World::new();
    let mut a = world.codex("thread-a");
    a.begin_call("bridge_wait_for_message", json!({"timeout": 280}));
    std::thread::sleep(Duration::from_millis(200));
    a.close();
}
