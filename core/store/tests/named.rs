//! What a call proves that names a message.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, Fate, World, event, world};
use session_bridge_core::event::Moment;
use session_bridge_core::id::{MessageId, ProviderId};
use session_bridge_core::message::{Kind, Via};
use session_bridge_core::provider::{Card, Inject, Proof};
use session_bridge_store::{Pull, Session, State, View};

/// A question whose body the host threw away with its prompt; the next prompt refers to it.
fn referred_to(w: &mut World) -> (Session, MessageId) {
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "the body");
    assert!(w.prompt(&BATCH, &b, "t1").text.contains("the body"));
    let next = w.prompt(&BATCH, &b, "t2").text;
    assert!(next.contains(&id.to_string()) && !next.contains("the body"), "{next}");
    (b, id)
}

fn states(w: &mut World, id: MessageId) -> Vec<State> {
    w.store.receipts(id).unwrap()[0].steps.iter().map(|step| step.state).collect()
}

#[test]
fn an_id_from_a_reference_proves_nothing_of_the_body() {
    for call in ["reply", "mark", "decline"] {
        let mut w = world();
        let (b, id) = referred_to(&mut w);
        let last = match call {
            "reply" => {
                w.reply(&b, id, "I could not read it");
                Some(State::Answered)
            }
            "mark" => {
                w.store.mark_read(b.id, &[id]).unwrap();
                None
            }
            _ => {
                w.store.decline(b.id, id, None, Via::Session).unwrap();
                Some(State::Declined)
            }
        };
        let want: Vec<State> = [State::Stored, State::Offered].into_iter().chain(last).collect();
        assert_eq!(states(&mut w, id), want, "{call}");
    }
}

/// A host of whose events none tells what became of a text.
const SILENT: Card = Card {
    id: ProviderId::new("silent"),
    inject: &[Inject::bodies(Moment::PromptSubmit, 4_000, Proof::NONE)],
    pull: Proof::NONE,
    ..BATCH
};

#[test]
fn a_name_proves_the_body_that_no_event_tells_of() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&SILENT, "b"));
    let id = w.send(&a, &b, Kind::Question, "the body");
    w.hook(&SILENT, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::Written);
    w.reply(&b, id, "8443");
    assert_eq!(
        states(&mut w, id),
        [State::Stored, State::Offered, State::Injected, State::Seen, State::Answered]
    );
}

#[test]
fn what_a_name_proved_is_not_in_doubt_when_its_attempt_ends_unproven() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&SILENT, "b"));
    let id = w.send(&a, &b, Kind::Note, "the body");
    w.prompt(&SILENT, &b, "t1");
    w.store.mark_read(b.id, &[id]).unwrap();
    // Nothing of t1 is heard any more.
    assert!(w.prompt(&SILENT, &b, "t2").text.is_empty(), "no line refers to it");
    assert_eq!(w.state(id), (State::Seen, false, false));
    assert!(!w.rings(&b));
}

/// Calls that a model makes side by side come one after the other all the same: it may name what it was not shown yet.
#[test]
fn where_events_tell_a_name_proves_nothing() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "the body");
    w.prompt(&BATCH, &b, "t1");
    w.store.mark_read(b.id, &[id]).unwrap();
    assert_eq!(states(&mut w, id), [State::Stored, State::Offered]);
    let receipt = w.store.receipts(id).unwrap().remove(0);
    assert_eq!(receipt.marked, Some(w.clock.now()), "what the model said is told for what it is");
    w.stop(&BATCH, &b, "t1");
    assert_eq!(states(&mut w, id).last(), Some(&State::Seen), "the turn's end tells");
}

#[test]
fn who_reads_by_id_knew_it_before() {
    for card in [BATCH, SILENT] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&card, "b"));
        let id = w.send(&a, &b, Kind::Question, "the body");
        let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "s").unwrap();
        w.store.pull_written(pulled.attempt.unwrap()).unwrap();
        w.store.mark_read(b.id, &[id]).unwrap();
        assert_eq!(states(&mut w, id), [State::Stored, State::Offered]);
        w.reply(&b, id, "8443");
        assert_eq!(states(&mut w, id), [State::Stored, State::Offered, State::Answered]);
    }
}

#[test]
fn what_is_marked_is_neither_referred_to_nor_unread() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let [before, after] = ["one", "two"].map(|body| w.send(&a, &b, Kind::Note, body));
    w.prompt(&BATCH, &b, "t1");
    w.store.mark_read(b.id, &[before]).unwrap();
    // Nothing of t1 is heard any more.
    let text = w.prompt(&BATCH, &b, "t2").text;
    assert!(text.contains(&after.to_string()) && !text.contains(&before.to_string()), "{text}");
    w.store.mark_read(b.id, &[after]).unwrap();
    assert!(w.prompt(&BATCH, &b, "t3").text.is_empty() && !w.rings(&b));
    assert_eq!(w.state(before), (State::Offered, true, true));
    assert!(w.store.inbox(b.id, View::Unread, 10).unwrap().is_empty());
    assert_eq!(w.store.view(b).unwrap().unread, 0);
}
