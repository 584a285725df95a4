//! Deadlines that nobody looks at: the sender's server keeps them, or whoever of the sender comes next.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Role, Store};

use crate::harness::{Server, World, soon};

fn pair(world: &World) -> (Server, Server, SessionId, String) {
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let me = a.call("bridge_whoami", json!({}))["id"].as_str().unwrap().parse().unwrap();
    let peer = b.label();
    (a, b, me, peer)
}

/// The texts of the notices in the inbox, whether they were shown or not.
fn notices(server: &mut Server) -> Vec<Value> {
    let all = server.call("bridge_list_inbox", json!({"view": "all"}))["messages"].clone();
    let all = all.as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|message| message["from"] == "session-bridge").collect()
}

/// Whether the session's bell stands; looks at no message.
fn rings(store: &Store, session: SessionId) -> bool {
    store.run().session(session).bell_stands()
}

#[test]
fn a_sender_is_told_at_the_deadline_by_its_own_server() {
    let world = World::new();
    let (mut a, mut b, me, peer) = pair(&world);
    let store = Store::open(&world.home(), Role::Cli).unwrap();
    let sent = a.call("bridge_send_message", json!({"to": peer, "body": "x", "expires_in": 1}));
    a.call("bridge_send_message", json!({"to": peer, "body": "y", "expires_in": 3000}));
    assert!(!rings(&store, me));
    soon("the sender's bell", || rings(&store, me));
    let told = notices(&mut a);
    assert_eq!(told.len(), 1, "{told:?}");
    let text = a.call("bridge_read_message", json!({"ids": [told[0]["id"]]}))["text"].clone();
    let expected = format!("Your message {} to `{peer}` expired unread.", sent["id"].as_str().unwrap());
    assert!(text.as_str().unwrap().contains(&expected), "{text}");
    assert_eq!(b.call("bridge_whoami", json!({}))["unread"], json!(1), "the other one still waits");
    // What was read in time makes no news.
    let quick = a.call("bridge_send_message", json!({"to": peer, "body": "z", "expires_in": 2}));
    b.call("bridge_read_message", json!({"ids": [quick["id"]]}));
    let short = a.call("bridge_send_message", json!({"to": peer, "body": "last", "expires_in": 3}));
    soon("the last deadline", || {
        a.call("bridge_get_receipts", json!({"message_id": short["id"]}))["receipts"][0]["state"] == "expired"
    });
    assert_eq!(notices(&mut a).len(), 2);
}

#[test]
fn a_sender_whose_server_was_killed_is_told_when_it_comes_again() {
    let world = World::new();
    let (mut a, _b, me, peer) = pair(&world);
    let sent = a.call("bridge_send_message", json!({"to": peer, "body": "x", "expires_in": 1}));
    a.child.kill().unwrap();
    a.child.wait().unwrap();
    let store = Store::open(&world.home(), Role::Cli).unwrap();
    let id: MessageId = sent["id"].as_str().unwrap().parse().unwrap();
    let deadline = store.message(id).unwrap().expires.unwrap();
    soon("the deadline", || store.now() > deadline + 500);
    assert!(!rings(&store, me), "nobody is left to tell it");
    let mut again = world.codex("thread-a");
    assert_eq!(again.call("bridge_whoami", json!({}))["id"], json!(me));
    soon("the notice", || rings(&store, me));
    assert_eq!(notices(&mut again).len(), 1);
}

#[test]
fn a_wait_ends_with_the_question_that_it_is_for() {
    let world = World::new();
    let (mut a, _b, _, peer) = pair(&world);
    let began = Instant::now();
    let ask = json!({"to": peer, "question": "which port?", "timeout": 200, "expires_in": 1});
    let outcome = a.call("bridge_ask", ask);
    assert!(began.elapsed() < Duration::from_secs(100));
    assert_eq!((&outcome["status"], &outcome["to"][0]["state"]), (&json!("closed"), &json!("expired")));
    assert_eq!(notices(&mut a).len(), 1, "the notice comes all the same");
}

#[test]
fn what_goes_to_everyone_may_wait_an_hour() {
    let world = World::new();
    let (mut a, _b, _, peer) = pair(&world);
    let everyone = a.call("bridge_broadcast", json!({"body": "lunch"}));
    let star = a.call("bridge_send_message", json!({"to": "*", "body": "lunch"}));
    let shorter = a.call("bridge_send_message", json!({"to": "*", "body": "lunch", "expires_in": 60}));
    let one = a.call("bridge_send_message", json!({"to": peer, "body": "lunch"}));
    let store = world.store();
    let lifetimes = [everyone, star, shorter, one].map(|sent| {
        let message = store.message(sent["id"].as_str().unwrap().parse().unwrap()).unwrap();
        message.expires.map(|at| at - message.created)
    });
    assert_eq!(lifetimes, [Some(3_600_000), Some(3_600_000), Some(60_000), None]);
}

/// One timer for however many deadlines, and none before and after them.
#[cfg(target_os = "linux")]
#[test]
fn a_server_has_a_timer_only_while_there_is_a_deadline() {
    let world = World::new();
    let (mut a, _b, me, peer) = pair(&world);
    let folder = format!("/proc/{}/fd", a.child.id());
    let timers = || {
        let open = std::fs::read_dir(&folder).unwrap().flatten();
        let targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.filter(|target| target.to_string_lossy().contains("timerfd")).count()
    };
    a.call("bridge_send_message", json!({"to": peer, "body": "no deadline"}));
    assert_eq!(timers(), 0);
    for seconds in [60, 4, 60] {
        a.call("bridge_send_message", json!({"to": peer, "body": "x", "expires_in": seconds}));
    }
    soon("a timer", || timers() == 1);
    let store = world.store();
    soon("the first deadline", || rings(&store, me));
    soon("a timer for the next ones", || timers() == 1);
    let mut b = world.codex("thread-b");
    let list = b.call("bridge_list_inbox", json!({}))["messages"].clone();
    let ids: Vec<Value> = list.as_array().unwrap().iter().map(|message| message["id"].clone()).collect();
    b.call("bridge_read_message", json!({"ids": ids}));
    // Nothing can expire any more; the next look takes the timer away.
    let last = a.call("bridge_send_message", json!({"to": peer, "body": "x", "expires_in": 1}));
    b.call("bridge_read_message", json!({"ids": [last["id"]]}));
    soon("no timer", || timers() == 0);
}
