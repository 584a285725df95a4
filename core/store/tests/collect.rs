//! Collection: what goes, what stays, and that nobody misses what went.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, DAY, MONTH, World, arrival, gc, me, read_all, world};
use session_bridge_core::event::Start;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Via};
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{
    Activity, Collected, Filter, Live, Pause, Pull, Role, RuleKind, Session, State, Store, StoreError, View,
};

fn is_there(w: &World, id: MessageId) -> bool {
    match w.store.message(id) {
        Ok(_) => true,
        Err(StoreError::Collected(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// A session whose process is gone, and which ended when somebody looked.
fn ended(w: &mut World, native: &str) -> Session {
    let session = w.session(&BATCH, native);
    w.store.end(session.id, "over").unwrap();
    session
}

#[test]
fn read_mail_goes_when_it_is_old_and_unread_mail_never() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let read = w.send(&a, &b, Kind::Note, "read");
    read_all(&mut w, &b, "t1");
    let unread = w.send(&a, &b, Kind::Note, "unread");
    assert_eq!(gc(&mut w), Collected::default(), "nothing is old");
    w.clock.advance(MONTH + 1);
    let young = w.send(&a, &b, Kind::Note, "young");
    let report = gc(&mut w);
    assert_eq!((report.threads, report.messages, report.deliveries, report.kept.unread), (1, 1, 1, 1));
    assert!(!is_there(&w, read) && is_there(&w, unread) && is_there(&w, young));
    w.clock.advance(10 * MONTH);
    gc(&mut w);
    assert!(is_there(&w, unread) && is_there(&w, young), "unread mail waits for ever");
    read_all(&mut w, &b, "t2");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).messages, 2);
    assert!(w.store.integrity().unwrap().is_empty());
}

#[test]
fn every_end_of_a_delivery_is_one_and_counts_from_its_last_change() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let (declined, cancelled) = (w.send(&a, &b, Kind::Question, "1"), w.send(&a, &b, Kind::Note, "2"));
    let expired = w.try_send(&a, &[b.id], Kind::Note, "3", Some(1_000)).unwrap();
    let answered = w.send(&a, &b, Kind::Question, "4");
    w.clock.advance(MONTH);
    w.store.decline(b.id, declined, None, Via::CommandLine).unwrap();
    w.store.cancel(cancelled).unwrap();
    assert_eq!(w.state(expired).0, State::Expired);
    let answer = w.reply(&b, answered, "yes");
    assert_eq!(gc(&mut w).messages, 0, "sent long ago, and changed just now");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).threads, 1, "only the cancelled one: of the others, `a` was told by mail");
    read_all(&mut w, &a, "t");
    w.clock.advance(MONTH + 1);
    let report = gc(&mut w);
    assert_eq!((report.threads, report.messages), (3, 6), "with both notices and the answer");
    for id in [declined, cancelled, expired, answered, answer] {
        assert!(!is_there(&w, id));
    }
}

#[test]
fn a_thread_goes_as_a_whole() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let question = w.send(&a, &b, Kind::Question, "?");
    read_all(&mut w, &b, "t1");
    let answer = w.reply(&b, question, "!");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).kept.unread, 1);
    assert!(is_there(&w, question), "its answer is unread");
    read_all(&mut w, &a, "t1");
    w.clock.advance(MONTH + 1);
    let late = w.reply(&a, answer, "thanks");
    assert_eq!(gc(&mut w).kept.changed, 1, "the thread goes on");
    read_all(&mut w, &b, "t2");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).messages, 3);
    assert!(!is_there(&w, late));
}

/// A thread longer than one transaction may be.
#[test]
fn a_long_thread_goes_from_its_end() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let root = w.send(&a, &b, Kind::Note, "root");
    let mut last = root;
    for n in 0..200 {
        last = w.reply(if n % 2 == 0 { &b } else { &a }, last, "again");
    }
    for turn in 0..40 {
        read_all(&mut w, &a, &format!("a{turn}"));
        read_all(&mut w, &b, &format!("b{turn}"));
    }
    w.clock.advance(MONTH + 1);
    let report = gc(&mut w);
    assert_eq!((report.threads, report.messages), (1, 201));
    assert!(!is_there(&w, root) && !is_there(&w, last));
}

#[test]
fn open_questions_stay_as_long_as_their_reader_may_come_back() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let (open, marked) = (w.send(&a, &b, Kind::Question, "open"), w.send(&a, &b, Kind::Question, "marked"));
    read_all(&mut w, &b, "t1");
    w.store.mark_read(b.id, &[marked]).unwrap();
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).kept.open, 1);
    assert!(is_there(&w, open) && !is_there(&w, marked));
    w.store.end(b.id, "over").unwrap();
    w.clock.advance(MONTH);
    assert_eq!(gc(&mut w).kept.open, 1, "it may be resumed");
    w.clock.advance(1);
    assert_eq!(gc(&mut w).messages, 1, "nobody will answer it");
}

#[test]
fn what_was_put_out_and_never_proven_stays_as_long_as_its_reader_may_come_back() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let (doubtful, waits) = (w.send(&a, &b, Kind::Note, "doubtful"), w.session(&BATCH, "c"));
    w.prompt(&BATCH, &b, "t1");
    w.store.end(b.id, "over").unwrap();
    w.store.arrive(&arrival(&BATCH, "b", Some(Start::Resumed))).unwrap();
    assert!(w.prompt(&BATCH, &b, "t2").text.contains(&doubtful.to_string()), "its reader is told the id");
    w.clock.advance(DAY);
    w.store.end(b.id, "over").unwrap();
    assert_eq!(w.store.receipts(doubtful).unwrap()[0].state, State::Offered);
    let unread = w.send(&a, &waits, Kind::Note, "unread");
    w.store.end(waits.id, "over").unwrap();
    w.clock.advance(MONTH);
    assert_eq!(gc(&mut w).kept.unread, 1, "it may be resumed");
    w.clock.advance(1);
    let report = gc(&mut w);
    assert_eq!(report.messages, 1, "{report:?}");
    assert!(!is_there(&w, doubtful) && is_there(&w, unread), "what never went out is kept");
}

#[test]
fn what_its_model_dealt_with_goes_though_nothing_proves_that_it_arrived() {
    let mut w = world();
    let (a, b, c) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"), w.session(&BATCH, "c"));
    let alone = w.send(&a, &b, Kind::Question, "to one");
    let both = w.try_send(&a, &[b.id, c.id], Kind::Note, "to both", None).unwrap();
    w.prompt(&BATCH, &b, "t1");
    w.store.mark_read(b.id, &[alone, both]).unwrap();
    // Nothing of t1 is heard any more.
    w.prompt(&BATCH, &b, "t2");
    assert_eq!(w.store.receipts(alone).unwrap()[0].state, State::Offered);
    w.clock.advance(MONTH + 1);
    let report = gc(&mut w);
    assert_eq!((report.messages, report.singly, report.kept.unread), (1, 1, 1), "{report:?}");
    assert!(!is_there(&w, alone) && is_there(&w, both), "the other has not read it");
}

#[test]
fn what_is_under_way_stays() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let shown = w.send(&a, &b, Kind::Note, "shown");
    // Injected, in a turn that goes on.
    w.prompt(&BATCH, &b, "t1");
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).messages, 0);
    w.tools(&BATCH, &b, "t1", &["c1"]);
    w.stop(&BATCH, &b, "t1");
    // A wait for an answer.
    w.clock.advance(MONTH + 1);
    let filter = Filter { reply_to: Some(shown), ..Filter::default() };
    w.store.claim(a.id, "server", &filter, 1_000).unwrap();
    assert_eq!(gc(&mut w).kept.in_use, 1);
    w.clock.advance(1_001);
    let report = gc(&mut w);
    assert_eq!(report.messages, 1, "{report:?}");
    w.clock.advance(MONTH + 1);
    assert!(gc(&mut w).traces > 0, "the claim is over");
}

#[test]
fn what_is_late_stays_late() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let older = w.send(&a, &b, Kind::Note, "older");
    let filter = Filter { kind: Some(Kind::Status), ..Filter::default() };
    let younger = w.send(&a, &b, Kind::Status, "younger");
    let pulled = w.store.pull(b.id, Pull::Next(&filter, None), Some("call"), "s").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.tools(&BATCH, &b, "t0", &["call"]);
    w.tools(&BATCH, &b, "t0", &["another"]);
    w.clock.advance(MONTH + 1);
    let report = gc(&mut w);
    assert_eq!(report.messages, 1, "{report:?}");
    assert!(is_there(&w, older) && !is_there(&w, younger));
    let text = w.prompt(&BATCH, &b, "t1").text;
    assert!(text.contains("older") && text.contains(session_bridge_core::frame::LATE), "{text}");
}

#[test]
fn who_asks_for_what_went_is_told_so() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let gone = w.send(&a, &b, Kind::Note, "x");
    read_all(&mut w, &b, "t1");
    w.clock.advance(MONTH + 1);
    gc(&mut w);
    let told = |error: StoreError| assert_eq!(error.code(), "message_collected", "{error}");
    told(w.store.receipts(gone).unwrap_err());
    told(w.store.message_for(b.id, gone).unwrap_err());
    told(w.store.mark_read(b.id, &[gone]).unwrap_err());
    told(w.store.decline(b.id, gone, None, Via::Session).unwrap_err());
    told(w.store.cancel(gone).unwrap_err());
    told(w.store.attempts(gone).unwrap_err());
    told(w.store.pull(b.id, Pull::Read(&[gone]), None, "s").unwrap_err());
    let later = w.store.message(MessageId::generate()).unwrap_err();
    assert_eq!(later.code(), "unknown_message", "an id that is younger than all that went is nobody's");
}

#[test]
fn a_dry_run_says_what_would_go_and_changes_nothing() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), ended(&mut w, "gone"));
    let read = w.send(&a, &b, Kind::Note, "x");
    w.session(&BATCH, "gone");
    read_all(&mut w, &b, "t1");
    w.store.end(b.id, "over").unwrap();
    w.clock.advance(MONTH + 1);
    let before = std::fs::read(w.store.path()).unwrap();
    let dry = w.store.gc(MONTH, true).unwrap().report().clone();
    assert!(is_there(&w, read) && w.store.last_collection().unwrap().is_none());
    assert_eq!(std::fs::read(w.store.path()).unwrap(), before);
    assert_eq!(dry, gc(&mut w), "it says what then goes");
    assert_eq!((dry.messages, dry.sessions), (1, 1));
    assert!(dry.traces > 0);
}

#[test]
fn a_session_that_ended_long_ago_goes_with_all_that_was_its_own_and_comes_back_as_a_new_one() {
    let mut w = world();
    let gone = ended(&mut w, "gone");
    let folder = w.store.run().session(gone.id);
    assert!(folder.path().exists());
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).sessions, 1);
    assert!(w.store.named_by("batch", "gone").unwrap().is_none());
    assert!(!folder.path().exists());
    assert!(!w.store.run().native("batch", "gone").path().is_symlink());
    let back = w.store.arrive(&arrival(&BATCH, "gone", Some(Start::Resumed))).unwrap();
    assert_ne!(back.id, gone.id);
    let sender = w.session(&BATCH, "sender");
    w.send(&sender, &back, Kind::Note, "hello");
    assert!(w.prompt(&BATCH, &back, "t1").text.contains("hello"));
}

#[test]
fn sessions_that_somebody_or_something_refers_to_stay() {
    let mut w = world();
    let live = w.session(&BATCH, "live");
    let [unread, muted, paused, wrote, serves] =
        ["unread", "muted", "paused", "wrote", "serves"].map(|native| ended(&mut w, native));
    w.send(&live, &unread, Kind::Note, "for later");
    w.store.set_rule(RuleKind::Mute, muted.id, None).unwrap();
    Pause::Session(paused.id).set(w.store.home()).unwrap();
    w.send(&wrote, &live, Kind::Note, "unread");
    let life = w.store.run().session(serves.id).hold_life("server").unwrap();
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).sessions, 0);
    drop(life);
    Pause::Session(paused.id).lift(w.store.home()).unwrap();
    w.store.lift_rule(RuleKind::Mute, muted.id, None).unwrap();
    assert_eq!(gc(&mut w).sessions, 3);
    for stays in [&live, &unread, &wrote] {
        w.store.session(stays.id).unwrap();
    }
}

#[test]
fn traces_of_the_present_day_stay_and_older_ones_go() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let host = ProcessKey { ..me() };
    w.note(&b, Live { host, activity: Activity::Idle, by_user: false, turn: None });
    w.send(&a, &b, Kind::Note, "x");
    read_all(&mut w, &b, "t1");
    w.clock.advance(1_000);
    let report = w.store.gc(500, false).unwrap().report().clone();
    assert_eq!((report.messages, report.traces), (1, 0), "a turn may still look at them");
    w.clock.advance(DAY);
    let traces = w.store.gc(500, false).unwrap().report().traces;
    assert!(traces >= 2, "the attempt and the wake: {traces}");
}

#[test]
fn one_server_a_day_collects() {
    let mut w = world();
    let mut other = Store::open_with(w.store.home(), Role::Server, w.clock.clone()).unwrap();
    assert!(w.store.take_collection().unwrap().is_some());
    assert!(other.take_collection().unwrap().is_none() && w.store.take_collection().unwrap().is_none());
    w.clock.advance(DAY);
    assert!(other.take_collection().unwrap().is_some() && w.store.take_collection().unwrap().is_none());
    w.clock.set_by(-10 * DAY);
    assert!(w.store.take_collection().unwrap().is_some(), "a clock that was set back keeps nobody from it");
    std::fs::write(w.store.home().settings(), r#"{"limits": {"retention_days": 0}}"#).unwrap();
    w.clock.advance(MONTH);
    w.store.refresh().unwrap();
    assert!(w.store.take_collection().unwrap().is_none(), "everything is kept");
}

#[test]
fn space_is_given_back() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let body = "x".repeat(3_000);
    for _ in 0..400 {
        w.send(&a, &b, Kind::Note, &body);
    }
    let kept = w.send(&a, &b, Kind::Note, &"y".repeat(20_000));
    let waiting = w.store.inbox(b.id, View::Unread, 1_000).unwrap();
    let ids: Vec<MessageId> = waiting.iter().map(|entry| entry.message.id).filter(|id| *id != kept).collect();
    for (n, ids) in ids.chunks(100).enumerate() {
        let (call, turn) = (format!("call-{n}"), format!("turn-{n}"));
        let pulled = w.store.pull(b.id, Pull::Read(ids), Some(&call), "s").unwrap();
        w.store.pull_written(pulled.attempt.unwrap()).unwrap();
        w.tools(&BATCH, &b, &turn, &[&call]);
        w.stop(&BATCH, &b, &turn);
    }
    let before = w.store.bytes();
    w.clock.advance(MONTH + 1);
    assert_eq!(gc(&mut w).messages, 400);
    let after = w.store.bytes();
    assert!(after * 4 < before, "{before} bytes before, {after} after");
    assert_eq!(w.store.message(kept).unwrap().body.len(), 20_000);
    assert!(w.store.integrity().unwrap().is_empty());
}
