//! Agents that answer each other stop by themselves; people and short chains are never stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use common::{BATCH_OPEN, World, continued, event, me, world};
use proptest::prelude::*;
use session_bridge_core::event::{HookEvent, Moment};
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Kind;
use session_bridge_core::nudge::Nudge;
use session_bridge_store::{Activity, Due, Filter, Live, Pull, Ringer, Session};

/// How an agent answers one message.
#[derive(Debug, Clone, Copy)]
struct Habit {
    /// By a reply, or by a new message.
    replies: bool,
    /// To the sender, or so many agents further on.
    to: usize,
    /// How many messages it writes.
    writes: usize,
    /// How long its model thinks, in seconds.
    thinks: i64,
    /// It looks something up before it answers: another event in which mail may come.
    uses_a_tool: bool,
}

struct Mail {
    id: MessageId,
    body: String,
    from: usize,
}

/// Some agents, their mail and the turns that they had.
struct Agents {
    w: World,
    all: Vec<Session>,
    habits: Vec<Habit>,
    mail: Vec<Mail>,
    turns: usize,
}

impl Agents {
    fn new(habits: &[Habit]) -> Self {
        let mut w = world();
        let names = ["ann", "ben", "cem", "dan", "eva"];
        let all: Vec<_> = names[..habits.len()].iter().map(|name| w.session(&BATCH_OPEN, name)).collect();
        for session in &all {
            w.note(session, Live { host: me(), activity: Activity::Idle, by_user: false, turn: None });
        }
        Self { w, all, habits: habits.to_vec(), mail: Vec::new(), turns: 0 }
    }

    fn send(&mut self, from: usize, to: usize, parent: Option<MessageId>) -> MessageId {
        let body = format!("<{}>", self.mail.len());
        let (sender, recipient) = (self.all[from].clone(), self.all[to].clone());
        let id = match parent {
            Some(parent) => self.w.reply(&sender, parent, &body),
            None => self.w.send(&sender, &recipient, Kind::Note, &body),
        };
        self.mail.push(Mail { id, body, from });
        id
    }

    /// What the next door of this agent carries.
    fn nudge(&mut self, me: usize) -> Nudge {
        let ringer = Ringer { door: "d", host: None, queues: false };
        loop {
            if let Due::Now(ring) = self.w.store.wake_due(self.all[me].id, ringer).unwrap() {
                return ring.nudge;
            }
            self.w.clock.advance(100);
        }
    }

    fn hop(&self, id: MessageId) -> u32 {
        self.w.store.message(id).unwrap().hop
    }

    /// Answers every message that stands in a text, as is this agent's habit.
    fn answer(&mut self, me: usize, text: &str) {
        let habit = self.habits[me];
        let shown: Vec<_> = self
            .mail
            .iter()
            .filter(|mail| mail.from != me && text.contains(&mail.body))
            .map(|mail| (mail.id, mail.from))
            .collect();
        for (id, from) in shown {
            self.w.clock.advance(habit.thinks * 1000);
            for _ in 0..habit.writes {
                let other = (from + habit.to) % self.all.len();
                let to = if other == me { from } else { other };
                self.send(me, to, habit.replies.then_some(id));
            }
        }
    }

    /// One turn: a prompt, perhaps a tool, and ends until no hook makes it go on.
    fn turn(&mut self, me: usize, nudge: Option<Nudge>, work: impl FnOnce(&mut Self)) {
        self.turns += 1;
        let (turn, session) = (format!("turn-{}", self.turns), self.all[me].clone());
        let prompt = HookEvent { nudge, ..event(Moment::PromptSubmit, Some(&turn), &[]) };
        let text = self.w.live_hook(&BATCH_OPEN, &session, &prompt).text;
        work(self);
        self.answer(me, &text);
        if self.habits[me].uses_a_tool {
            let call = format!("call-{}", self.turns);
            let after = event(Moment::AfterTool, Some(&turn), &[&call]);
            let text = self.w.live_hook(&BATCH_OPEN, &session, &after).text;
            self.answer(me, &text);
        }
        let mut end = event(Moment::TurnEnd, Some(&turn), &[]);
        let mut said = Vec::new();
        for n in 0..10 {
            said.push(format!("said {n}"));
            let text = self.w.live_hook(&BATCH_OPEN, &session, &end).text;
            if text.is_empty() {
                return;
            }
            self.answer(me, &text);
            end = continued(&turn, said.last().unwrap().clone().leak());
        }
        panic!("the turn has no end");
    }

    /// What its doors do for the sessions, until nobody is woken for ten minutes.
    fn run(&mut self) {
        for _ in 0..2_000 {
            let mut next = None;
            for me in 0..self.all.len() {
                let ringer = Ringer { door: "bell-pull", host: None, queues: false };
                match self.w.store.wake_due(self.all[me].id, ringer).unwrap() {
                    Due::Now(ring) => {
                        self.turn(me, Some(ring.nudge), |_| ());
                        next = Some(0);
                        break;
                    }
                    Due::At(at) => next = Some(next.map_or(at, |next: i64| next.min(at))),
                    Due::Nothing => {}
                }
            }
            match next {
                Some(0) => {}
                Some(at) => self.w.clock.advance((at - self.w.clock.now()).max(0)),
                None => return,
            }
        }
        panic!("{} turns, {} messages, and no end", self.turns, self.mail.len());
    }
}

fn habit(longest: i64) -> impl Strategy<Value = Habit> {
    (any::<bool>(), 0..5usize, 1..=2usize, 0..longest, any::<bool>()).prop_map(
        |(replies, to, writes, thinks, uses_a_tool)| Habit { replies, to, writes, thinks, uses_a_tool },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn polite_agents_stop_by_themselves(
        habits in prop_oneof![
            prop::collection::vec(habit(400), 2..=2),
            prop::collection::vec(habit(400), 3..=3),
            prop::collection::vec(habit(400), 5..=5),
        ],
    ) {
        let writes = habits.iter().filter(|habit| habit.writes > 1).count();
        // Of many agents that double each message, one is enough to see.
        let habits: Vec<_> = habits.iter().map(|h| if writes > 1 { Habit { writes: 1, ..*h } } else { *h }).collect();
        let mut agents = Agents::new(&habits);
        agents.turn(0, None, |agents| { agents.send(0, 1, None); });
        agents.run();
        let last = agents.mail.iter().map(|mail| agents.hop(mail.id)).max().unwrap();
        prop_assert_eq!(last, 6, "six hops, and no further");
        for mail in &agents.mail {
            let (id, hop) = (mail.id, agents.w.store.message(mail.id).unwrap().hop);
            let receipt = agents.w.store.receipts(id).unwrap().remove(0);
            if hop >= 6 && receipt.state.is_unread() {
                let remark = receipt.remark.unwrap_or_default();
                prop_assert!(remark.contains("without a person (limits.hops)"), "{}", remark);
            }
        }
    }
}

const PLAIN: Habit = Habit { replies: false, to: 0, writes: 0, thinks: 0, uses_a_tool: false };

/// Hands work from one agent to the next, each in the turn that the mail before began.
fn hand_on(agents: &mut Agents, chain: &[usize]) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for (n, pair) in chain.windows(2).enumerate() {
        let mut sent = None;
        let nudge = (n > 0).then(|| {
            let id = agents.all[pair[0]].id;
            loop {
                match agents.w.store.wake_due(id, Ringer { door: "d", host: None, queues: false }).unwrap() {
                    Due::Now(ring) => break ring.nudge,
                    Due::At(at) => agents.w.clock.advance(at - agents.w.clock.now()),
                    Due::Nothing => panic!("hand-over {n} of {chain:?} was stopped"),
                }
            }
        });
        agents.turn(pair[0], nudge, |agents| sent = Some(agents.send(pair[0], pair[1], None)));
        ids.push(sent.unwrap());
    }
    ids
}

#[test]
fn honest_work_is_never_stopped() {
    let mut agents = Agents::new(&[PLAIN; 3]);
    // Planner, implementer, reviewer, and back, begun by a person each time.
    for _ in 0..20 {
        let ids = hand_on(&mut agents, &[0, 1, 2, 0, 1, 2]);
        let hops: Vec<_> = ids.iter().map(|id| agents.hop(*id)).collect();
        assert_eq!(hops, [0, 1, 2, 3, 4]);
        agents.run();
    }
    assert!(agents.mail.iter().all(|mail| agents.w.store.message(mail.id).unwrap().hop < 6));
}

#[test]
fn a_person_begins_anew_also_where_no_hook_reads_the_store() {
    let mut agents = Agents::new(&[PLAIN; 2]);
    let ids = hand_on(&mut agents, &[0, 1, 0, 1, 0]);
    assert_eq!(agents.hop(*ids.last().unwrap()), 3);
    agents.run();
    // The fast path: the sign of life is all that this prompt leaves.
    let (ann, ben) = (agents.all[0].clone(), agents.all[1].clone());
    let folder = agents.w.store.run().session(ann.id);
    let prompt = event(Moment::PromptSubmit, Some("by-hand"), &[]);
    assert!(folder.touch_live(me(), |live| Live::after(&prompt, me(), Some(live))));
    let id = agents.send(0, 1, None);
    assert_eq!(agents.hop(id), 0);
    let answer = agents.send(0, 1, Some(ids[3]));
    assert_eq!(agents.hop(answer), 0, "its user asked for it");
    // What comes into that turn continues its chain.
    let id = agents.w.send(&ben, &ann, Kind::Note, "from ben");
    let hop = agents.hop(id);
    agents.w.live_hook(&BATCH_OPEN, &ann, &event(Moment::AfterTool, Some("by-hand"), &["c"]));
    let id = agents.send(0, 1, None);
    assert_eq!(agents.hop(id), hop + 1);
}

#[test]
fn a_prompt_of_the_hosts_own_continues_what_was() {
    let mut agents = Agents::new(&[PLAIN; 2]);
    hand_on(&mut agents, &[0, 1, 0]);
    let ann = agents.all[0].clone();
    agents.run();
    let told = HookEvent { by_host: true, ..event(Moment::PromptSubmit, Some("told"), &[]) };
    agents.w.live_hook(&BATCH_OPEN, &ann, &told);
    let id = agents.send(0, 1, None);
    assert_eq!(agents.hop(id), 2, "a task of the last turn ended");
}

#[test]
fn quiet_ends_a_chain_and_a_turn_under_way_is_not_quiet() {
    let mut agents = Agents::new(&[PLAIN; 2]);
    let ids = hand_on(&mut agents, &[0, 1, 0, 1]);
    assert_eq!(agents.hop(ids[2]), 2);
    let ben = agents.all[1].clone();
    // The model takes its time: the chain goes on, however long that is.
    let nudge = agents.nudge(1);
    let prompt = HookEvent { nudge: Some(nudge), ..event(Moment::PromptSubmit, Some("slow"), &[]) };
    agents.w.live_hook(&BATCH_OPEN, &ben, &prompt);
    agents.w.clock.advance(3_600_000);
    let id = agents.send(1, 0, None);
    assert_eq!(agents.hop(id), 3);
    agents.w.live_hook(&BATCH_OPEN, &ben, &event(Moment::TurnEnd, Some("slow"), &[]));
    agents.w.clock.advance(44_000);
    let id = agents.send(1, 0, None);
    assert_eq!(agents.hop(id), 3, "a call from somewhere, too early");
    agents.w.clock.advance(1_001);
    let id = agents.send(1, 0, None);
    assert_eq!(agents.hop(id), 0, "45 s without anything");
}

#[test]
fn a_reply_to_an_old_thread_counts_it_only_while_the_thread_goes_on() {
    let mut agents = Agents::new(&[PLAIN; 3]);
    let ids = hand_on(&mut agents, &[0, 1, 0, 1, 0, 1]);
    let (ann, ben, cem) = (agents.all[0].clone(), agents.all[1].clone(), agents.all[2].clone());
    agents.run();
    assert_eq!(agents.hop(ids[4]), 4);
    // A turn of another chain, in which ben answers that old message.
    let other = agents.w.send(&cem, &ben, Kind::Note, "other");
    assert_eq!(agents.hop(other), 0);
    let nudge = agents.nudge(1);
    let prompt = HookEvent { nudge: Some(nudge), ..event(Moment::PromptSubmit, Some("t"), &[]) };
    agents.w.live_hook(&BATCH_OPEN, &ben, &prompt);
    let reply = agents.send(1, 0, Some(ids[4]));
    assert_eq!(agents.hop(reply), 5, "the thread is not quiet yet");
    agents.w.clock.advance(46_000);
    let busy = agents.w.store.run().session(ann.id).live().unwrap();
    agents.w.note(&ann, Live { activity: Activity::Busy, ..busy });
    let reply = agents.send(1, 0, Some(ids[4]));
    assert_eq!(agents.hop(reply), 5, "a session of the thread is in a turn");
    agents.w.clock.advance(46_000);
    agents.w.note(&ann, Live { activity: Activity::Idle, ..busy });
    let reply = agents.send(1, 0, Some(ids[4]));
    assert_eq!(agents.hop(reply), 1, "only the present turn counts");
}

#[test]
fn a_question_and_the_answer_that_a_wait_returns_are_one_hop() {
    let mut agents = Agents::new(&[PLAIN; 2]);
    let (ann, ben) = (agents.all[0].clone(), agents.all[1].clone());
    agents.w.live_hook(&BATCH_OPEN, &ann, &event(Moment::PromptSubmit, Some("t"), &[]));
    let mut hops = Vec::new();
    for n in 0..8 {
        let question = agents.send(0, 1, None);
        hops.push(agents.hop(question));
        let turn = format!("answer-{n}");
        let nudge = Nudge { wake: "AAAAAA".parse().unwrap(), count: 1 };
        let prompt = HookEvent { nudge: Some(nudge), ..event(Moment::PromptSubmit, Some(&turn), &[]) };
        agents.w.live_hook(&BATCH_OPEN, &ben, &prompt);
        agents.send(1, 0, Some(question));
        agents.w.live_hook(&BATCH_OPEN, &ben, &event(Moment::TurnEnd, Some(&turn), &[]));
        let filter = Filter { reply_to: Some(question), ..Filter::default() };
        let pulled = agents.w.store.pull(ann.id, Pull::Next(&filter, None), Some("c"), "s").unwrap();
        agents.w.store.pull_written(pulled.attempt.unwrap()).unwrap();
    }
    assert_eq!(hops, [0, 1, 2, 3, 4, 5, 6, 7]);
}
