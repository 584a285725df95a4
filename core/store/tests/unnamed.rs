//! A host that names neither turns nor calls, speaks at no start, and does not mark its subagents' events.

mod common;

use common::{BATCH, Fate, World, event, world};
use session_bridge_core::echo;
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::message::Kind;
use session_bridge_core::provider::{By, Card, Inject, Proof};
use session_bridge_store::{Live, Outcome, Pull, Session, State};

const BARE: Card = Card {
    inject: &[
        Inject::bodies(Moment::PromptSubmit, 4000, Proof::both(&[By::AnyTool, By::TurnEnd])),
        Inject::bodies(Moment::AfterTool, 4000, Proof { injected: &[By::TurnEnd], seen: &[] }),
        Inject::bodies(Moment::TurnEnd, 4000, Proof::both(&[By::AnyTool, By::ContinuedTurnEnd]))
            .coming_back(),
    ],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[] },
    ..BATCH
};

/// Events with times of their own, in order.
struct Teller {
    w: World,
    time: u32,
}

impl Teller {
    fn new() -> (Self, Session, Session) {
        let mut w = world();
        let (a, b) = (w.session(&BARE, "a"), w.session(&BARE, "b"));
        (Self { w, time: 0 }, a, b)
    }

    fn tell(&mut self, to: &Session, moment: Moment, change: impl FnOnce(&mut HookEvent<'_>)) -> Outcome {
        self.time += 1;
        self.again(to, moment, change)
    }

    /// With the time of the last event: the same event, heard by another entry.
    fn again(&mut self, to: &Session, moment: Moment, change: impl FnOnce(&mut HookEvent<'_>)) -> Outcome {
        let mut told = event(moment, None, &[]);
        told.stamp = Some(format!("{:04}", self.time).into());
        change(&mut told);
        self.w.hook(&BARE, to, &told, Fate::Written)
    }
}

#[test]
fn a_turn_lies_between_two_prompts() {
    let (mut t, a, b) = Teller::new();
    let one = t.w.send(&a, &b, Kind::Note, "one");
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("one"));
    assert!(t.again(&b, Moment::PromptSubmit, |_| ()).text.is_empty());
    assert_eq!(t.w.state(one).0, State::Offered, "the same event twice is one");
    t.tell(&b, Moment::AfterTool, |_| ());
    assert_eq!(t.w.state(one).0, State::Seen, "the model answered the prompt with a call");

    let two = t.w.send(&a, &b, Kind::Note, "two");
    assert!(t.tell(&b, Moment::AfterTool, |_| ()).text.contains("two"));
    t.tell(&b, Moment::AfterTool, |_| ());
    assert_eq!(t.w.state(two).0, State::Offered, "it may be of a call beside the first");
    let next = t.tell(&b, Moment::PromptSubmit, |_| ()).text;
    assert!(next.contains("may already stand above") && !next.contains(">\ntwo"), "{next}");
}

#[test]
fn an_end_of_what_else_was_asked_proves_nothing() {
    let (mut t, a, b) = Teller::new();
    let id = t.w.send(&a, &b, Kind::Note, "one");
    t.tell(&b, Moment::PromptSubmit, |event| event.asked = Some("first".into()));
    // Esc, and no hook heard of it, nor of the next prompt.
    t.tell(&b, Moment::TurnEnd, |event| event.asked = Some("second".into()));
    assert_eq!(t.w.state(id).0, State::Offered);
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("may already stand above"));

    let two = t.w.send(&a, &b, Kind::Note, "two");
    t.tell(&b, Moment::PromptSubmit, |event| event.asked = Some("third".into()));
    t.tell(&b, Moment::TurnEnd, |event| event.asked = Some("third".into()));
    assert_eq!(t.w.state(two).0, State::Seen);
}

#[test]
fn a_turn_of_which_only_the_end_was_heard_goes_on_five_times() {
    let (mut t, a, b) = Teller::new();
    t.tell(&b, Moment::PromptSubmit, |event| event.asked = Some("first".into()));
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(t.w.send(&a, &b, Kind::Note, &format!("{n}")));
        let said = format!("\"{n}\"");
        let out = t.tell(&b, Moment::TurnEnd, |event| {
            event.asked = Some("second".into());
            event.continued = n > 0;
            event.said = Some(said.clone().leak());
        });
        assert_eq!(out.attempt.is_some(), n < 5, "{n}");
        if let Some(attempt) = out.attempt {
            t.tell(&b, Moment::PromptSubmit, |event| event.echo = Some(attempt));
        }
    }
    assert!(ids[..5].iter().all(|id| t.w.state(*id).0 == State::Seen), "its own ends prove it");
}

/// A prompt that finds nothing to do leaves the store closed, and one that finds another hook at work hears nothing: both leave a
/// sign of life.
#[test]
fn a_prompt_that_only_gave_a_sign_of_life_began_a_turn() {
    let (mut t, a, b) = Teller::new();
    let live = |t: &mut Teller, asked: &'static str| {
        t.time += 1;
        let mut told = event(Moment::PromptSubmit, None, &[]);
        told.stamp = Some(format!("{:04}", t.time).into());
        told.asked = Some(asked.into());
        let before = t.w.store.run().session(b.id).live();
        t.w.note(&b, Live::after(&told, common::me(), before));
    };
    live(&mut t, "first");
    let one = t.w.send(&a, &b, Kind::Note, "one");
    assert!(t.tell(&b, Moment::AfterTool, |_| ()).text.contains("one"));
    t.tell(&b, Moment::TurnEnd, |event| event.asked = Some("first".into()));
    assert_eq!(t.w.state(one).0, State::Injected, "its end says what the prompt said");

    live(&mut t, "second");
    let two = t.w.send(&a, &b, Kind::Note, "two");
    assert!(t.tell(&b, Moment::AfterTool, |_| ()).text.contains("two"));
    // Interrupted, which nobody heard; and the same is asked again.
    live(&mut t, "second");
    t.tell(&b, Moment::TurnEnd, |event| event.asked = Some("second".into()));
    assert_eq!(t.w.state(two).0, State::Offered, "that is the end of another turn");
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("may already stand above"));
}

/// A prompt that looks like a text of ours and is none begins a turn, whatever the sign of life took it for.
#[test]
fn a_text_of_ours_that_is_too_late_begins_a_turn_of_its_own() {
    let (mut t, a, b) = Teller::new();
    let prompt = |t: &mut Teller, asked: &'static str, echo| {
        t.time += 1;
        let mut told = event(Moment::PromptSubmit, None, &[]);
        told.stamp = Some(format!("{:04}", t.time).into());
        (told.asked, told.echo) = (Some(asked.into()), echo);
        t.w.live_hook(&BARE, &b, &told)
    };
    t.w.send(&a, &b, Kind::Note, "one");
    let attempt = prompt(&mut t, "first", None).attempt;
    prompt(&mut t, "second", None);
    prompt(&mut t, "late", attempt);
    let two = t.w.send(&a, &b, Kind::Note, "two");
    assert!(t.tell(&b, Moment::AfterTool, |_| ()).text.contains("two"));
    t.tell(&b, Moment::TurnEnd, |event| event.asked = Some("late".into()));
    assert_eq!(t.w.state(two).0, State::Injected);
}

#[test]
fn a_text_that_comes_back_as_the_next_prompt_begins_no_turn() {
    let (mut t, a, b) = Teller::new();
    let id = t.w.send(&a, &b, Kind::Note, "one");
    let out = t.tell(&b, Moment::TurnEnd, |_| ());
    let attempt = out.attempt.unwrap();
    assert!(out.text.starts_with(&echo::marked(attempt, "")) && out.text.len() <= 4000, "{}", out.text);
    assert!(t.again(&b, Moment::TurnEnd, |_| ()).text.is_empty());
    assert_eq!(t.w.state(id).0, State::Offered);
    t.tell(&b, Moment::PromptSubmit, |event| event.echo = Some(attempt));
    assert_eq!(t.w.state(id).0, State::Offered, "no model need have read it");
    t.tell(&b, Moment::TurnEnd, |event| {
        event.continued = true;
        event.said = Some("\"one and two\"");
    });
    assert_eq!(t.w.state(id).0, State::Seen);
    assert!(!t.w.rings(&b));
}

#[test]
fn an_end_that_says_nothing_new_proves_nothing() {
    let (mut t, a, b) = Teller::new();
    let id = t.w.send(&a, &b, Kind::Note, "one");
    let attempt = t.tell(&b, Moment::TurnEnd, |event| event.said = Some("\"before\"")).attempt.unwrap();
    t.tell(&b, Moment::PromptSubmit, |event| event.echo = Some(attempt));
    let end = t.tell(&b, Moment::TurnEnd, |event| {
        event.continued = true;
        event.said = Some("\"before\"");
    });
    assert!(end.text.is_empty());
    assert_eq!(t.w.state(id).0, State::Offered);
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("may already stand above"));
}

#[test]
fn an_interruption_leaves_the_prompts_mail_in_doubt() {
    let (mut t, a, b) = Teller::new();
    let id = t.w.send(&a, &b, Kind::Note, "one");
    t.tell(&b, Moment::PromptSubmit, |_| ());
    t.tell(&b, Moment::Interrupt, |_| ());
    assert_eq!(t.w.state(id).0, State::Offered);
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("may already stand above"));
}

#[test]
fn another_prompt_in_its_place_leaves_it_in_doubt() {
    let (mut t, a, b) = Teller::new();
    t.w.send(&a, &b, Kind::Note, "one");
    let attempt = t.tell(&b, Moment::TurnEnd, |_| ()).attempt.unwrap();
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("may already stand above"));
    // The text comes late, after another prompt: it begins a turn like any prompt.
    t.tell(&b, Moment::PromptSubmit, |event| event.echo = Some(attempt));
    assert!(!t.w.rings(&b));
}

#[test]
fn a_turn_goes_on_five_times_and_the_next_one_again() {
    let (mut t, a, b) = Teller::new();
    for turn in 0..2 {
        for n in 0..6 {
            t.w.send(&a, &b, Kind::Note, &format!("{turn}-{n}"));
            let out = t.tell(&b, Moment::TurnEnd, |event| event.continued = n > 0);
            assert_eq!(out.attempt.is_some(), n < 5, "{turn}-{n}");
            if let Some(attempt) = out.attempt {
                t.tell(&b, Moment::PromptSubmit, |event| event.echo = Some(attempt));
            }
        }
        // What is left goes out with a prompt, and is settled; then a prompt that finds no bell leaves the store closed.
        t.tell(&b, Moment::PromptSubmit, |_| ());
        t.tell(&b, Moment::TurnEnd, |_| ());
        assert!(!t.w.rings(&b));
    }
}

#[test]
fn a_result_is_known_by_its_mark() {
    let (mut t, a, b) = Teller::new();
    let id = t.w.send(&a, &b, Kind::Note, "one");
    let pulled = t.w.store.pull(b.id, Pull::Read(&[id]), Some("k7p2qx0a"), "server").unwrap();
    t.w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    t.tell(&b, Moment::AfterTool, |_| ());
    assert_eq!(t.w.state(id).0, State::Offered, "another call's result");
    t.tell(&b, Moment::AfterTool, |event| event.tool_calls.push("k7p2qx0a".into()));
    assert_eq!(t.w.state(id).0, State::Injected);
    t.tell(&b, Moment::TurnEnd, |_| ());
    assert_eq!(t.w.state(id).0, State::Injected, "its words may be older than the result");
    assert!(!t.w.rings(&b));
}

#[test]
fn a_start_that_takes_no_text_leaves_it_to_the_next_prompt() {
    let (mut t, a, b) = Teller::new();
    let question = t.w.send(&a, &b, Kind::Question, "which port?");
    t.tell(&b, Moment::PromptSubmit, |_| ());
    t.tell(&b, Moment::TurnEnd, |_| ());
    assert!(!t.w.rings(&b));
    assert!(t.tell(&b, Moment::SessionStart, |event| event.start = Start::Resumed).text.is_empty());
    assert!(t.w.rings(&b), "the prompt must not take the fast path");
    let told = t.tell(&b, Moment::PromptSubmit, |_| ()).text;
    assert!(told.contains("this session is `batch-shop-2`"), "{told}");
    assert!(told.contains("not answered") && told.contains(&question.to_string()), "{told}");
    t.tell(&b, Moment::TurnEnd, |_| ());
    assert!(!t.w.rings(&b));
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.is_empty(), "it is said once");
}

#[test]
fn while_a_subagent_works_nothing_goes_out() {
    let (mut t, a, b) = Teller::new();
    t.tell(&b, Moment::PromptSubmit, |_| ());
    t.tell(&b, Moment::BeforeSubagent, |_| ());
    t.tell(&b, Moment::BeforeSubagent, |_| ());
    assert!(t.w.rings(&b), "each end must be heard");
    t.w.send(&a, &b, Kind::Note, "one");
    assert!(t.tell(&b, Moment::AfterTool, |_| ()).text.is_empty());
    assert!(t.tell(&b, Moment::AfterTool, |event| event.subagent_done = true).text.is_empty(), "one is left");
    assert!(t.tell(&b, Moment::AfterTool, |event| event.subagent_done = true).text.contains("one"));
    t.tell(&b, Moment::TurnEnd, |_| ());
    assert!(!t.w.rings(&b));

    // A subagent whose end nobody told, as after Esc.
    t.tell(&b, Moment::BeforeSubagent, |_| ());
    t.w.send(&a, &b, Kind::Note, "two");
    assert!(t.tell(&b, Moment::PromptSubmit, |_| ()).text.contains("two"));
}
