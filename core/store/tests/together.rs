//! Several messages in one transaction: each has its own outcome, and it is as if they had been sent one by one.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, World, draft, world};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::Kind;
use session_bridge_store::{Draft, Letter, Session, State, StoreError, View};

fn letter<'a>(from: &Session, to: &[SessionId], body: &'a str, answers: Option<MessageId>) -> Letter<'a> {
    Letter { draft: Draft { in_reply_to: answers, ..draft(from.id, body) }, recipients: to.to_vec() }
}

fn bodies(w: &mut World, of: &Session) -> Vec<String> {
    let entries = w.store.inbox(of.id, View::Unread, u32::MAX).unwrap();
    let mut messages: Vec<_> = entries.into_iter().map(|entry| entry.message).collect();
    messages.sort_by_key(|message| message.seq);
    messages.into_iter().map(|message| message.body).collect()
}

#[test]
fn they_are_stored_in_order_and_every_bell_rings() {
    let mut w = world();
    let (a, b, c) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"), w.session(&BATCH, "c"));
    let letters =
        [("1", &b), ("2", &c), ("3", &b), ("4", &b)].map(|(body, to)| letter(&a, &[to.id], body, None));
    for (sent, letter) in w.store.send_all(&letters).into_iter().zip(&letters) {
        assert_eq!(sent.unwrap().id, letter.draft.id);
    }
    assert_eq!(bodies(&mut w, &b), ["1", "3", "4"]);
    assert_eq!(bodies(&mut w, &c), ["2"]);
    assert!(w.rings(&b) && w.rings(&c));
}

#[test]
fn one_that_is_refused_leaves_no_trace_and_stops_no_other() {
    let mut w = world();
    let (a, b, c) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"), w.session(&BATCH, "c"));
    let nobody = SessionId::generate();
    let question = w.send(&b, &a, Kind::Question, "which?");
    let letters = [
        letter(&a, &[c.id, nobody], "for somebody who is not there", None),
        letter(&a, &[b.id], "that one", Some(question)),
        letter(&a, &[c.id], "an answer to nothing", Some(MessageId::generate())),
        letter(&a, &[b.id], "and another thing", None),
    ];
    let outcomes = w.store.send_all(&letters);
    assert!(matches!(&outcomes[0], Err(StoreError::NoSession(id)) if *id == nobody), "{:?}", outcomes[0]);
    assert!(matches!(&outcomes[2], Err(StoreError::NoMessage(_))), "{:?}", outcomes[2]);
    assert_eq!(bodies(&mut w, &b), ["that one", "and another thing"]);
    assert_eq!(w.state(question).0, State::Answered);
    assert_eq!(bodies(&mut w, &c), Vec::<String>::new());
    for refused in [0, 2] {
        assert!(matches!(w.store.message(letters[refused].draft.id), Err(StoreError::NoMessage(_))));
    }
    assert_eq!(w.store.unheard(false).unwrap(), []);
}

/// What is undone silences no bell that another message of the same transaction needs.
#[test]
fn a_bell_stands_for_what_was_not_undone() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let question = w.send(&a, &b, Kind::Question, "which?");
    let letters = [
        letter(&a, &[b.id, SessionId::generate()], "undone", None),
        // Settles the bell of b: nothing of it is left.
        letter(&b, &[a.id], "that one", Some(question)),
        letter(&a, &[b.id], "kept", None),
    ];
    let outcomes = w.store.send_all(&letters);
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
    assert!(w.rings(&b));
    assert_eq!(w.store.unheard(false).unwrap(), []);
}

#[test]
fn more_deliveries_than_one_transaction_may_write_are_sent_as_well() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let to: Vec<SessionId> = (0..50).map(|n| w.session(&BATCH, &format!("s{n}")).id).collect();
    let letters = ["one", "two"].map(|body| letter(&a, &to, body, None));
    assert!(w.store.send_all(&letters).iter().all(Result::is_ok));
    for letter in &letters {
        assert_eq!(w.store.receipts(letter.draft.id).unwrap().len(), to.len());
    }
}

#[test]
fn sent_again_under_its_id_a_message_is_the_same_one() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let letters = ["1", "2"].map(|body| letter(&a, &[b.id], body, None));
    assert!(w.store.send_all(&letters).iter().all(Result::is_ok));
    assert!(w.store.send_all(&letters).iter().all(Result::is_ok));
    assert_eq!(bodies(&mut w, &b), ["1", "2"]);
}
