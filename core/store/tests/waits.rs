//! Waits that cross, and what a session may look at.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Arrival, Author, Draft, Filter, Role, Session, Store, Wanted};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Home::at(dir.path().join("bridge")), Role::Server).unwrap();
    (dir, store)
}

fn session(store: &mut Store, native: &str) -> Session {
    let arrival = Arrival {
        provider: "codex",
        short: "codex",
        native,
        host: None,
        one_per_process: false,
        cwd: None,
        start: None,
        claimed: None,
        wanted: Wanted::default(),
    };
    store.arrive(&arrival).unwrap()
}

fn question(store: &mut Store, from: SessionId, to: SessionId) -> MessageId {
    let id = MessageId::generate();
    let draft = Draft {
        id,
        author: Author::Session(from),
        room: "default",
        to: "peer",
        kind: Kind::Question,
        subject: None,
        body: "which port?",
        in_reply_to: None,
        urgency: Urgency::Normal,
        lifetime_ms: None,
    };
    store.send(&draft, &[to]).unwrap();
    id
}

#[test]
fn of_two_crossing_waits_the_younger_finds_the_other_s_question() {
    let (_dir, mut store) = store();
    let (a, b) = (session(&mut store, "a").id, session(&mut store, "b").id);
    let life = [a, b].map(|id| store.run().session(id).hold_life("s").unwrap());
    let ask = |store: &mut Store, from, to| {
        let id = question(store, from, to);
        std::thread::sleep(std::time::Duration::from_millis(3));
        let claim =
            store.claim(from, "s", &Filter { reply_to: Some(id), ..Filter::default() }, 60_000).unwrap();
        (id, claim)
    };
    let (first, older) = ask(&mut store, a, b);
    assert!(store.crossing(a, &older).unwrap().is_none(), "nobody waits for A yet");
    let (_, younger) = ask(&mut store, b, a);
    assert_eq!(store.crossing(b, &younger).unwrap().unwrap().id, first);
    assert!(store.crossing(a, &older).unwrap().is_none(), "the older wait goes on");
    drop(life);
    assert!(store.crossing(b, &younger).unwrap().is_none(), "a dead server waits for nothing");
}

#[test]
fn a_message_is_shown_to_its_two_ends_only() {
    let (_dir, mut store) = store();
    let (a, b, c) = (session(&mut store, "a").id, session(&mut store, "b").id, session(&mut store, "c").id);
    let id = question(&mut store, a, b);
    assert!(store.message_for(a, id).is_ok() && store.message_for(b, id).is_ok());
    assert_eq!(store.message_for(c, id).unwrap_err().code(), "not_your_message");
}

#[test]
fn the_guard_is_noted() {
    let (_dir, mut store) = store();
    let a = session(&mut store, "a").id;
    assert!(!store.session(a).unwrap().guarded);
    store.set_guarded(a).unwrap();
    assert!(store.session(a).unwrap().guarded);
}
