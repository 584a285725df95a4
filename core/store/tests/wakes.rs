//! When an idle session is nudged, and what becomes of nudges that nobody hears.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::fs::File;
use std::time::{Duration, SystemTime};

use common::{BATCH, Fate, World, event, me, world};
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::message::Kind;
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Activity, Due, Filter, Live, Ring, Ringer, Session, State};

/// Notes what the session is doing, now by the test's clock.
fn note(w: &World, session: &Session, activity: Activity) {
    let folder = w.store.run().session(session.id);
    folder.set_live(Live { host: me(), activity }).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(w.clock.now().unsigned_abs());
    File::options().write(true).open(folder.path().join("live")).unwrap().set_modified(now).unwrap();
}

fn due(w: &mut World, session: &Session) -> Due {
    w.store.wake_due(session.id, Ringer { door: "bell-pull", host: Some(me()) }).unwrap()
}

/// Lets the time pass that the store asks for, and says how long it was.
fn wait(w: &mut World, session: &Session) -> i64 {
    match due(w, session) {
        Due::At(at) => {
            let delay = at - w.clock.now();
            w.clock.advance(delay);
            delay
        }
        other => panic!("{other:?}"),
    }
}

fn ring(w: &mut World, session: &Session) -> Ring {
    match due(w, session) {
        Due::Now(ring) => ring,
        other => panic!("{other:?}"),
    }
}

fn nudge(w: &mut World, session: &Session) -> Nudge {
    ring(w, session).nudge
}

/// Two sessions, the second idle for a minute.
fn idle() -> (World, Session, Session) {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    note(&w, &b, Activity::Idle);
    w.clock.advance(60_000);
    (w, a, b)
}

fn nudged(nudge: &Nudge, turn: &'static str) -> HookEvent<'static> {
    HookEvent { nudge: Some(nudge.clone()), ..event(Moment::PromptSubmit, Some(turn), &[]) }
}

#[test]
fn a_burst_is_one_nudge_and_the_next_waits_for_an_event_and_the_cooldown() {
    let (mut w, a, b) = idle();
    assert_eq!(due(&mut w, &b), Due::Nothing);
    for n in 0..3 {
        w.send(&a, &b, Kind::Note, &format!("body {n}"));
        w.clock.advance(100);
    }
    assert_eq!(wait(&mut w, &b), 150, "a burst is gathered");
    let first = nudge(&mut w, &b);
    assert_eq!(first.count, 3);
    assert_eq!(wait(&mut w, &b), 30_000, "one wake is open");
    w.clock.advance(-30_000);

    let shown = w.hook(&BATCH, &b, &nudged(&first, "t1"), Fate::Written);
    assert!(shown.text.contains("body 2") && !shown.late_nudge);
    let id = w.send(&a, &b, Kind::Note, "later");
    note(&w, &b, Activity::Idle);
    let waited = wait(&mut w, &b);
    assert!((7_000..=8_000).contains(&waited), "the cooldown: {waited}");
    assert_ne!(nudge(&mut w, &b).wake, first.wake);
    assert_eq!(w.state(id).0, State::Stored);
}

#[test]
fn a_burst_without_end_does_not_put_the_nudge_off() {
    let (mut w, a, b) = idle();
    let mut passed = 0;
    loop {
        w.send(&a, &b, Kind::Note, "x");
        if matches!(due(&mut w, &b), Due::Now(_)) {
            break;
        }
        w.clock.advance(100);
        passed += 100;
    }
    assert_eq!(passed, 2_000);
}

#[test]
fn kinds_that_wake_nobody_and_what_a_wait_claims_are_left_alone() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Status, "progress");
    w.send(&a, &b, Kind::Other("gossip".into()), "hm");
    assert_eq!(due(&mut w, &b), Due::Nothing);
    let life = w.store.run().session(b.id).hold_life("s").unwrap();
    let claim = w.store.claim(b.id, "s", &Filter::default(), 90_000).unwrap();
    w.send(&a, &b, Kind::Note, "x");
    assert_eq!(wait(&mut w, &b), 20_000);
    w.store.release(&claim).unwrap();
    assert_eq!(nudge(&mut w, &b).count, 1);
    drop(life);
}

#[test]
fn busy_only_delays() {
    let (mut w, a, b) = idle();
    note(&w, &b, Activity::Busy);
    w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(5_000);
    assert_eq!(wait(&mut w, &b), 15_000, "twenty seconds without an event");
    nudge(&mut w, &b);
    w.clock.advance(600_000);
    assert_eq!(due(&mut w, &b), Due::Nothing, "the host has it");
}

#[test]
fn a_door_of_another_process_is_not_rung() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    let other = ProcessKey { pid: 1, start: 1 };
    let ringer = Ringer { door: "bell-pull", host: Some(other) };
    assert_eq!(w.store.wake_due(b.id, ringer).unwrap(), Due::Nothing);
}

#[test]
fn nudges_that_nobody_hears_end_as_held_until_the_session_reacts() {
    let (mut w, a, b) = idle();
    let id = w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    let first = ring(&mut w, &b);
    w.store.nudged(b.id, &first, "bell-pull").unwrap();
    for pause in [30_000, 60_000, 120_000] {
        assert_eq!(wait(&mut w, &b), pause);
        assert_eq!(nudge(&mut w, &b).wake, first.nudge.wake);
    }
    wait(&mut w, &b);
    assert_eq!(due(&mut w, &b), Due::Nothing);
    let receipt = w.store.receipts(id).unwrap().remove(0);
    assert_eq!(receipt.state, State::Stored, "the body is as free as before");
    let step = receipt.steps.last().unwrap();
    assert_eq!((step.state, step.surface.as_deref()), (State::Offered, Some("bell-pull")));
    assert!(receipt.remark.unwrap().starts_with("held: "));

    assert!(w.prompt(&BATCH, &b, "t1").text.contains('x'));
    assert_eq!(w.store.receipts(id).unwrap()[0].remark, None);
}

#[test]
fn a_nudge_that_comes_late_is_known_and_a_foreign_one_is_not() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    let mine = nudge(&mut w, &b);
    w.prompt(&BATCH, &b, "t1");
    w.stop(&BATCH, &b, "t1");
    assert!(w.hook(&BATCH, &b, &nudged(&mine, "t2"), Fate::Written).late_nudge);
    let foreign = Nudge { wake: "AAAAAA".parse().unwrap(), count: 1 };
    assert!(!w.hook(&BATCH, &b, &nudged(&foreign, "t3"), Fate::Written).late_nudge);
}

#[test]
fn a_long_chain_of_replies_starts_no_turns() {
    let (mut w, a, b) = idle();
    let mut id = w.send(&a, &b, Kind::Note, "thank you");
    w.prompt(&BATCH, &b, "t0");
    w.stop(&BATCH, &b, "t0");
    for hop in 1..=6 {
        let (from, to) = if hop % 2 == 1 { (&b, &a) } else { (&a, &b) };
        id = w.reply(from, id, "no, thank you");
        note(&w, to, Activity::Idle);
        w.clock.advance(60_000);
        assert_eq!(matches!(due(&mut w, to), Due::Now(_)), hop < 6, "hop {hop}");
        let turn = format!("t{hop}");
        assert!(w.prompt(&BATCH, to, &turn).text.contains("no, thank you"), "it comes with the next prompt");
        w.stop(&BATCH, to, &turn);
    }
}
