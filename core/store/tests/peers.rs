//! What a person lets a peer do, and what a recipient may refuse.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH, BATCH_OPEN, Fate, World, draft, event, me, world};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Via};
use session_bridge_core::nudge::Nudge;
use session_bridge_store::{
    Activity, Draft, Due, Filter, Live, MAX_REASON_CHARS, Pull, Ringer, RuleKind, Sent, Session, State,
    StoreError, View,
};

fn due(w: &mut World, session: &Session) -> Due {
    w.store.wake_due(session.id, Ringer { door: "bell-pull", host: Some(me()), queues: false }).unwrap()
}

/// A peer, another one, and a reader that is idle for a minute.
fn three() -> (World, Session, Session, Session) {
    let mut w = world();
    let (a, c, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "c"), w.session(&BATCH, "b"));
    let live = Live { host: me(), activity: Activity::Idle, by_user: false, turn: None };
    w.store.run().session(b.id).set_live(live).unwrap();
    w.clock.advance(100 * 365 * 86_400_000);
    (w, a, c, b)
}

fn broadcast(w: &mut World, from: &Session, to: &[&Session]) -> Result<Sent, StoreError> {
    let draft = Draft { to: "*", ..draft(from.id, "lunch") };
    let to: Vec<_> = to.iter().map(|session| session.id).collect();
    w.store.send(&draft, &to)
}

#[test]
fn a_muted_peer_disturbs_nobody_and_is_read_with_the_next_prompt() {
    for reader in [false, true] {
        let (mut w, a, c, b) = three();
        let reader = reader.then_some(b.id);
        assert!(w.store.set_rule(RuleKind::Mute, a.id, reader).unwrap());
        assert!(!w.store.set_rule(RuleKind::Mute, a.id, reader).unwrap(), "twice is once");
        let id = w.send(&a, &b, Kind::Question, "MUTED");
        w.clock.advance(60_000);
        assert_eq!(due(&mut w, &b), Due::Nothing);
        let receipt = w.store.receipts(id).unwrap().remove(0);
        assert!(receipt.remark.unwrap().starts_with("held: the sender is muted"));

        // Another one's mail wakes as ever, and takes nothing along.
        w.send(&c, &b, Kind::Note, "OTHER");
        w.clock.advance(1_000);
        let Due::Now(ring) = due(&mut w, &b) else { panic!("a nudge is due") };
        assert_eq!(ring.nudge.count, 1);
        let nudged = |nudge: &Nudge| HookEvent {
            nudge: Some(nudge.clone()),
            ..event(Moment::PromptSubmit, Some("t1"), &[])
        };
        let shown = w.hook(&BATCH_OPEN, &b, &nudged(&ring.nudge), Fate::Written);
        assert!(shown.text.contains("OTHER") && !shown.text.contains("MUTED"), "{}", shown.text);
        assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1"]).text.is_empty(), "not in mid-turn");
        assert!(w.stop(&BATCH_OPEN, &b, "t1").text.is_empty(), "it prolongs no turn");
        let late = w.hook(&BATCH_OPEN, &b, &nudged(&ring.nudge), Fate::Written);
        assert!(late.late_nudge, "it starts no turn with somebody else's nudge");

        assert!(w.prompt(&BATCH_OPEN, &b, "t2").text.contains("MUTED"));
        w.stop(&BATCH_OPEN, &b, "t2");
        assert_eq!(w.state(id).0, State::Seen);
    }
}

#[test]
fn any_amount_of_muted_mail_keeps_nobody_elses_back() {
    let (mut w, a, c, b) = three();
    w.store.set_rule(RuleKind::Mute, a.id, None).unwrap();
    for n in 0..600 {
        w.send(&a, &b, Kind::Note, &format!("chatter {n}"));
    }
    w.send(&c, &b, Kind::Note, "OTHER");
    w.clock.advance(60_000);
    let Due::Now(ring) = due(&mut w, &b) else { panic!("a nudge is due") };
    assert_eq!(ring.nudge.count, 1);
    assert!(w.tools(&BATCH_OPEN, &b, "t1", &["c1"]).text.contains("OTHER"));
}

#[test]
fn muted_mail_is_read_on_demand_and_unmuting_lets_it_wake() {
    let (mut w, a, _, b) = three();
    w.store.set_rule(RuleKind::Mute, a.id, Some(b.id)).unwrap();
    w.send(&a, &b, Kind::Note, "one");
    let pulled = w.store.pull(b.id, Pull::Next(&Filter::default(), None), None, "s").unwrap();
    assert_eq!(pulled.messages[0].body, "one", "a wait asked for it");
    w.store.pull_void(pulled.attempt.unwrap()).unwrap();
    w.clock.advance(60_000);
    assert_eq!(due(&mut w, &b), Due::Nothing);
    assert_eq!(w.store.lift_rule(RuleKind::Block, a.id, Some(b.id)).unwrap(), (false, vec![]));
    assert_eq!(w.store.lift_rule(RuleKind::Mute, a.id, None).unwrap(), (false, vec![]));
    assert_eq!(w.store.lift_rule(RuleKind::Mute, a.id, Some(b.id)).unwrap(), (true, vec![b.id]));
    assert!(matches!(due(&mut w, &b), Due::Now(_)));
}

#[test]
fn a_blocked_peer_is_told_and_a_message_to_all_leaves_the_blocker_out() {
    let (mut w, a, c, b) = three();
    w.store.set_rule(RuleKind::Block, a.id, Some(b.id)).unwrap();
    let refused = w.try_send(&a, &[b.id], Kind::Note, "x", None).unwrap_err();
    assert_eq!((refused.code(), refused.to_string().contains(&b.label)), ("blocked", true));
    assert_eq!(w.store.newest_seq().unwrap(), 0, "nothing was stored");
    w.send(&b, &a, Kind::Note, "one way only");
    w.send(&a, &c, Kind::Note, "others hear it");
    let sent = broadcast(&mut w, &a, &[&b, &c]).unwrap();
    assert_eq!((sent.recipients, sent.left_out), (vec![c.id], vec![b.id]));
    assert!(w.store.inbox(b.id, View::All, 10).unwrap().is_empty());
    assert_eq!(w.store.lift_rule(RuleKind::Block, a.id, Some(b.id)).unwrap(), (true, vec![]));
    w.send(&a, &b, Kind::Note, "again");
}

#[test]
fn rules_outlive_the_end_and_the_resumption_of_both() {
    let (mut w, a, _, b) = three();
    w.store.set_rule(RuleKind::Block, a.id, Some(b.id)).unwrap();
    w.store.set_rule(RuleKind::Mute, b.id, None).unwrap();
    for id in [a.id, b.id] {
        w.store.end(id, "gone").unwrap();
    }
    for native in ["a", "b"] {
        w.store.arrive(&common::arrival(&BATCH, native, Some(Start::Resumed))).unwrap();
    }
    assert_eq!(w.try_send(&a, &[b.id], Kind::Note, "x", None).unwrap_err().code(), "blocked");
    let rules = w.store.rules(RuleKind::Mute).unwrap();
    assert_eq!((rules.len(), rules[0].peer, rules[0].reader), (1, b.id, None));
}

#[test]
fn a_recipient_declines_and_the_sender_is_told() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Question, "paint it?");
    w.prompt(&BATCH_OPEN, &b, "t1");
    w.store.decline(b.id, id, Some(" not \"my\"\n<job> "), Via::Session).unwrap();
    let receipt = w.store.receipts(id).unwrap().remove(0);
    let states: Vec<State> = receipt.steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [State::Stored, State::Offered, State::Declined]);
    assert_eq!(receipt.remark.as_deref(), Some("not 'my' (job)"));
    assert!(!w.rings(&b), "nothing is left to settle");
    w.stop(&BATCH_OPEN, &b, "t1");
    assert_eq!(w.state(id).0, State::Declined);

    let told = w.prompt(&BATCH_OPEN, &a, "t1").text;
    let line = format!("Your message {id} to `{}` was declined. Reason given: \"not 'my' (job)\"", b.label);
    assert!(told.contains(&line), "{told}");
    assert_eq!(due(&mut w, &a), Due::Nothing, "news of the bridge wakes nobody");
    let again = w.store.decline(b.id, id, None, Via::Session).unwrap_err();
    assert_eq!(again.code(), "message_closed");
    assert_eq!(w.store.inbox(a.id, View::All, 10).unwrap().len(), 1, "told once");
}

#[test]
fn what_waits_unread_is_declined_for_a_person_and_is_never_shown() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "SECRET");
    w.store.decline(b.id, id, None, Via::CommandLine).unwrap();
    assert!(!w.rings(&b) && w.prompt(&BATCH_OPEN, &b, "t1").text.is_empty());
    assert!(w.prompt(&BATCH_OPEN, &a, "t1").text.contains("was declined by a person, not by its model."));

    // Announced only: its body went nowhere.
    let large = w.send(&a, &b, Kind::Note, &"x".repeat(8_000));
    assert!(w.prompt(&BATCH_OPEN, &b, "t2").text.contains("Too long for this place"));
    w.store.decline(b.id, large, None, Via::CommandLine).unwrap();
    w.stop(&BATCH_OPEN, &b, "t2");
    assert_eq!(w.state(large), (State::Declined, false, false));
    assert!(!w.rings(&b));
}

#[test]
fn a_body_under_way_is_not_declined() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = w.send(&a, &b, Kind::Note, "x");
    let pulled = w.store.pull(b.id, Pull::Read(&[id]), Some("c1"), "s").unwrap();
    for via in [Via::Session, Via::CommandLine] {
        let refused = w.store.decline(b.id, id, None, via).unwrap_err();
        assert_eq!(refused.code(), "under_way");
    }
    w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    assert_eq!(w.store.decline(b.id, id, None, Via::CommandLine).unwrap_err().code(), "under_way");
    // A model may, for it knows what it was given.
    w.store.decline(b.id, id, None, Via::Session).unwrap();
    assert_eq!(w.state(id).0, State::Declined);
}

#[test]
fn what_is_over_stays_so_and_what_is_not_ones_own_is_refused() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let answered = w.send(&a, &b, Kind::Question, "q");
    w.reply(&b, answered, "yes");
    let withdrawn = w.send(&a, &b, Kind::Note, "n");
    w.store.cancel(withdrawn).unwrap();
    let expired = w.try_send(&a, &[b.id], Kind::Note, "n", Some(1_000)).unwrap();
    w.clock.advance(2_000);
    w.store.receipts(expired).unwrap();
    for (id, state) in [(answered, State::Answered), (withdrawn, State::Failed), (expired, State::Expired)] {
        assert_eq!(w.store.decline(b.id, id, None, Via::Session).unwrap_err().code(), "message_closed");
        assert_eq!(w.state(id).0, state);
    }
    assert_eq!(w.store.decline(a.id, answered, None, Via::Session).unwrap_err().code(), "not_your_message");
    let nothing = w.store.decline(a.id, MessageId::generate(), None, Via::Session).unwrap_err();
    assert_eq!(nothing.code(), "unknown_message");
    let open = w.send(&a, &b, Kind::Note, "n");
    let long = "x".repeat(MAX_REASON_CHARS + 1);
    assert_eq!(w.store.decline(b.id, open, Some(&long), Via::Session).unwrap_err().code(), "reason_too_long");
    assert_eq!(w.state(open).0, State::Stored);
}
