//! Mail in the middle of a turn, at its end, and what a new context is told.

mod common;

use common::{BATCH, BATCH_OPEN, Fate, SINGLE_OPEN, arrival, continued, event, world};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::message::Kind;
use session_bridge_store::{Pull, State};

fn start(why: Start) -> HookEvent<'static> {
    HookEvent { start: why, ..event(Moment::SessionStart, None, &[]) }
}

#[test]
fn mail_in_a_turn_goes_out_after_the_next_tool_once() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.prompt(&BATCH_OPEN, &b, "t1");
    let id = w.send(&a, &b, Kind::Status, "halfway there");
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1", "c2"]).text.contains("halfway there"));
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1", "c2"]).text.is_empty());
    assert_eq!(w.state(id).0, State::Offered, "the same batch again proves nothing");
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c2", "c3"]).text.is_empty());
    assert_eq!(w.state(id).0, State::Offered, "nor does one that shares a call");
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &[]).text.is_empty());
    assert_eq!(w.state(id).0, State::Offered, "nor one that names none");
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c4"]).text.is_empty());
    assert_eq!(w.state(id).0, State::Seen);
    assert!(!w.rings(&b));
}

#[test]
fn where_calls_are_told_one_by_one_only_the_turns_end_proves() {
    let mut w = world();
    let (a, b) = (w.session(&SINGLE_OPEN, "a"), w.session(&SINGLE_OPEN, "b"));
    w.prompt(&SINGLE_OPEN, &b, "t1");
    let id = w.send(&a, &b, Kind::Note, "x");
    w.tools(&SINGLE_OPEN, &b, "t1", &["c1"]);
    w.tools(&SINGLE_OPEN, &b, "t1", &["c2"]);
    assert_eq!(w.state(id).0, State::Offered, "c2 may be a sibling of c1");
    assert!(w.stop(&SINGLE_OPEN, &b, "t1").text.is_empty());
    assert_eq!(w.state(id).0, State::Seen);
}

#[test]
fn a_turn_goes_on_once_for_mail_that_may_wake() {
    for card in [&BATCH_OPEN, &SINGLE_OPEN] {
        let mut w = world();
        let (a, b) = (w.session(card, "a"), w.session(card, "b"));
        w.prompt(card, &b, "t1");
        let status = w.send(&a, &b, Kind::Status, "progress");
        assert!(w.stop(card, &b, "t1").text.is_empty(), "a status waits");
        w.prompt(card, &b, "t2");
        w.stop(card, &b, "t2");
        assert_eq!(w.state(status).0, State::Seen);

        w.prompt(card, &b, "t3");
        let id = w.send(&a, &b, Kind::Question, "which port?");
        assert!(w.stop(card, &b, "t3").text.contains("which port?"));
        assert_eq!(w.state(id).0, State::Offered);
        assert!(w.stop(card, &b, "t3").text.is_empty());
        assert_eq!(
            w.state(id),
            (State::Offered, false, false),
            "the same end again neither proves nor ends it"
        );
        assert!(w.rings(&b));

        let second = continued("t3", "\"8443\"");
        assert!(w.hook(card, &b, &second, Fate::Written).text.is_empty(), "nothing new: the turn ends");
        assert_eq!(w.state(id).0, State::Seen);
        assert!(!w.rings(&b));
    }
}

#[test]
fn each_end_of_a_turn_proves_what_the_one_before_put_out() {
    let mut w = world();
    let (a, b) = (w.session(&SINGLE_OPEN, "a"), w.session(&SINGLE_OPEN, "b"));
    w.prompt(&SINGLE_OPEN, &b, "t1");
    let first = w.send(&a, &b, Kind::Note, "one");
    w.stop(&SINGLE_OPEN, &b, "t1");
    let second = w.send(&a, &b, Kind::Note, "two");
    assert!(w.hook(&SINGLE_OPEN, &b, &continued("t1", "\"A\""), Fate::Written).text.contains("two"));
    assert_eq!((w.state(first).0, w.state(second).0), (State::Seen, State::Offered));
    w.hook(&SINGLE_OPEN, &b, &continued("t1", "\"A\""), Fate::Written);
    assert_eq!(w.state(second).0, State::Offered, "it may be the same event, told twice");
    w.hook(&SINGLE_OPEN, &b, &continued("t1", "\"B\""), Fate::Written);
    assert_eq!(w.state(second).0, State::Seen);
}

#[test]
fn a_turn_does_not_go_on_for_ever() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.prompt(&BATCH_OPEN, &b, "t1");
    let mut went_on = 0;
    for n in 0..8 {
        w.send(&a, &b, Kind::Answer, &format!("body {n}"));
        let said = format!("\"answer {n}\"");
        let end = if n == 0 { event(Moment::TurnEnd, Some("t1"), &[]) } else { continued("t1", &said) };
        went_on += u32::from(!w.hook(&BATCH_OPEN, &b, &end, Fate::Written).text.is_empty());
    }
    assert_eq!(went_on, 5);
    let next = w.prompt(&BATCH_OPEN, &b, "t2").text;
    for n in 5..8 {
        assert!(next.contains(&format!("body {n}")), "what was left comes with the next prompt: {next}");
    }
}

#[test]
fn a_host_that_lets_the_turn_end_leaves_doubt_and_no_second_copy() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.prompt(&BATCH_OPEN, &b, "t1");
    let id = w.send(&a, &b, Kind::Note, "the body");
    w.stop(&BATCH_OPEN, &b, "t1");
    // Esc, or the host's cap: the next thing heard is another prompt.
    let next = w.prompt(&BATCH_OPEN, &b, "t2").text;
    assert!(next.contains("may already stand above") && !next.contains("the body"), "{next}");
    assert_eq!(w.state(id).0, State::Offered);
}

#[test]
fn mail_in_doubt_is_no_reason_to_go_on() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.send(&a, &b, Kind::Question, "q");
    w.hook(&BATCH_OPEN, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::Late);
    assert!(w.stop(&BATCH_OPEN, &b, "t1").text.is_empty());
    assert!(w.prompt(&BATCH_OPEN, &b, "t2").text.contains("may already stand above"));
}

#[test]
fn a_turn_without_a_name_ends() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.send(&a, &b, Kind::Note, "x");
    assert!(w.hook(&BATCH_OPEN, &b, &event(Moment::TurnEnd, None, &[]), Fate::Written).text.is_empty());
}

#[test]
fn a_new_context_is_told_which_questions_are_open() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let questions: Vec<_> = (0..8).map(|n| w.send(&a, &b, Kind::Question, &format!("q{n}"))).collect();
    w.send(&a, &b, Kind::Note, "no question");
    w.prompt(&BATCH, &b, "t1");
    w.stop(&BATCH, &b, "t1");
    w.reply(&b, questions[7], "answered");
    w.store.mark_read(b.id, &[questions[6]]).unwrap();
    for why in [Start::Resumed, Start::Cleared, Start::Compacted] {
        let told = w.hook(&BATCH, &b, &start(why), Fate::Written);
        let listed: Vec<_> = (0..8).filter(|n| told.text.contains(&questions[*n].to_string())).collect();
        assert_eq!(listed, [1, 2, 3, 4, 5], "the newest five, {why:?}: {}", told.text);
        assert!(told.text.contains("not answered") && !told.text.contains("no question"));
        assert!(told.attempt.is_none());
    }
    assert_eq!(w.state(questions[1]).0, State::Seen, "states do not go back");
    let fresh = w.hook(&BATCH, &b, &start(Start::Fresh), Fate::Written).text;
    assert!(!fresh.contains("not answered"), "{fresh}");
}

#[test]
fn after_clear_a_new_session_is_told_where_mail_waits() {
    let mut w = world();
    let (a, old) = (w.session(&SINGLE_OPEN, "a"), w.session(&SINGLE_OPEN, "old-thread"));
    let id = w.send(&a, &old, Kind::Note, "for the old one");
    let new = w.store.arrive(&arrival(&SINGLE_OPEN, "new-thread", Some(Start::Cleared))).unwrap();
    assert_ne!(new.id, old.id);
    let told = w.hook(&SINGLE_OPEN, &new, &start(Start::Cleared), Fate::Written).text;
    assert!(told.contains(&old.id.to_string()) && told.contains("old-thread"), "{told}");
    assert!(!told.contains(&a.id.to_string()), "{told}");
    assert!(!told.contains("for the old one"), "nothing is moved");
    assert_eq!(w.state(id), (State::Stored, false, false));
    let told = w.hook(&SINGLE_OPEN, &new, &start(Start::Resumed), Fate::Written).text;
    assert!(!told.contains("old-thread"), "{told}");
}

#[test]
fn a_post_in_the_running_turn_is_a_prompt_of_it() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    let one = w.send(&a, &b, Kind::Note, "ONE");
    assert!(w.prompt(&BATCH_OPEN, &b, "t1").text.contains("ONE"));
    let two = w.send(&a, &b, Kind::Note, "TWO");
    let posted = w.prompt(&BATCH_OPEN, &b, "t1").text;
    assert!(posted.contains("TWO") && !posted.contains("ONE"), "{posted}");
    assert_eq!(w.state(one).0, State::Offered, "a prompt proves nothing, and ends nothing of its own turn");
    w.stop(&BATCH_OPEN, &b, "t1");
    assert_eq!((w.state(one).0, w.state(two).0), (State::Seen, State::Seen));
}

#[test]
fn a_pull_that_no_event_of_its_session_lists_is_referred_to() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.prompt(&BATCH_OPEN, &b, "t1");
    let id = w.send(&a, &b, Kind::Note, "the body");
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    // By a subagent, or in the background: the session's own batches name other calls.
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("of-a-subagent"), "srv").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1"]).text.is_empty(), "it is under way");
    w.stop(&BATCH_OPEN, &b, "t1");
    assert_eq!(w.state(id), (State::Offered, true, true), "nobody knows who read it");
    let next = w.prompt(&BATCH_OPEN, &b, "t2").text;
    assert!(next.contains(&id.to_string()) && !next.contains("the body"), "{next}");
    w.stop(&BATCH_OPEN, &b, "t2");
    assert!(!w.rings(&b));
}

#[test]
fn what_a_compaction_found_unproven_is_referred_to() {
    let mut w = world();
    let (a, b) = (w.session(&SINGLE_OPEN, "a"), w.session(&SINGLE_OPEN, "b"));
    w.prompt(&SINGLE_OPEN, &b, "t1");
    let proven = w.send(&a, &b, Kind::Note, "the first body");
    w.stop(&SINGLE_OPEN, &b, "t1");
    w.hook(&SINGLE_OPEN, &b, &continued("t1", "\"A\""), Fate::Written);
    let id = w.send(&a, &b, Kind::Note, "the second body");
    w.tools(&SINGLE_OPEN, &b, "t1", &["c1"]);
    assert_eq!(w.state(id), (State::Offered, false, false));

    // In the middle of the turn, so that the turn's end would have proven it.
    w.store.arrive(&arrival(&SINGLE_OPEN, "b", Some(Start::Compacted))).unwrap();
    let told = w.hook(&SINGLE_OPEN, &b, &start(Start::Compacted), Fate::Written).text;
    assert!(told.contains("may already stand above") && told.contains(&id.to_string()), "{told}");
    assert!(!told.contains("the second body") && !told.contains(&proven.to_string()), "{told}");
    assert!(w.stop(&SINGLE_OPEN, &b, "t1").text.is_empty());
    assert_eq!(w.state(id).0, State::Offered, "the summary may have it or not");
    assert_eq!(w.state(proven).0, State::Seen);
    assert!(w.prompt(&SINGLE_OPEN, &b, "t2").text.is_empty(), "once");
    assert!(!w.rings(&b));
}

#[test]
fn a_result_that_a_compaction_took_away_is_not_seen() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    w.prompt(&BATCH_OPEN, &b, "t1");
    let id = w.send(&a, &b, Kind::Note, "the body");
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.tools(&BATCH_OPEN, &b, "t1", &["c1"]);
    assert_eq!(w.state(id).0, State::Injected);
    // Before the model was asked again.
    w.store.arrive(&arrival(&BATCH_OPEN, "b", Some(Start::Compacted))).unwrap();
    w.hook(&BATCH_OPEN, &b, &start(Start::Compacted), Fate::Written);
    w.stop(&BATCH_OPEN, &b, "t1");
    assert_eq!(w.state(id), (State::Injected, false, false));
    assert!(!w.rings(&b));
}
