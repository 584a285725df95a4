//! What a sender is told of its deliveries without asking.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, World, draft, world};
use session_bridge_core::id::SessionId;
use session_bridge_core::message::{Kind, Via};
use session_bridge_store::{Author, Draft, Entry, Session, State, View};

fn notices(w: &mut World, session: &Session) -> Vec<Entry> {
    let all = w.store.inbox(session.id, View::All, 100).unwrap();
    all.into_iter().filter(|entry| entry.message.via == Via::System).collect()
}

#[test]
fn an_expired_message_tells_its_sender_once_and_like_mail() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.try_send(&a, &[b.id], Kind::Question, "q", Some(1000)).unwrap();
    w.clock.advance(2000);
    assert!(w.prompt(&BATCH, &b, "t1").text.is_empty());
    assert_eq!(w.state(id).0, State::Expired);
    assert!(!w.rings(&b) && w.rings(&a));
    let told = w.prompt(&BATCH, &a, "t1").text;
    let line = format!("Your message {id} to `{}` expired unread.", b.label);
    assert!(told.contains(&line) && told.contains("from=\"session-bridge\" kind=\"system\""), "{told}");
    w.stop(&BATCH, &a, "t1");
    assert!(!w.rings(&a));
    w.prompt(&BATCH, &b, "t2");
    let found = notices(&mut w, &a);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.sender.is_none() && !found[0].message.kind.wakes());
    assert_eq!(found[0].message.thread, id);
}

#[test]
fn the_sender_s_own_event_is_enough() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.try_send(&a, &[b.id], Kind::Question, "q", Some(1000)).unwrap();
    w.clock.advance(2000);
    assert!(w.prompt(&BATCH, &a, "t1").text.contains(&format!("{id} to `{}` expired unread", b.label)));
    assert!(!w.rings(&b), "nothing waits for the recipient any more");
}

#[test]
fn a_broadcast_that_expires_is_one_notice() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let to: Vec<Session> = (0..5).map(|n| w.session(&BATCH, &format!("b{n}"))).collect();
    let ids: Vec<SessionId> = to.iter().map(|session| session.id).collect();
    w.try_send(&a, &ids, Kind::Note, "lunch", Some(1000)).unwrap();
    w.prompt(&BATCH, &to[0], "t1");
    w.stop(&BATCH, &to[0], "t1");
    w.clock.advance(2000);
    for session in &to {
        w.store.inbox(session.id, View::Unread, 10).unwrap();
    }
    let found = notices(&mut w, &a);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.body.ends_with("expired unread for 4 of 5 recipients."), "{found:?}");
}

#[test]
fn an_answer_by_a_person_is_told_and_one_by_the_model_is_not() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    for person in [false, true] {
        let id = w.send(&a, &b, Kind::Question, "q");
        if person {
            let author = Author::CommandLine { name: "ana".into(), as_session: Some(b.id) };
            let draft = Draft { author, kind: Kind::Answer, in_reply_to: Some(id), ..draft(b.id, "yes") };
            w.store.send(&draft, &[a.id]).unwrap();
        } else {
            w.reply(&b, id, "yes");
        }
        assert_eq!(w.state(id).0, State::Answered);
        assert_eq!(notices(&mut w, &a).len(), usize::from(person));
    }
    assert!(notices(&mut w, &a)[0].message.body.contains("answered by a person"));
}

#[test]
fn what_a_sender_withdrew_is_no_news() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    w.store.cancel(id).unwrap();
    assert_eq!(notices(&mut w, &a).len(), 0);
}
