//! When an idle session is nudged, and what becomes of nudges that nobody hears.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, BATCH_OPEN, Fate, World, arrival, draft, event, me, world};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{
    Activity, Arrival, Draft, Due, Filter, Live, Ring, Ringer, Session, State, Wanted,
};

/// Notes what the session is doing, now by the test's clock.
fn note(w: &World, session: &Session, activity: Activity) {
    w.note(session, Live { host: me(), activity, by_user: false, turn: None });
}

fn due(w: &mut World, session: &Session) -> Due {
    w.store.wake_due(session.id, Ringer { door: "bell-pull", host: Some(me()), queues: false }).unwrap()
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
    let ringer = Ringer { door: "bell-pull", host: Some(other), queues: false };
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

/// A session with roles.
fn with_roles(w: &mut World, native: &str, roles: &[&str]) -> Session {
    let roles = roles.iter().map(|role| role.parse().unwrap()).collect();
    let wanted = Wanted { roles, ..Wanted::default() };
    let arrival = Arrival { wanted, ..arrival(&BATCH_OPEN, native, Some(Start::Fresh)) };
    let session = w.store.arrive(&arrival).unwrap();
    note(w, &session, Activity::Idle);
    session
}

fn remark(w: &mut World, id: MessageId) -> String {
    w.store.receipts(id).unwrap().remove(0).remark.unwrap_or_default()
}

const QUEUE: Ringer<'_> = Ringer { door: "queue", host: None, queues: true };

#[test]
fn a_wake_stands_with_its_message_and_whoever_comes_carries_it_out() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Status, "progress");
    assert!(!w.store.wakes_within(b.id, 1_000_000).unwrap(), "a status leaves no wake");
    w.send(&a, &b, Kind::Note, "x");
    assert!(w.store.wakes_within(b.id, 250).unwrap() && !w.store.wakes_within(b.id, 249).unwrap());
    w.clock.advance(2_249);
    assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [], "its sender is at it");
    w.clock.advance(1);
    assert_eq!(w.store.take_overdue_wakes(&["other"]).unwrap(), []);
    assert_eq!(w.store.take_overdue_wakes(&["other", "batch"]).unwrap(), [b.id]);
    assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [], "one has it");
    nudge(&mut w, &b);
    for pause in [30_000, 60_000, 120_000] {
        w.clock.advance(pause);
        assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [], "the next try is due just now");
        w.clock.advance(2_000);
        assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [b.id]);
        nudge(&mut w, &b);
    }
    w.clock.advance(122_000);
    assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [b.id]);
    assert_eq!(due(&mut w, &b), Due::Nothing);
    w.clock.advance(1_000_000);
    assert_eq!(w.store.take_overdue_wakes(&["batch"]).unwrap(), [], "held");
}

#[test]
fn a_session_that_ended_and_mail_that_expired_leave_no_wake() {
    let (mut w, a, b) = idle();
    w.try_send(&a, &[b.id], Kind::Note, "x", Some(1_000)).unwrap();
    w.clock.advance(2_000);
    assert_eq!(due(&mut w, &b), Due::Nothing);
    assert!(!w.store.wakes_within(b.id, 1_000_000).unwrap());
    w.send(&a, &b, Kind::Note, "y");
    assert!(w.store.wakes_within(b.id, 1_000).unwrap());
    w.store.end(b.id, "gone").unwrap();
    assert!(!w.store.wakes_within(b.id, 1_000_000).unwrap());
}

#[test]
fn a_turn_that_leaves_mail_behind_leaves_a_wake() {
    let (mut w, a, b) = idle();
    w.live_hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]));
    w.clock.advance(1_000);
    // BATCH takes nothing at a turn's end.
    w.send(&a, &b, Kind::Note, "x");
    assert!(matches!(w.store.wake_due(b.id, QUEUE).unwrap(), Due::At(_)), "a queue is of no use to a turn");
    w.live_hook(&BATCH, &b, &event(Moment::TurnEnd, Some("t1"), &[]));
    assert!(w.store.wakes_within(b.id, 400).unwrap());
    w.clock.advance(400);
    assert!(matches!(w.store.wake_due(b.id, QUEUE).unwrap(), Due::Now(_)));
}

#[test]
fn a_queue_is_left_alone_while_a_turn_goes_on_unless_its_end_is_not_told() {
    let (mut w, a, b) = idle();
    note(&w, &b, Activity::Busy);
    w.send(&a, &b, Kind::Note, "x");
    let mut silent = 0;
    while let Due::At(at) = w.store.wake_due(b.id, QUEUE).unwrap() {
        silent += at - w.clock.now();
        w.clock.advance(at - w.clock.now());
    }
    assert_eq!(silent, 120_000);
}

#[test]
fn what_a_queue_would_keep_after_an_interruption_is_held_until_the_next_event() {
    let (mut w, a, b) = idle();
    w.live_hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]));
    w.live_hook(&BATCH, &b, &event(Moment::Interrupt, Some("t1"), &[]));
    w.clock.advance(10_000);
    let id = w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    assert_eq!(w.store.wake_due(b.id, QUEUE).unwrap(), Due::Nothing);
    assert!(remark(&mut w, id).starts_with("held: its user interrupted the last turn"));
    assert_eq!(w.store.receipts(id).unwrap()[0].steps.len(), 1, "nothing was offered");
    // A socket is no queue.
    assert!(matches!(due(&mut w, &b), Due::Now(_)));
    w.live_hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t2"), &[]));
    assert_eq!(remark(&mut w, id), "");
}

#[test]
fn the_cooldown_says_so_and_is_a_setting() {
    let (mut w, a, b) = idle();
    w.send(&a, &b, Kind::Note, "x");
    w.clock.advance(1_000);
    let first = nudge(&mut w, &b);
    w.live_hook(&BATCH, &b, &nudged(&first, "t1"));
    w.live_hook(&BATCH, &b, &event(Moment::TurnEnd, Some("t1"), &[]));
    let id = w.send(&a, &b, Kind::Note, "y");
    w.clock.advance(1_000);
    let Due::At(at) = due(&mut w, &b) else { panic!() };
    assert!(remark(&mut w, id).starts_with("deferred: it was woken less than 8 s ago"));
    assert_eq!(at - w.clock.now(), 7_000);
    std::fs::write(w.store.home().settings(), r#"{"limits": {"wake_cooldown_s": 2}}"#).unwrap();
    w.store.refresh().unwrap();
    let Due::At(at) = due(&mut w, &b) else { panic!() };
    assert_eq!(at - w.clock.now(), 1_000);
    w.clock.advance(1_000);
    nudge(&mut w, &b);
    assert_eq!(remark(&mut w, id), "", "it is not put off any more");
}

#[test]
fn a_role_is_woken_twelve_times_a_minute_and_what_is_more_is_put_off() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let many: Vec<_> = (0..14).map(|n| with_roles(&mut w, &format!("b{n}"), &["worker"])).collect();
    let alone = with_roles(&mut w, "alone", &[]);
    w.clock.advance(60_000);
    let ids: Vec<_> = many.iter().chain([&alone]).map(|to| w.send(&a, to, Kind::Note, "x")).collect();
    w.clock.advance(1_000);
    for session in &many[..12] {
        nudge(&mut w, session);
    }
    assert_eq!(wait(&mut w, &many[12]), 60_000);
    assert!(
        remark(&mut w, ids[12]).starts_with("deferred: sessions with the role `worker` were woken 12 times"),
    );
    nudge(&mut w, &alone);
    assert_eq!(remark(&mut w, ids[14]), "");
    nudge(&mut w, &many[12]);
    nudge(&mut w, &many[13]);
}

#[test]
fn quiet_roles_are_not_woken_nor_kept_at_work_without_their_users_consent() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let b = with_roles(&mut w, "b", &["backend", "QA"]);
    w.live_hook(&BATCH_OPEN, &b, &event(Moment::PromptSubmit, Some("t1"), &[]));
    let id = w.send(&a, &b, Kind::Question, "x?");
    let end = w.live_hook(&BATCH_OPEN, &b, &event(Moment::TurnEnd, Some("t1"), &[]));
    assert_eq!(end.text, "");
    w.clock.advance(1_000_000);
    assert_eq!(due(&mut w, &b), Due::Nothing);
    let why = remark(&mut w, id);
    assert!(why.starts_with("held: sessions with the role `QA` are not woken (limits.quiet_roles)"), "{why}");
    let prompt = w.live_hook(&BATCH_OPEN, &b, &event(Moment::PromptSubmit, Some("t2"), &[]));
    assert!(prompt.text.contains("x?"), "it comes with the next prompt");
    w.live_hook(&BATCH_OPEN, &b, &event(Moment::TurnEnd, Some("t2"), &[]));
    assert_eq!(remark(&mut w, id), "");

    std::fs::write(w.store.home().settings(), r#"{"limits": {"quiet_roles": ["infra"]}}"#).unwrap();
    w.store.refresh().unwrap();
    w.send(&a, &b, Kind::Question, "y?");
    w.clock.advance(1_000);
    nudge(&mut w, &b);
}

#[test]
fn a_message_to_everybody_wakes_on_request_only() {
    let (mut w, a, b) = idle();
    for (urgency, wakes) in [(Urgency::Normal, false), (Urgency::High, true)] {
        let draft = Draft { to: "*", urgency, ..draft(a.id, "news") };
        w.store.send(&draft, &[b.id]).unwrap();
        w.clock.advance(1_000);
        assert_eq!(matches!(due(&mut w, &b), Due::Now(_)), wakes, "{urgency:?}");
    }
}
