//! Paused sessions: what is settled, what is kept, and what comes afterwards.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, BATCH_OPEN, Fate, World, arrival, event, me, world};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::message::Kind;
use session_bridge_core::nudge::Nudge;
use session_bridge_store::{Activity, Due, Live, Pause, Ringer, Session, State};

fn due(w: &mut World, session: &Session) -> Due {
    w.store.wake_due(session.id, Ringer { door: "bell-pull", host: Some(me()), queues: false }).unwrap()
}

/// Two sessions, the second idle for a minute.
fn idle() -> (World, Session, Session) {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let live = Live { host: me(), activity: Activity::Idle, by_user: false, turn: None };
    w.store.run().session(b.id).set_live(live).unwrap();
    // The clock of the tests is years behind that of the files; a century makes it later.
    w.clock.advance(100 * 365 * 86_400_000);
    (w, a, b)
}

fn off(w: &World, pause: &Pause) {
    assert!(pause.set(w.store.home()).unwrap());
    assert!(!pause.set(w.store.home()).unwrap(), "twice is once");
}

fn on(w: &mut World, pause: &Pause) -> Vec<session_bridge_core::id::SessionId> {
    assert!(pause.lift(w.store.home()).unwrap());
    assert!(!pause.lift(w.store.home()).unwrap(), "twice is once");
    w.store.ring_after(pause).unwrap()
}

fn every_pause(b: &Session) -> [Pause; 3] {
    [Pause::Everything, Pause::Provider(b.provider.clone()), Pause::Session(b.id)]
}

#[test]
fn mail_for_a_paused_session_is_kept_and_comes_once_after_it() {
    for which in 0..3 {
        let (mut w, a, b) = idle();
        let pause = every_pause(&b)[which].clone();
        off(&w, &pause);
        assert_eq!(w.store.view(b.clone()).unwrap().paused, Some(pause.clone()));
        let id = w.send(&a, &b, Kind::Question, "which port?");
        w.clock.advance(60_000);
        assert_eq!(due(&mut w, &b), Due::Nothing);
        let outcome = w.prompt(&BATCH_OPEN, &b, "t1");
        assert!(outcome.paused && outcome.text.is_empty() && outcome.attempt.is_none());
        assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1"]).text.is_empty());
        assert!(w.stop(&BATCH_OPEN, &b, "t1").text.is_empty());
        let receipt = w.store.receipts(id).unwrap().remove(0);
        assert_eq!((receipt.state, receipt.steps.len()), (State::Stored, 1));
        let remark = receipt.remark.unwrap();
        assert!(remark.starts_with("held: ") && remark.contains("paused"), "{remark}");
        assert!(w.rings(&b), "it is not forgotten");

        assert_eq!(on(&mut w, &pause), [b.id]);
        assert_eq!(w.store.receipts(id).unwrap()[0].remark, None);
        assert!(matches!(due(&mut w, &b), Due::Now(_)), "an idle session wakes");
        assert!(w.prompt(&BATCH_OPEN, &b, "t2").text.contains("which port?"));
        w.stop(&BATCH_OPEN, &b, "t2");
        assert_eq!(w.state(id).0, State::Seen);
        assert!(!w.rings(&b));
    }
}

#[test]
fn what_was_under_way_is_settled_while_it_is_paused() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    w.prompt(&BATCH_OPEN, &b, "t1");
    off(&w, &Pause::Everything);
    w.tools(&BATCH_OPEN, &b, "t1", &["c1"]);
    assert_eq!(w.state(id).0, State::Seen);
}

#[test]
fn others_go_on_and_a_pause_inside_another_outlives_it() {
    let (mut w, a, b) = idle();
    off(&w, &Pause::Session(b.id));
    off(&w, &Pause::Everything);
    w.send(&a, &b, Kind::Note, "x");
    w.send(&b, &a, Kind::Note, "y");
    assert_eq!(Pause::all(w.store.home()), [Pause::Everything, Pause::Session(b.id)]);
    assert_eq!(on(&mut w, &Pause::Everything), [a.id], "b has a pause of its own");
    assert!(w.prompt(&BATCH, &a, "t1").text.contains('y'));
    assert!(w.prompt(&BATCH, &b, "t1").text.is_empty());
}

#[test]
fn a_nudge_that_arrives_in_the_pause_is_dropped_and_its_mail_waits() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    let Due::Now(ring) = due(&mut w, &b) else { panic!("a nudge is due") };
    off(&w, &Pause::Everything);
    let nudged = |nudge: &Nudge, turn: &'static str| HookEvent {
        nudge: Some(nudge.clone()),
        ..event(Moment::PromptSubmit, Some(turn), &[])
    };
    let dropped = w.hook(&BATCH, &b, &nudged(&ring.nudge, "t1"), Fate::Written);
    assert!(dropped.late_nudge && dropped.paused && dropped.text.is_empty());
    on(&mut w, &Pause::Everything);
    assert!(w.prompt(&BATCH, &b, "t2").text.contains('x'));
}

#[test]
fn what_a_beginning_says_is_said_once_the_pause_is_over() {
    let mut w = world();
    off(&w, &Pause::Everything);
    let b = w.session(&BATCH, "b");
    let start = event(Moment::SessionStart, None, &[]);
    assert!(w.hook(&BATCH_OPEN, &b, &start, Fate::Written).text.is_empty());
    assert!(w.prompt(&BATCH_OPEN, &b, "t1").text.is_empty());
    w.stop(&BATCH_OPEN, &b, "t1");
    assert_eq!(on(&mut w, &Pause::Everything), [b.id]);

    // A hook that is killed before it wrote said nothing.
    let prompt = event(Moment::PromptSubmit, Some("t2"), &[]);
    assert!(w.hook(&BATCH_OPEN, &b, &prompt, Fate::KilledBeforeWriting).text.contains("this session is"));
    let said = w.tools(&BATCH_OPEN, &b, "t2", &["c1"]).text;
    assert!(said.contains(&format!("this session is `{}`", b.label)), "{said}");
    assert!(said.contains(session_bridge_core::frame::GUARD), "{said}");
    assert!(w.stop(&BATCH_OPEN, &b, "t2").text.is_empty());
    assert!(!w.rings(&b), "nothing is left to say");
    assert!(w.prompt(&BATCH_OPEN, &b, "t3").text.is_empty(), "once");
}

#[test]
fn a_resumed_session_is_reminded_after_the_pause() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    w.send(&a, &b, Kind::Question, "which port?");
    w.prompt(&BATCH_OPEN, &b, "t1");
    w.stop(&BATCH_OPEN, &b, "t1");
    off(&w, &Pause::Session(b.id));
    w.store.arrive(&arrival(&BATCH, "b", Some(Start::Resumed))).unwrap();
    let resumed = HookEvent { start: Start::Resumed, ..event(Moment::SessionStart, None, &[]) };
    assert!(w.hook(&BATCH_OPEN, &b, &resumed, Fate::Written).text.is_empty());
    on(&mut w, &Pause::Session(b.id));
    let said = w.prompt(&BATCH_OPEN, &b, "t2").text;
    assert!(said.contains("Questions shown earlier and not answered"), "{said}");
    assert!(!said.contains(session_bridge_core::frame::GUARD), "that was said before: {said}");
    w.stop(&BATCH_OPEN, &b, "t2");
    assert!(!w.rings(&b) && w.prompt(&BATCH_OPEN, &b, "t3").text.is_empty());
}
