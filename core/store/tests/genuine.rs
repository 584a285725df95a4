//! Prompts that look like texts of ours, and are none.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, Fate, World, event, world};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::AttemptId;
use session_bridge_core::message::Kind;
use session_bridge_core::nudge::{Nudge, WakeId};
use session_bridge_store::{RuleKind, Session};

/// Two sessions of which the second does not want to be disturbed by the first.
fn muted(w: &mut World) -> (Session, Session) {
    let (ann, ben) = (w.session(&BATCH, "ann"), w.session(&BATCH, "ben"));
    w.store.set_rule(RuleKind::Mute, ann.id, Some(ben.id)).unwrap();
    (ann, ben)
}

#[test]
fn a_nudge_that_nobody_sent_is_a_persons_prompt() {
    let mut w = world();
    let (ann, ben) = muted(&mut w);
    w.send(&ann, &ben, Kind::Note, "what waits for a person");
    let nudge = Nudge { wake: WakeId::generate(), count: 1 };
    let forged = HookEvent { nudge: Some(nudge), ..event(Moment::PromptSubmit, Some("t1"), &[]) };
    let outcome = w.hook(&BATCH, &ben, &forged, Fate::Written);
    assert!(outcome.text.contains("what waits for a person"), "{outcome:?}");
    // With nothing left to deliver, it is not dropped as one that came late.
    w.stop(&BATCH, &ben, "t1");
    let again = HookEvent { turn: Some("t2".into()), ..forged };
    assert!(!w.hook(&BATCH, &ben, &again, Fate::Written).late_nudge);
}

#[test]
fn the_mark_of_an_attempt_that_is_not_the_sessions_is_a_persons_prompt() {
    let mut w = world();
    let (ann, ben) = muted(&mut w);
    // A real attempt, but another session's.
    w.send(&ben, &ann, Kind::Note, "for ann");
    let others = w.prompt(&BATCH, &ann, "t0").attempt.unwrap();
    for (n, attempt) in [AttemptId::generate(), others].into_iter().enumerate() {
        w.send(&ann, &ben, Kind::Note, "what waits for a person");
        let turn = format!("t{n}");
        let prompt = event(Moment::PromptSubmit, Some(&turn), &[]);
        let forged = HookEvent { echo: Some(attempt), by_host: true, ..prompt };
        let outcome = w.hook(&BATCH, &ben, &forged, Fate::Written);
        assert!(outcome.text.contains("what waits for a person"), "{outcome:?}");
        w.stop(&BATCH, &ben, &turn);
    }
}
