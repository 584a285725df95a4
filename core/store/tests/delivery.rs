//! What happens to a message, step by step, and what its sender may be told.

mod common;

use common::{BATCH, Fate, SINGLE, event, world};
use session_bridge_core::event::Moment;
use session_bridge_core::message::Kind;
use session_bridge_store::{Filter, Pull, State, View};

#[test]
fn a_body_goes_out_with_the_prompt_once_and_the_turns_end_proves_it() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "the schema changed");
    assert!(w.rings(&b) && !w.rings(&a));
    assert_eq!(w.state(id).0, State::Stored);

    let shown = w.prompt(&BATCH, &b, "t1");
    assert_eq!(shown.text.matches("the schema changed").count(), 1);
    assert_eq!(w.state(id).0, State::Offered, "what was noted as written is told at once");
    assert!(w.rings(&b), "an open attempt keeps the bell");

    assert!(w.stop(&BATCH, &b, "t1").text.is_empty());
    assert_eq!(w.state(id).0, State::Seen);
    assert!(!w.rings(&b));
    assert!(w.prompt(&BATCH, &b, "t2").text.is_empty());
    let steps: Vec<State> = w.store.receipts(id).unwrap()[0].steps.iter().map(|s| s.state).collect();
    assert_eq!(steps, [State::Stored, State::Offered, State::Injected, State::Seen]);
}

#[test]
fn a_hook_killed_before_its_write_repeats_the_body() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "hello");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
    assert!(w.stop(&BATCH, &b, "t1").text.is_empty());
    assert_eq!(w.state(id), (State::Stored, false, false), "void: as if nothing had happened");
    assert!(w.prompt(&BATCH, &b, "t2").text.contains("hello"));
}

#[test]
fn an_unknown_attempt_is_referred_to_once_and_then_quiet() {
    for fate in [Fate::KilledWhileWriting, Fate::Late] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
        let id = w.send(&a, &b, Kind::Note, "the body");
        w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), fate);
        w.stop(&BATCH, &b, "t1");
        assert_eq!(w.state(id), (State::Stored, true, true), "nothing was claimed");

        let reference = w.prompt(&BATCH, &b, "t2").text;
        assert!(reference.contains(&id.to_string()) && !reference.contains("the body"), "{reference}");
        w.stop(&BATCH, &b, "t2");
        assert!(!w.rings(&b), "parked mail is quiet");
        assert!(w.prompt(&BATCH, &b, "t3").text.is_empty());
    }
}

#[test]
fn a_new_turn_confirms_nothing() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "the body");
    w.prompt(&BATCH, &b, "t1");
    // Esc: no stop event. The next prompt must neither claim an injection nor repeat the body.
    let next = w.prompt(&BATCH, &b, "t2").text;
    assert!(next.contains("may already stand above") && !next.contains("the body"), "{next}");
    assert_eq!(w.state(id).0, State::Offered);
}

#[test]
fn the_same_event_again_is_no_evidence() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    w.prompt(&BATCH, &b, "t1");
    w.prompt(&BATCH, &b, "t1");
    assert_eq!(w.state(id).0, State::Offered);
}

#[test]
fn a_pulled_body_is_seen_only_after_its_own_call_was_listed() {
    for (card, later) in [(&BATCH, "c2"), (&SINGLE, "c2")] {
        let mut w = world();
        let (a, b) = (w.session(card, "a"), w.session(card, "b"));
        w.prompt(card, &b, "t1");
        let id = w.send(&a, &b, Kind::Question, "which port?");
        let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
        let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
        assert_eq!(pulled.messages[0].body, "which port?");
        w.tools(card, &b, "t1", &["c0"]);
        assert_eq!(w.state(id).0, State::Stored, "not written yet");
        w.store.pull_written(pulled.attempt.unwrap()).unwrap();
        assert_eq!(w.state(id).0, State::Offered);
        w.tools(card, &b, "t1", &["c0"]);
        assert_eq!(w.state(id).0, State::Offered, "another call proves nothing");
        w.tools(card, &b, "t1", &["c1"]);
        assert_eq!(w.state(id).0, State::Injected);
        w.tools(card, &b, "t1", &[later]);
        let expected = if card.id == BATCH.id { State::Seen } else { State::Injected };
        assert_eq!(w.state(id).0, expected, "a sibling call proves nothing where calls come one by one");
        w.stop(card, &b, "t1");
        assert_eq!(w.state(id).0, State::Seen);
        assert!(!w.rings(&b));
    }
}

#[test]
fn the_host_may_list_a_call_before_the_server_has_noted_its_write() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.tools(&BATCH, &b, "t1", &["c1"]);
    assert_eq!(w.state(id).0, State::Injected);
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.stop(&BATCH, &b, "t1");
    assert_eq!(w.state(id).0, State::Seen);
}

#[test]
fn a_reply_right_after_the_prompt_finds_the_write_noted() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "q");
    w.prompt(&BATCH, &b, "t1");
    w.reply(&b, id, "answer");
    let steps: Vec<State> = w.store.receipts(id).unwrap()[0].steps.iter().map(|s| s.state).collect();
    assert_eq!(steps, [State::Stored, State::Offered, State::Answered]);
}

#[test]
fn a_cancelled_call_gives_the_body_back_and_a_dead_server_leaves_doubt() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    let life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let first = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.store.pull_void(first.attempt.unwrap()).unwrap();
    assert_eq!(w.state(id), (State::Stored, false, false));
    assert!(w.rings(&b));

    w.store.pull(b.id, Pull::Read(&[id]), Some("c2"), "srv").unwrap();
    assert!(w.prompt(&BATCH, &b, "t1").text.is_empty(), "a live server has it");
    drop(life);
    let reference = w.prompt(&BATCH, &b, "t2").text;
    assert!(reference.contains("may already stand above"), "{reference}");
}

#[test]
fn an_open_wait_claims_what_it_is_for() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let question = w.send(&a, &b, Kind::Question, "q");
    let _life = w.store.run().session(a.id).hold_life("srv").unwrap();
    let filter = Filter { reply_to: Some(question), ..Filter::default() };
    let claim = w.store.claim(a.id, "srv", &filter, 90_000).unwrap();
    w.reply(&b, question, "the answer");
    assert!(w.prompt(&BATCH, &a, "t1").text.is_empty(), "the hook leaves it to the wait");
    let all = Filter::default();
    assert!(w.store.pull(a.id, Pull::Next(&all, None), None, "srv").unwrap().messages.is_empty());
    let mine = w.store.pull(a.id, Pull::Next(&filter, Some(&claim)), Some("c"), "srv").unwrap();
    assert_eq!(mine.messages[0].body, "the answer");
    w.store.pull_void(mine.attempt.unwrap()).unwrap();
    w.store.release(&claim).unwrap();
    assert!(w.prompt(&BATCH, &a, "t2").text.contains("the answer"));
}

#[test]
fn a_reply_answers_and_proves_that_the_question_was_seen() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "q");
    w.prompt(&BATCH, &b, "t1");
    w.tools(&BATCH, &b, "t1", &["c1"]);
    let answer = w.reply(&b, id, "42");
    let receipt = &w.store.receipts(id).unwrap()[0];
    assert_eq!((receipt.state, receipt.answer), (State::Answered, Some(answer)));
    assert!(w.prompt(&BATCH, &a, "t1").text.contains("42"));
}

#[test]
fn lists_show_no_bodies_and_change_nothing() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    for _ in 0..3 {
        assert_eq!(w.store.inbox(b.id, View::Unread, 10).unwrap().len(), 1);
    }
    let start = w.hook(&BATCH, &b, &event(Moment::SessionStart, None, &[]), Fate::Written);
    assert!(start.text.contains(&id.to_string()));
    assert_eq!(w.state(id), (State::Stored, false, false));
    assert!(w.store.mark_read(b.id, &[id]).is_err(), "only what was shown can be marked");
}

#[test]
fn only_what_waits_expires() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let waiting = w.try_send(&a, &[b.id], Kind::Note, "x", Some(1000)).unwrap();
    w.clock.advance(1000);
    assert_eq!(w.state(waiting).0, State::Expired);
    assert!(!w.rings(&b));
    let under_way = w.try_send(&a, &[b.id], Kind::Note, "y", Some(1000)).unwrap();
    w.prompt(&BATCH, &b, "t1");
    w.clock.advance(1000);
    assert_ne!(w.state(under_way).0, State::Expired);
    w.stop(&BATCH, &b, "t1");
    assert_eq!(w.state(under_way).0, State::Seen);
}

#[test]
fn a_message_can_be_withdrawn_until_it_goes_out() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    assert_eq!(w.store.cancel(id).unwrap(), 1);
    assert_eq!(w.state(id).0, State::Failed);
    assert!(!w.rings(&b) && w.prompt(&BATCH, &b, "t1").text.is_empty());
    let id = w.send(&a, &b, Kind::Note, "y");
    w.prompt(&BATCH, &b, "t2");
    assert_eq!(w.store.cancel(id).unwrap_err().code(), "already_out");
}

#[test]
fn a_body_too_long_for_a_block_is_announced_then_parked_then_read() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, &"long ".repeat(4000));
    let shown = w.prompt(&BATCH, &b, "t1").text;
    assert!(shown.contains(&id.to_string()) && !shown.contains("long long"));
    w.stop(&BATCH, &b, "t1");
    assert_eq!(w.state(id), (State::Stored, false, true));
    assert!(!w.rings(&b), "parked mail is quiet");
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.tools(&BATCH, &b, "t1", &["c1"]);
    w.stop(&BATCH, &b, "t1");
    assert_eq!(w.state(id), (State::Seen, false, false));
}

/// The model reads what was announced in the very turn that announced it, before anything proves the announcement.
#[test]
fn a_body_is_read_while_its_announcement_is_under_way() {
    for end in ["seen", "cancelled", "unproven"] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
        let long = "long ".repeat(4000);
        let id = w.try_send(&a, &[b.id], Kind::Note, &long, Some(60_000)).unwrap();
        assert!(w.prompt(&BATCH, &b, "t1").text.contains(&id.to_string()));
        let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
        let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
        let attempt = pulled.attempt.expect("the body goes out with this call");
        match end {
            "cancelled" => {
                w.store.pull_void(attempt).unwrap();
                w.stop(&BATCH, &b, "t1");
                assert!(w.prompt(&BATCH, &b, "t2").text.contains(&id.to_string()), "it is announced again");
            }
            "seen" => {
                w.store.pull_written(attempt).unwrap();
                w.tools(&BATCH, &b, "t1", &["c1"]);
                w.stop(&BATCH, &b, "t1");
            }
            _ => {
                w.store.pull_written(attempt).unwrap();
                w.prompt(&BATCH, &b, "t2");
            }
        }
        w.clock.advance(120_000);
        w.prompt(&BATCH, &b, "t3");
        w.prompt(&BATCH, &b, "t4");
        let expected = match end {
            "seen" => (State::Seen, false),
            "cancelled" => (State::Expired, false),
            _ => (State::Offered, true),
        };
        let (state, doubt, _) = w.state(id);
        assert_eq!((state, doubt), expected, "{end}");
    }
}

/// The same for the line that refers to a body in doubt.
#[test]
fn a_body_is_read_while_the_line_that_refers_to_it_is_under_way() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::Late);
    assert!(w.prompt(&BATCH, &b, "t2").text.contains("may already stand above"));
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    w.tools(&BATCH, &b, "t2", &["c1"]);
    w.stop(&BATCH, &b, "t2");
    assert_eq!(w.state(id), (State::Seen, false, false));
    assert!(!w.rings(&b));
}

/// Some hosts confirm nothing: the announcement goes out twice, then no event has anything to do for it.
#[test]
fn an_announcement_that_nothing_ever_proves_does_not_go_on_for_ever() {
    let mut world = world();
    let (from, to) = (world.session(&BATCH, "n-1"), world.session(&BATCH, "n-2"));
    let id = world.send(&from, &to, Kind::Note, &"x".repeat(5000));
    for turn in ["t1", "t2"] {
        let said = world.prompt(&BATCH, &to, turn).text;
        assert!(said.contains(&id.to_string()), "{turn}: {said}");
        assert!(world.rings(&to), "{turn}");
    }
    let said = world.prompt(&BATCH, &to, "t3").text;
    assert!(!said.contains(&id.to_string()), "{said}");
    assert!(!world.rings(&to));
    let waiting = world.store.inbox(to.id, View::Unread, 10).unwrap();
    assert_eq!(
        waiting.iter().map(|entry| (entry.message.id, entry.parked)).collect::<Vec<_>>(),
        [(id, true)]
    );
}
