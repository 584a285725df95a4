//! The guard is said until a text that carried it counts, and again when its context is gone.

mod common;

use common::{BATCH, Fate, arrival, event, world};
use session_bridge_core::event::{Moment, Start};
use session_bridge_core::frame::GUARD;
use session_bridge_core::message::Kind;

#[test]
fn a_guard_that_did_not_go_out_whole_is_said_again() {
    for fate in [Fate::KilledBeforeWriting, Fate::KilledWhileWriting, Fate::Late] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
        w.send(&a, &b, Kind::Note, "one");
        let lost = w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), fate);
        assert!(lost.text.starts_with(GUARD));
        assert!(!w.store.session(b.id).unwrap().guarded);
        assert!(w.prompt(&BATCH, &b, "t2").text.starts_with(GUARD));
        w.stop(&BATCH, &b, "t2");
        assert!(w.store.session(b.id).unwrap().guarded);
        w.send(&a, &b, Kind::Note, "two");
        assert!(!w.prompt(&BATCH, &b, "t3").text.contains(GUARD));
    }
}

#[test]
fn a_turn_without_evidence_takes_its_guard_back() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    w.send(&a, &b, Kind::Note, "one");
    w.prompt(&BATCH, &b, "t1");
    // Esc before any output: the host dropped the prompt and what stood beside it, and the next one comes.
    assert!(w.prompt(&BATCH, &b, "t2").text.starts_with(GUARD));
}

#[test]
fn a_start_that_was_written_has_said_it() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let start = event(Moment::SessionStart, None, &[]);
    let lost = w.hook(&BATCH, &b, &start, Fate::KilledBeforeWriting);
    assert!(lost.text.contains(GUARD) && lost.attempt.is_some());
    let again = w.hook(&BATCH, &b, &start, Fate::Written);
    assert!(again.text.contains(GUARD), "the first one never went out");
    assert!(!w.store.session(b.id).unwrap().guarded, "only the next event shows it");
    w.send(&a, &b, Kind::Note, "one");
    let prompt = w.prompt(&BATCH, &b, "t1");
    assert!(prompt.text.contains("one") && !prompt.text.contains(GUARD));
    w.stop(&BATCH, &b, "t1");
    assert!(!w.rings(&b), "a text without messages leaves nothing to prove");
}

#[test]
fn a_note_from_before_a_compaction_counts_for_nothing() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    w.hook(&BATCH, &b, &event(Moment::SessionStart, None, &[]), Fate::Written);
    w.store.arrive(&arrival(&BATCH, "b", Some(Start::Compacted))).unwrap();
    w.send(&a, &b, Kind::Note, "one");
    assert!(w.prompt(&BATCH, &b, "t1").text.contains(GUARD));
}
