//! Mail goes out in the order of the store; what comes after younger mail of the same session says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, Fate, World, event, world};
use session_bridge_core::event::Moment;
use session_bridge_core::frame::LATE;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Kind;
use session_bridge_store::{Filter, LifeLock, Pull, Session};

/// Two sessions; the second one has a live server.
fn two(w: &mut World) -> (Session, Session, LifeLock) {
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let life = w.store.run().session(b.id).hold_life("srv").unwrap();
    (a, b, life)
}

/// The ids that a text marks as late.
fn late(text: &str) -> Vec<String> {
    let marked = text.lines().filter(|line| line.contains(&format!("late=\"{LATE}\"")));
    marked.map(|line| line.split("id=\"").nth(1).unwrap()[..26].to_owned()).collect()
}

/// Pulls one message by id into a result that is written.
fn pull_written(w: &mut World, session: &Session, id: MessageId, call: &str) -> Vec<MessageId> {
    let pulled = w.store.pull(session.id, Pull::Read(&[id]), Some(call), "srv").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    pulled.late
}

#[test]
fn mail_in_order_is_never_marked() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    for n in 0..6 {
        w.send(&a, &b, Kind::Note, &"x".repeat(1000));
        w.send(&a, &b, Kind::Note, "short");
        let text = w.prompt(&BATCH, &b, &format!("t{n}")).text;
        assert!(text.contains("short") || text.contains("xxx"), "{text}");
        assert_eq!(late(&text), [""; 0], "{text}");
        w.stop(&BATCH, &b, &format!("t{n}"));
    }
}

#[test]
fn what_a_cancelled_call_held_back_comes_late() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    let older = w.send(&a, &b, Kind::Note, "OLDER");
    let held = w.store.pull(b.id, Pull::Read(&[older]), Some("c1"), "srv").unwrap();
    assert!(held.late.is_empty());
    w.send(&a, &b, Kind::Note, "YOUNGER");
    let text = w.prompt(&BATCH, &b, "t1").text;
    assert!(text.contains("YOUNGER") && !text.contains("OLDER") && late(&text).is_empty(), "{text}");
    w.store.pull_void(held.attempt.unwrap()).unwrap();
    w.send(&a, &b, Kind::Note, "YOUNGEST");
    let text = w.tools(&BATCH, &b, "t1", &["c2"]).text;
    assert!(text.is_empty(), "this host takes nothing after tools");
    w.stop(&BATCH, &b, "t1");
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.find("OLDER").unwrap() < text.find("YOUNGEST").unwrap(), "the rest is in order: {text}");
    assert_eq!(late(&text), [older.to_string()], "only what is out of order is marked: {text}");
}

#[test]
fn what_a_wait_had_claimed_comes_late() {
    let mut w = world();
    let (a, b, life) = two(&mut w);
    let filter = Filter { kind: Some(Kind::Result), ..Filter::default() };
    let claim = w.store.claim(b.id, "srv", &filter, 90_000).unwrap();
    let older = w.send(&a, &b, Kind::Result, "OLDER");
    w.send(&a, &b, Kind::Note, "YOUNGER");
    let text = w.prompt(&BATCH, &b, "t1").text;
    assert!(text.contains("YOUNGER") && !text.contains("OLDER"), "{text}");
    // The server dies before it returned it; with it goes the claim.
    drop(life);
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert_eq!(late(&text), [older.to_string()], "{text}");
    w.store.release(&claim).unwrap();
}

#[test]
fn what_a_killed_hook_did_not_put_out_comes_late_if_younger_mail_was_pulled_meanwhile() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    let older = w.send(&a, &b, Kind::Note, "OLDER");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
    let younger = w.send(&a, &b, Kind::Note, "YOUNGER");
    assert!(pull_written(&mut w, &b, younger, "c1").is_empty(), "it is the first to go out");
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.contains("OLDER"), "{text}");
    assert_eq!(late(&text), [older.to_string()]);
}

#[test]
fn two_bodies_of_one_killed_hook_keep_their_order_and_are_not_late() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    w.send(&a, &b, Kind::Note, "OLDER");
    w.send(&a, &b, Kind::Note, "YOUNGER");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.find("OLDER").unwrap() < text.find("YOUNGER").unwrap() && late(&text).is_empty(), "{text}");
}

#[test]
fn a_younger_body_that_may_stand_above_makes_an_older_one_late() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    let older = w.send(&a, &b, Kind::Note, "OLDER");
    let held = w.store.pull(b.id, Pull::Read(&[older]), Some("c1"), "srv").unwrap();
    w.send(&a, &b, Kind::Note, "YOUNGER");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledWhileWriting);
    w.store.pull_void(held.attempt.unwrap()).unwrap();
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.contains("OLDER") && !text.contains("YOUNGER"), "{text}");
    assert_eq!(late(&text), [older.to_string()], "the reference to the younger one is not marked: {text}");
}

#[test]
fn reading_by_id_out_of_order_marks_what_goes_out_and_no_repetition() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    let older = w.send(&a, &b, Kind::Note, "OLDER");
    let younger = w.send(&a, &b, Kind::Note, "YOUNGER");
    assert!(pull_written(&mut w, &b, younger, "c1").is_empty());
    assert_eq!(pull_written(&mut w, &b, older, "c2"), [older]);
    w.tools(&BATCH, &b, "t1", &["c1", "c2"]);
    w.stop(&BATCH, &b, "t1");
    let again = w.store.pull(b.id, Pull::Read(&[older]), Some("c3"), "srv").unwrap();
    assert!(again.attempt.is_none() && again.late.is_empty(), "it repeats what was delivered");
}

#[test]
fn an_announcement_is_no_body_and_makes_nothing_late() {
    let mut w = world();
    let (a, b, _life) = two(&mut w);
    let older = w.send(&a, &b, Kind::Note, "OLDER");
    let held = w.store.pull(b.id, Pull::Read(&[older]), Some("c1"), "srv").unwrap();
    let long = w.send(&a, &b, Kind::Note, &"long ".repeat(4000));
    assert!(w.prompt(&BATCH, &b, "t1").text.contains(&long.to_string()));
    w.stop(&BATCH, &b, "t1");
    w.store.pull_void(held.attempt.unwrap()).unwrap();
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.contains("OLDER") && late(&text).is_empty(), "{text}");
    // Read at last, the long one is in its place: nothing younger went out.
    assert!(pull_written(&mut w, &b, long, "c2").is_empty());
}
