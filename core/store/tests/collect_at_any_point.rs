//! Whatever sessions do, and whenever collection runs between it: what is unread stays as it is, and so do the receipts of
//! what remains, the bells and the hops. And wherever collection is killed, the next one goes on.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{BATCH_OPEN, DAY, World, event, world};
use proptest::prelude::*;
use session_bridge_core::event::Moment;
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Via};
use session_bridge_store::{Clock, Collection, Receipt, Role, Session, State, Store, StoreError, View};

const SESSIONS: usize = 3;

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Send {
        from: usize,
        to: usize,
        question: bool,
        lifetime: bool,
    },
    /// To all others.
    SendAll {
        from: usize,
        question: bool,
    },
    Reply {
        to: usize,
    },
    Decline {
        message: usize,
    },
    Mark {
        message: usize,
    },
    Prompt {
        session: usize,
        turn: u8,
    },
    Tool {
        session: usize,
        turn: u8,
    },
    TurnEnd {
        session: usize,
        turn: u8,
    },
    EndAndResume {
        session: usize,
    },
    Pass {
        days: i64,
    },
    /// A collection, cut off after so many pieces.
    Collect {
        pieces: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let session = 0..SESSIONS;
    let turn = 0..4_u8;
    prop_oneof![
        4 => (session.clone(), session.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(from, to, question, lifetime)| Step::Send { from, to, question, lifetime }),
        3 => (session.clone(), any::<bool>()).prop_map(|(from, question)| Step::SendAll { from, question }),
        2 => (0..20_usize).prop_map(|to| Step::Reply { to }),
        1 => (0..20_usize).prop_map(|message| Step::Decline { message }),
        1 => (0..20_usize).prop_map(|message| Step::Mark { message }),
        4 => (session.clone(), turn.clone()).prop_map(|(session, turn)| Step::Prompt { session, turn }),
        3 => (session.clone(), turn.clone()).prop_map(|(session, turn)| Step::Tool { session, turn }),
        3 => (session.clone(), turn).prop_map(|(session, turn)| Step::TurnEnd { session, turn }),
        1 => session.prop_map(|session| Step::EndAndResume { session }),
        3 => (0..20_i64).prop_map(|days| Step::Pass { days }),
        4 => prop_oneof![1..6_usize, Just(usize::MAX)].prop_map(|pieces| Step::Collect { pieces }),
    ]
}

/// What collection must not change.
#[derive(Debug, PartialEq)]
struct Seen {
    unread: BTreeMap<SessionId, Vec<(MessageId, State, bool, bool)>>,
    /// By message: its hop, how many of its receipts were cleared away, and the others.
    receipts: BTreeMap<MessageId, (u32, u32, Vec<Receipt>)>,
    bells: Vec<bool>,
}

fn look(w: &mut World, sessions: &[Session], sent: &[MessageId]) -> Seen {
    let mut seen = Seen { unread: BTreeMap::new(), receipts: BTreeMap::new(), bells: Vec::new() };
    for session in sessions {
        let inbox = w.store.inbox(session.id, View::Unread, u32::MAX).unwrap();
        let unread = inbox.iter().map(|entry| (entry.message.id, entry.state, entry.parked, entry.doubt));
        seen.unread.insert(session.id, unread.collect());
        seen.bells.push(w.rings(session));
    }
    for id in sent {
        if let Ok(message) = w.store.message(*id) {
            let cleared = w.store.cleared_receipts(*id).unwrap();
            seen.receipts.insert(*id, (message.hop, cleared, w.store.receipts(*id).unwrap()));
        }
    }
    seen
}

/// Whether a delivery may go without its message: it was read or declined, or its model marked it long ago.
fn is_over(one: &Receipt, old: i64) -> bool {
    let read = matches!(one.state, State::Injected | State::Seen | State::Declined);
    let marked = one.state == State::Offered && one.marked.is_some();
    (read || marked) && one.marked.is_none_or(|at| at < old)
}

fn collect(w: &mut World, pieces: usize) {
    let mut collection = Collection::new(&w.store, 10 * DAY, false);
    for _ in 0..pieces {
        if !w.store.collect(&mut collection).unwrap() {
            break;
        }
    }
}

fn carry_out(w: &mut World, sessions: &mut [Session], sent: &mut Vec<MessageId>, step: &Step) {
    let pick = |n: usize| (!sent.is_empty()).then(|| sent[n % sent.len()]);
    let turn = |turn: u8| format!("turn {turn}");
    match *step {
        Step::Send { from, to, question, lifetime } => {
            let kind = if question { Kind::Question } else { Kind::Note };
            let lifetime = lifetime.then_some(5 * DAY);
            let (from, to) = (sessions[from].clone(), sessions[to].id);
            sent.push(w.try_send(&from, &[to], kind, "body", lifetime).unwrap());
        }
        Step::SendAll { from, question } => {
            let kind = if question { Kind::Question } else { Kind::Note };
            let others = sessions.iter().enumerate().filter(|(n, _)| *n != from);
            let others: Vec<SessionId> = others.map(|(_, session)| session.id).collect();
            let from = sessions[from].clone();
            sent.push(w.try_send(&from, &others, kind, "to all", None).unwrap());
        }
        Step::Reply { to } => {
            let Some(id) = pick(to) else { return };
            let Ok(receipts) = w.store.receipts(id) else { return };
            if let Some(receipt) = receipts.first().filter(|receipt| receipt.state != State::Declined) {
                let me = w.store.session(receipt.session).unwrap();
                sent.push(w.reply(&me, id, "answer"));
            }
        }
        Step::Decline { message } | Step::Mark { message } => {
            let Some(id) = pick(message) else { return };
            let Some(receipt) = w.store.receipts(id).ok().and_then(|mut all| all.pop()) else { return };
            let done = match step {
                Step::Mark { .. } => w.store.mark_read(receipt.session, &[id]).map(drop),
                _ => w.store.decline(receipt.session, id, None, Via::CommandLine),
            };
            let refused = matches!(
                done,
                Ok(()) | Err(StoreError::NotShown(_) | StoreError::Closed(..) | StoreError::UnderWay(_))
            );
            assert!(refused, "{done:?}");
        }
        Step::Prompt { session, turn: n } => drop(w.prompt(&BATCH_OPEN, &sessions[session], &turn(n))),
        Step::Tool { session, turn: n } => {
            let call = MessageId::generate().to_string();
            w.tools(&BATCH_OPEN, &sessions[session], &turn(n), &[&call]);
        }
        Step::TurnEnd { session, turn: n } => {
            let turn = turn(n);
            let end = event(Moment::TurnEnd, Some(&turn), &[]);
            w.hook(&BATCH_OPEN, &sessions[session], &end, common::Fate::Written);
        }
        Step::EndAndResume { session } => {
            w.store.end(sessions[session].id, "over").unwrap();
            sessions[session] = w.session(&BATCH_OPEN, &format!("s{session}"));
        }
        Step::Pass { days } => w.clock.advance(days * DAY),
        Step::Collect { pieces } => {
            // Looking folds notes in and ends what is due: only the second look changes nothing.
            look(w, sessions, sent);
            let before = look(w, sessions, sent);
            collect(w, pieces);
            let after = look(w, sessions, sent);
            assert_eq!((&after.unread, &after.bells), (&before.unread, &before.bells));
            let old = w.clock.now() - 10 * DAY;
            for (id, (hop, cleared, receipts)) in &after.receipts {
                let (hop_before, cleared_before, all) = &before.receipts[id];
                let (stay, went): (Vec<_>, Vec<_>) = all
                    .iter()
                    .cloned()
                    .partition(|one| receipts.iter().any(|left| left.session == one.session));
                assert_eq!((hop, receipts), (hop_before, &stay), "{id}");
                assert_eq!(*cleared as usize, *cleared_before as usize + went.len(), "{id}");
                for one in went {
                    assert!(is_over(&one, old), "{one:?}");
                    assert!(
                        all.len() + *cleared_before as usize > 1
                            && one.steps.iter().all(|step| step.at < old)
                    );
                    let told = w.store.message_for(one.session, *id).unwrap_err();
                    assert!(matches!(told, StoreError::Collected(_)), "{told}");
                }
            }
            for (id, (_, _, receipts)) in
                before.receipts.iter().filter(|(id, _)| !after.receipts.contains_key(id))
            {
                let unread = |one: &Receipt| one.state.is_unread() && one.marked.is_none();
                assert!(!receipts.iter().any(unread), "{id}: {receipts:?}");
                assert!(
                    receipts.iter().all(|one| one.marked.is_none_or(|at| at < old)),
                    "{id}: {receipts:?}"
                );
                assert!(receipts.iter().flat_map(|one| &one.steps).all(|step| step.at < old), "{id}");
                let told = w.store.receipts(*id).unwrap_err();
                assert!(matches!(told, StoreError::Collected(_)), "{told}");
            }
            // Nothing that stays refers to something that went.
            for id in after.receipts.keys() {
                let message = w.store.message(*id).unwrap();
                assert!(message.in_reply_to.is_none_or(|parent| w.store.message(parent).is_ok()), "{id}");
                assert!(w.store.message(message.thread).is_ok(), "{id}");
            }
            assert!(w.store.unheard(false).unwrap().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn collection_changes_nothing_that_stays(steps in prop::collection::vec(step(), 1..60)) {
        let mut w = world();
        let mut sessions: Vec<Session> =
            (0..SESSIONS).map(|n| w.session(&BATCH_OPEN, &format!("s{n}"))).collect();
        let mut sent = Vec::new();
        for step in &steps {
            carry_out(&mut w, &mut sessions, &mut sent, step);
        }
        prop_assert_eq!(w.store.integrity().unwrap(), Vec::<String>::new());
    }
}

const HOME: &str = "COLLECT_TEST_HOME";
const THEN: i64 = 1_700_000_000_000;

/// Not a test of its own: the body of a process that collects until it is killed.
#[test]
fn worker() {
    let Ok(home) = std::env::var(HOME) else { return };
    let clock = Clock::fixed(THEN + 40 * DAY);
    let mut store = Store::open_with(&Home::at(home), Role::Cli, clock).unwrap();
    store.gc(30 * DAY, false).unwrap();
}

/// Threads of four, old and at their end; every tenth one has an unread message.
#[test]
fn a_killed_collection_leaves_whole_threads_and_the_next_one_goes_on() {
    const THREADS: usize = 600;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let clock = Clock::fixed(THEN);
    let mut w =
        World { dir, clock: clock.clone(), store: Store::open_with(&home, Role::Cli, clock).unwrap() };
    let (a, b) = (w.session(&BATCH_OPEN, "a"), w.session(&BATCH_OPEN, "b"));
    let mut threads = Vec::new();
    for n in 0..THREADS {
        let mut thread = vec![w.send(&a, &b, Kind::Note, &"body ".repeat(50))];
        for _ in 0..3 {
            let last = *thread.last().unwrap();
            let me = if thread.len() % 2 == 1 { &b } else { &a };
            thread.push(w.reply(me, last, &"answer ".repeat(50)));
        }
        // The last answer.
        if n % 10 != 0 {
            w.store.decline(b.id, *thread.last().unwrap(), None, Via::CommandLine).ok();
        }
        threads.push(thread);
    }
    let db = rusqlite::Connection::open(w.store.path()).unwrap();
    // The last reply is from `b` to `a`; what became of it is told by no notice here.
    db.execute_batch(
        "DELETE FROM step WHERE seq IN (SELECT seq FROM message WHERE kind = 'system');
         DELETE FROM delivery WHERE seq IN (SELECT seq FROM message WHERE kind = 'system');
         DELETE FROM message WHERE kind = 'system';
         UPDATE delivery SET state = 'seen' WHERE state = 'stored';",
    )
    .unwrap();
    for thread in threads.iter().step_by(10) {
        let sql = "UPDATE delivery SET state = 'stored', parked = 1 WHERE seq = (SELECT seq FROM message WHERE id = ?1)";
        db.execute(sql, [thread[3].to_string()]).unwrap();
    }
    drop(db);
    let whole = |store: &Store, thread: &Vec<MessageId>| {
        let there = thread.iter().filter(|id| store.message(**id).is_ok()).count();
        assert!(there == 0 || there == thread.len(), "a part of a thread is gone");
        there > 0
    };
    let (mut random, mut kills) = (0x9e37_79b9_u32, 0);
    let began = Instant::now();
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker", "--nocapture"])
            .env(HOME, home.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = w.store.since(None, 0, u32::MAX).unwrap().len();
        while child.try_wait().unwrap().is_none() && w.store.since(None, 0, u32::MAX).unwrap().len() == before
        {
            assert!(began.elapsed() < Duration::from_secs(60), "it never removes anything");
        }
        // It is at work: it dies somewhere in the next pieces.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_micros(u64::from(random >> 18)));
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        kills += u32::from(ended.is_none());
        let left = threads.iter().filter(|thread| whole(&w.store, thread)).count();
        assert!(left >= THREADS / 10, "unread mail is gone");
        let done = w.store.last_collection().unwrap().is_some_and(|last| last.ended.is_some());
        if done && left == THREADS / 10 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it never comes to its end: {left} threads left");
    }
    assert!(kills > 0, "nobody was killed");
    assert_eq!(w.store.integrity().unwrap(), Vec::<String>::new());
    assert!(w.store.unheard(false).unwrap().is_empty());
}
