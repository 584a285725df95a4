//! A deadline has passed when both clocks say so; what is under way waits with it; what comes late is stored all the same.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::time::Duration;

use common::{BATCH, Fate, World, arrival, event, me, world};
use session_bridge_core::event::Moment;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Kind;
use session_bridge_core::process::ProcessKey;
use session_bridge_store::{Activity, Arrival, Due, Live, Pull, Ringer, Session, State};

const HOUR: i64 = 3_600_000;

fn two(w: &mut World) -> (Session, Session) {
    (w.session(&BATCH, "a"), w.session(&BATCH, "b"))
}

/// A question that may wait a minute.
fn a_minute(w: &mut World, from: &Session, to: &Session) -> MessageId {
    w.try_send(from, &[to.id], Kind::Question, "q", Some(60_000)).unwrap()
}

fn state(w: &mut World, id: MessageId) -> State {
    w.state(id).0
}

#[test]
fn a_wall_clock_that_is_set_forward_ends_nothing() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let id = a_minute(&mut w, &a, &b);
    w.clock.set_by(5 * HOUR);
    assert_eq!(state(&mut w, id), State::Stored);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(60)));
    // It still wakes, too.
    w.store
        .run()
        .session(b.id)
        .set_live(Live { host: me(), activity: Activity::Idle, by_user: false, turn: None })
        .unwrap();
    let ringer = Ringer { door: "door", host: None, queues: false };
    assert!(!matches!(w.store.wake_due(b.id, ringer).unwrap(), Due::Nothing));
    w.clock.advance(59_999);
    assert_eq!(state(&mut w, id), State::Stored);
    w.clock.advance(1);
    assert!(matches!(w.store.wake_due(b.id, ringer).unwrap(), Due::Nothing), "nobody is woken for it");
    assert_eq!(state(&mut w, id), State::Expired);
}

#[test]
fn a_wall_clock_that_is_set_back_ends_nothing_early() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let id = a_minute(&mut w, &a, &b);
    w.clock.set_by(-2 * HOUR);
    w.clock.advance(60_000);
    assert_eq!(state(&mut w, id), State::Stored, "the wall clock does not say so");
    let minute = Duration::from_secs(60);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(minute), "it may be put right at any time");
    w.clock.set_by(2 * HOUR);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    assert_eq!(state(&mut w, id), State::Expired);
}

#[test]
fn a_timer_that_was_set_while_the_wall_clock_was_behind_is_not_late_by_as_much() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let id = a_minute(&mut w, &a, &b);
    w.clock.set_by(-2 * HOUR);
    w.clock.advance(20_000);
    // The boot clock knows when it may end at the earliest.
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(40)));
    w.clock.set_by(2 * HOUR);
    w.clock.advance(40_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    assert!(w.rings(&a), "its sender is told in time");
    assert_eq!(state(&mut w, id), State::Expired);
}

#[test]
fn the_timer_goes_by_the_boot_clock_whatever_order_the_wall_clock_gives() {
    let mut w = world();
    let (a, b) = two(&mut w);
    w.clock.set_by(HOUR);
    let first = a_minute(&mut w, &a, &b);
    w.clock.set_by(-HOUR);
    w.try_send(&a, &[b.id], Kind::Note, "second, first by the wall", Some(90_000)).unwrap();
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(60)));
    w.clock.set_by(HOUR);
    w.clock.advance(60_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(30)));
    assert_eq!(state(&mut w, first), State::Expired);
}

#[test]
fn after_a_reboot_the_wall_clock_alone_decides() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let (early, late) = (a_minute(&mut w, &a, &b), a_minute(&mut w, &a, &b));
    w.clock.reboot(59_000);
    assert_eq!(state(&mut w, early), State::Stored);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(1)));
    // The new boot's clock knows nothing of the old one: it must not hold them back.
    w.clock.set_by(1_000);
    assert_eq!((state(&mut w, early), state(&mut w, late)), (State::Expired, State::Expired));
}

#[test]
fn without_a_boot_clock_the_wall_clock_alone_decides() {
    for lost_before in [true, false] {
        let mut w = world();
        let (a, b) = two(&mut w);
        if lost_before {
            w.clock.lose_boot_clock();
        }
        let id = a_minute(&mut w, &a, &b);
        w.clock.lose_boot_clock();
        w.clock.set_by(60_000);
        assert_eq!(state(&mut w, id), State::Expired);
    }
}

#[test]
fn the_timer_goes_by_the_earliest_deadline_of_what_can_expire() {
    let mut w = world();
    let (a, b) = two(&mut w);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    w.send(&a, &b, Kind::Note, "no deadline");
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    w.try_send(&a, &[b.id], Kind::Note, "later", Some(90_000)).unwrap();
    w.clock.set_by(HOUR);
    w.try_send(&a, &[b.id], Kind::Note, "sooner", Some(60_000)).unwrap();
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(60)));
    assert_eq!(w.store.expire_sent(b.id).unwrap(), None, "the timer is the sender's");
    w.clock.advance(60_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(30)));
    assert!(w.rings(&a), "the sender is told");
    // All of it goes out. It may come back in time; afterwards, what ends the attempt ends it.
    w.prompt(&BATCH, &b, "t1");
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(30)));
    w.clock.advance(30_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
}

#[test]
fn many_deadlines_end_a_part_at_a_time() {
    let mut w = world();
    let (a, b) = two(&mut w);
    for _ in 0..70 {
        a_minute(&mut w, &a, &b);
    }
    w.clock.advance(60_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::ZERO), "more is due now");
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    assert!(!w.rings(&b));
}

#[test]
fn what_a_result_had_under_way_expires_when_the_result_is_never_written() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let _life = w.store.run().session(b.id).hold_life("srv").unwrap();
    let id = a_minute(&mut w, &a, &b);
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "srv").unwrap();
    w.clock.advance(60_000);
    let receipt = w.store.receipts(id).unwrap().remove(0);
    assert_eq!(receipt.state, State::Stored, "expiry waits for what is under way");
    assert!(receipt.steps.iter().all(|step| step.state == State::Stored), "{receipt:?}");
    assert!(!w.rings(&a), "nobody is told of what did not happen");
    w.store.pull_void(pulled.attempt.unwrap()).unwrap();
    assert_eq!(state(&mut w, id), State::Expired);
    assert!(w.rings(&a) && !w.rings(&b));
}

#[test]
fn what_a_killed_hook_had_under_way_expires_with_the_next_event() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let (void, unknown) = (a_minute(&mut w, &a, &b), w.session(&BATCH, "c"));
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
    let doubtful = a_minute(&mut w, &a, &unknown);
    w.hook(&BATCH, &unknown, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledWhileWriting);
    w.clock.advance(60_000);
    assert_eq!((state(&mut w, void), state(&mut w, doubtful)), (State::Stored, State::Stored));
    assert_eq!(w.prompt(&BATCH, &b, "t2").text, "");
    assert_eq!(state(&mut w, void), State::Expired);
    // It may stand before the model: it is referred to, and never said to have expired unread.
    assert!(w.prompt(&BATCH, &unknown, "t2").text.contains(&doubtful.to_string()));
    assert_eq!(w.state(doubtful), (State::Stored, true, true));
}

#[test]
fn what_came_back_in_time_is_ended_by_the_timer() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let id = a_minute(&mut w, &a, &b);
    w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
    // The sender's server looks while it is under way, and is told nothing of its coming back.
    assert_eq!(w.store.expire_sent(a.id).unwrap(), Some(Duration::from_secs(60)));
    w.hook(&BATCH, &b, &event(Moment::SessionEnd, None, &[]), Fate::Written);
    w.clock.advance(60_000);
    assert_eq!(w.store.expire_sent(a.id).unwrap(), None);
    assert!(w.rings(&a));
    assert_eq!(state(&mut w, id), State::Expired);
}

#[test]
fn what_a_killed_hook_had_under_way_expires_with_the_end_of_its_session() {
    for reaped in [true, false] {
        let mut w = world();
        let (a, b) = two(&mut w);
        let id = a_minute(&mut w, &a, &b);
        if reaped {
            let gone = ProcessKey { pid: u32::MAX / 2, start: 1 };
            w.store.arrive(&Arrival { host: Some(gone), ..arrival(&BATCH, "b", None) }).unwrap();
        }
        w.hook(&BATCH, &b, &event(Moment::PromptSubmit, Some("t1"), &[]), Fate::KilledBeforeWriting);
        w.clock.advance(60_000);
        assert_eq!(w.store.expire_sent(a.id).unwrap(), None, "under way");
        let ended = if reaped { w.store.reap() } else { w.store.end(b.id, "closed") };
        ended.unwrap();
        assert!(w.rings(&a), "its server's timer is over: nobody else tells the sender");
        assert_eq!(state(&mut w, id), State::Expired);
    }
}

#[test]
fn a_late_answer_to_an_expired_question_is_stored_and_linked() {
    let mut w = world();
    let (a, b) = two(&mut w);
    let id = a_minute(&mut w, &a, &b);
    w.clock.advance(60_000);
    assert_eq!(state(&mut w, id), State::Expired);
    let answer = w.reply(&b, id, "it was 8443");
    let receipt = w.store.receipts(id).unwrap().remove(0);
    assert_eq!((receipt.state, receipt.answer), (State::Answered, Some(answer)));
    let states: Vec<State> = receipt.steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [State::Stored, State::Expired, State::Answered]);
    let message = w.store.message(answer).unwrap();
    assert_eq!((message.in_reply_to, message.thread, message.expires), (Some(id), id, None));
    assert!(w.prompt(&BATCH, &a, "t1").text.contains("it was 8443"));
}

#[test]
fn what_is_laid_down_later_keeps_the_deadline_of_its_sending() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let to: Vec<_> = (0..70).map(|n| w.session(&BATCH, &format!("b{n}")).id).collect();
    let id = w.try_send(&a, &to, Kind::Note, "lunch", Some(60_000)).unwrap();
    w.clock.advance(60_000);
    for _ in 0..2 {
        w.store.receipts(id).unwrap();
    }
    assert!(w.store.receipts(id).unwrap().iter().all(|receipt| receipt.state == State::Expired));
}
