//! What a call proves that names a message.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, Fate, World, event, world};
use session_bridge_core::event::Moment;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Via};
use session_bridge_store::{Session, State};

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

#[test]
fn an_id_beside_its_body_proves_it_in_the_same_turn() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "the body");
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::Written);
    w.reply(&b, id, "8443");
    assert_eq!(
        states(&mut w, id),
        [State::Stored, State::Offered, State::Injected, State::Seen, State::Answered]
    );
}

#[test]
fn what_a_call_proved_is_not_in_doubt_when_its_attempt_ends_unproven() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "the body");
    w.prompt(&BATCH, &b, "t1");
    w.store.mark_read(b.id, &[id]).unwrap();
    // Nothing of t1 is heard any more.
    assert!(w.prompt(&BATCH, &b, "t2").text.is_empty(), "no line refers to it");
    assert_eq!(w.state(id), (State::Seen, false, false));
    assert!(!w.rings(&b));
}
