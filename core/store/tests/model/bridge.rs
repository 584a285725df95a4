//! The store under test, driven step by step as hooks, servers, doors and people drive it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use session_bridge_core::address::{parse, resolve};
use session_bridge_core::home::Home;
use session_bridge_core::id::{AttemptId, MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency, Via};
use session_bridge_core::nudge::Nudge;
use session_bridge_store::{
    Author, ClaimId, Clock, Draft, Due, Filter, LifeLock, Pause, Pull, Ringer, Role, RuleKind, RunFolder,
    Store, StoreError,
};

use crate::common::World;
use crate::hosts::Hosts;
use crate::spec::{A, Door, Letter, Model, Refusal, Rule, S, Size, Wish, Word};
use crate::steps::{Done, Opener, To};

/// Longest text of the two cards: no run gathers so many short bodies.
pub const MAX_BYTES: usize = 40_000;

/// One run at a time: a process that is being started holds, for a moment, the locks of all others.
static ALONE: Mutex<()> = Mutex::new(());

pub struct Bridge {
    pub world: World,
    pub hosts: Hosts,
    pub ids: Vec<SessionId>,
    pub messages: Vec<MessageId>,
    pub attempts: HashMap<A, AttemptId>,
    claims: Vec<ClaimId>,
    /// What waits have taken, until it is known what became of their results.
    took: HashMap<AttemptId, (S, MessageId)>,
    servers: BTreeMap<S, LifeLock>,
    pub nudges: HashMap<u32, Nudge>,
    seen: BTreeMap<S, i64>,
    newest: i64,
    /// Bodies that went out on a surface of the bridge's own accord, as far as they may have arrived (D1).
    pub shown: BTreeSet<(S, MessageId)>,
    _alone: MutexGuard<'static, ()>,
}

impl Bridge {
    pub fn new() -> Self {
        Self {
            world: world(),
            hosts: Hosts::default(),
            ids: Vec::new(),
            messages: Vec::new(),
            attempts: HashMap::new(),
            claims: Vec::new(),
            took: HashMap::new(),
            servers: BTreeMap::new(),
            nudges: HashMap::new(),
            seen: BTreeMap::new(),
            newest: 0,
            shown: BTreeSet::new(),
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub fn store(&mut self) -> &mut Store {
        &mut self.world.store
    }

    pub fn folder(&self, s: S) -> RunFolder {
        self.world.store.run().session(self.ids[s])
    }

    fn now(&self) -> i64 {
        self.world.clock.now()
    }

    /// The model's clock begins at zero.
    fn at(&self, model: &Model, at: i64) -> i64 {
        self.now() - model.now + at
    }

    /// A sign of life was given; its time is the file's.
    pub fn stamp(&mut self, s: S) {
        self.seen.insert(s, self.now());
        self.keep_stamp(s);
    }

    /// The machine's clock is not the test's.
    pub fn keep_stamp(&self, s: S) {
        let Some(seen) = self.seen.get(&s) else { return };
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(seen.unsigned_abs());
        let live = self.folder(s).path().join("live");
        std::fs::File::options().write(true).open(live).unwrap().set_modified(at).unwrap();
    }

    /// Carries a step out and compares what comes of it at once.
    pub fn carry_out(&mut self, done: &Done, model: &Model) {
        match done {
            Done::Nothing => {}
            Done::Hook { who, event, fate, spoke } => {
                let outcome = self.hook(*who, event, *fate, model);
                self.note_new_messages(model);
                self.compare_text(*who, event, *fate, spoke, outcome.as_ref());
            }
            Done::Died(process) => self.hosts.kill(*process),
            Done::Reaped => self.store().reap().unwrap(),
            Done::Sent { .. } | Done::Replied { .. } => self.post(done, model),
            Done::Marked { who, which, end } => {
                let (s, m) = (self.ids[*who], self.messages[*which]);
                let got = self.store().mark_read(s, &[m]).map(|_| ());
                assert_eq!(refusal(got), *end, "mark read");
            }
            Done::Declined { who, which, person, end } => {
                let (s, m) = (self.ids[*who], self.messages[*which]);
                let via = if *person { Via::CommandLine } else { Via::Session };
                let got = self.store().decline(s, m, None, via);
                assert_eq!(refusal(got), *end, "decline");
            }
            Done::Cancelled { which, end } => {
                let m = self.messages[*which];
                let got = self.store().cancel(m).map(|_| ());
                assert_eq!(refusal(got), *end, "cancel");
            }
            Done::Read { .. }
            | Done::Waited { .. }
            | Done::Took { .. }
            | Done::GaveUp(_)
            | Done::PullEnded { .. }
            | Done::ServerDied(_) => self.call(done, model),
            Done::Paused(who) => {
                let home = self.world.store.home().clone();
                assert!(Pause::Session(self.ids[*who]).set(&home).unwrap());
            }
            Done::Unpaused(who) => {
                let pause = Pause::Session(self.ids[*who]);
                let home = self.world.store.home().clone();
                assert!(pause.lift(&home).unwrap());
                self.store().ring_after(&pause).unwrap();
            }
            Done::Ruled(Rule { block, peer, reader }) => {
                let (peer, reader) = (self.ids[*peer], reader.map(|s| self.ids[s]));
                assert!(self.store().set_rule(kind(*block), peer, reader).unwrap());
            }
            Done::Lifted(Rule { block, peer, reader }) => {
                let (peer, reader) = (self.ids[*peer], reader.map(|s| self.ids[s]));
                assert!(self.store().lift_rule(kind(*block), peer, reader).unwrap().0);
            }
            Done::Passed(ms) => self.world.clock.advance(*ms),
            Done::Rung { who, queue, taken, door } => self.ring(*who, *queue, *taken, *door, model),
            Done::TookOverdue(who) => {
                let want: BTreeSet<SessionId> = who.iter().map(|s| self.ids[*s]).collect();
                let got = self.store().take_overdue_wakes(&["batch", "single"]).unwrap();
                assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), want, "overdue wakes");
            }
            Done::Opened(opener) => {
                let role = match opener {
                    Opener::Hook => Role::Hook,
                    Opener::Server => Role::Server,
                    Opener::CommandLine => Role::Cli,
                };
                let home = self.world.store.home().clone();
                self.world.store = Store::open_with(&home, role, self.world.clock.clone()).unwrap();
            }
        }
        self.note_new_messages(model);
    }

    /// Notices come in the model's order, and no more of them than it has.
    pub fn note_new_messages(&mut self, model: &Model) {
        for message in self.world.store.since(None, self.newest, 1_000).unwrap() {
            let m = self.messages.len();
            let Some(want) = model.messages.get(m) else { panic!("nobody should be told: {message:?}") };
            assert_eq!(message.sender, want.from.map(|s| self.ids[s]), "who sent {m}");
            assert_eq!(message.hop, want.hop, "the hop of {m}");
            assert_eq!(message.expires, want.expires.map(|at| self.at(model, at)), "the deadline of {m}");
            if let Some(about) = want.about {
                let about = self.messages[about].to_string();
                assert!(message.body.contains(&about), "{} is not of {about}", message.body);
            }
            self.messages.push(message.id);
            self.newest = message.seq;
        }
    }

    pub fn goes_out(&mut self, s: S, id: MessageId) {
        assert!(self.shown.insert((s, id)), "{id} went out twice");
    }

    fn post(&mut self, done: &Done, model: &Model) {
        let (author, to, how, word, size, parent, lifetime_ms, end) = match done {
            Done::Sent { letter: Letter { from, to, word, size, lifetime, .. }, how, end } => {
                let author = Author::Session(self.ids[*from]);
                (author, self.recipients(*from, to, *how), *how, *word, *size, None, *lifetime, end)
            }
            Done::Replied { who, parent, person, end } => {
                let id = self.ids[*who];
                let author = match person {
                    false => Author::Session(id),
                    true => Author::CommandLine { name: "me".to_owned(), as_session: Some(id) },
                };
                let to = model.messages[*parent].from.map(|s| self.ids[s]).into_iter().collect();
                (author, to, To::Id(0), Word::Answer, Size::Short, Some(*parent), None, end)
            }
            _ => unreachable!("only messages are sent"),
        };
        let body = match size {
            Size::Short => "short".to_owned(),
            Size::Huge => "x".repeat(MAX_BYTES),
        };
        let everyone = matches!(how, To::Everyone | To::EveryoneUrgently);
        let draft = Draft {
            id: MessageId::generate(),
            author,
            room: "default",
            to: if everyone { "*" } else { "somebody" },
            kind: kind_of(word),
            subject: None,
            body: &body,
            in_reply_to: parent.map(|m| self.messages[m]),
            urgency: if how == To::EveryoneUrgently { Urgency::High } else { Urgency::Normal },
            lifetime_ms,
        };
        let got = self.store().send(&draft, &to);
        assert_eq!(refusal(got.map(|_| ())), end.map(|_| ()), "sending");
        self.note_new_messages(model);
        if let Ok(m) = end {
            assert_eq!(self.messages[*m], draft.id, "the order of sending");
        }
    }

    /// Whom an address leads to, by the one resolver.
    fn recipients(&mut self, from: S, to: &[S], how: To) -> Vec<SessionId> {
        let room = self.store().candidates("default").unwrap();
        let want: BTreeSet<SessionId> = to.iter().map(|s| self.ids[*s]).collect();
        let address = match how {
            To::Label(_) => self.world.store.session(self.ids[to[0]]).unwrap().label,
            To::Id(_) => self.ids[to[0]].to_string(),
            To::Everyone | To::EveryoneUrgently => "*".to_owned(),
        };
        let found = resolve(&parse(&address).unwrap(), &room, Some(self.ids[from]), false).unwrap();
        assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), want, "who is `{address}`");
        // The model's order, which is that of its deliveries.
        to.iter().map(|s| self.ids[*s]).collect()
    }

    fn server(&mut self, s: S, model: &Model) -> String {
        let name = format!("s{}", model.sessions[s].server.expect("it runs"));
        if !self.servers.contains_key(&s) {
            let life = self.folder(s).hold_life(&name).unwrap();
            self.servers.insert(s, life);
        }
        name
    }

    fn call(&mut self, done: &Done, model: &Model) {
        match done {
            Done::Read { who, which, call, attempt, late } => {
                let server = self.server(*who, model);
                let (s, m) = (self.ids[*who], self.messages[*which]);
                let call = format!("c{call}");
                let got = self.store().pull(s, Pull::Read(&[m]), Some(&call), &server).unwrap();
                assert_eq!(got.messages.iter().map(|m| m.id).collect::<Vec<_>>(), [m]);
                self.note_pull(*attempt, got.attempt);
                assert_eq!(got.late, if *late { vec![m] } else { vec![] }, "late");
                self.keep_stamp(*who);
            }
            Done::Waited { who, wish, claim, for_ms } => {
                let server = self.server(*who, model);
                let (s, filter) = (self.ids[*who], self.filter(*wish));
                let got = self.store().claim(s, &server, &filter, *for_ms).unwrap();
                assert_eq!(self.claims.len(), *claim);
                self.claims.push(got);
            }
            Done::Took { claim, call, found } => {
                let (who, wish) = (model.claims[*claim].session, model.claims[*claim].wish);
                let (server, filter) = (self.server(who, model), self.filter(wish));
                let (s, mine, call) = (self.ids[who], self.claims[*claim].clone(), format!("c{call}"));
                let next = Pull::Next(&filter, Some(&mine));
                let got = self.store().pull(s, next, Some(&call), &server).unwrap();
                self.note_new_messages(model);
                self.took.extend(got.attempt.zip(got.messages.first()).map(|(a, m)| (a, (who, m.id))));
                let want: Vec<_> = found.iter().map(|(m, ..)| self.messages[*m]).collect();
                assert_eq!(
                    got.messages.iter().map(|m| m.id).collect::<Vec<_>>(),
                    want,
                    "a wait for {wish:?}"
                );
                if let Some((m, attempt, late)) = *found {
                    self.note_pull(attempt, got.attempt);
                    assert_eq!(got.late.contains(&self.messages[m]), late, "late");
                }
                self.keep_stamp(who);
            }
            Done::GaveUp(claim) => {
                let claim = self.claims[*claim].clone();
                self.store().release(&claim).unwrap();
            }
            Done::PullEnded { attempt, written } => {
                let id = self.attempts[attempt];
                let store = self.store();
                if *written { store.pull_written(id) } else { store.pull_void(id) }.unwrap();
                if let (Some((s, m)), true) = (self.took.remove(&id), *written) {
                    self.goes_out(s, m);
                }
            }
            Done::ServerDied(who) => drop(self.servers.remove(who)),
            _ => unreachable!("no call of a tool"),
        }
    }

    fn note_pull(&mut self, ours: Option<A>, theirs: Option<AttemptId>) {
        assert_eq!(ours.is_some(), theirs.is_some(), "whether the body counts as going out");
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            self.attempts.insert(ours, theirs);
        }
    }

    fn filter(&self, wish: Wish) -> Filter {
        match wish {
            Wish::Anything => Filter::default(),
            Wish::From(s) => Filter { sender: Some(self.ids[s]), ..Filter::default() },
            Wish::Questions => Filter { kind: Some(Kind::Question), ..Filter::default() },
            Wish::AnswerTo(m) => Filter { reply_to: Some(self.messages[m]), ..Filter::default() },
        }
    }

    fn ring(&mut self, s: S, queue: bool, taken: bool, door: Door, model: &Model) {
        let id = self.ids[s];
        let ringer = Ringer { door: "a-door", host: None, queues: queue };
        match (self.store().wake_due(id, ringer).unwrap(), door) {
            (Due::Nothing, Door::Nothing) => {}
            (Due::At(got), Door::At(want)) => assert_eq!(got, self.at(model, want), "when to look again"),
            (Due::Now(ring), Door::Now { wake, count }) => {
                assert_eq!(ring.nudge.count, count, "how many wait");
                let known = self.nudges.entry(wake).or_insert_with(|| ring.nudge.clone());
                assert_eq!(known.wake, ring.nudge.wake, "one wake is open (B6)");
                if taken {
                    self.store().nudged(id, &ring, "a-door").unwrap();
                }
            }
            (got, want) => panic!("the door says {got:?}, the rules {want:?}"),
        }
    }
}

/// A world in memory where there is such a folder: nothing here is about what a disk keeps.
fn world() -> World {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = tempfile::tempdir_in(folder).unwrap();
    let clock = Clock::fixed(1_700_000_000_000);
    let store = Store::open_with(&Home::at(dir.path()), Role::Server, clock.clone()).unwrap();
    World { dir, clock, store }
}

fn kind_of(word: Word) -> Kind {
    match word {
        Word::Note => Kind::Note,
        Word::Question => Kind::Question,
        Word::Answer => Kind::Answer,
        Word::Status => Kind::Status,
        Word::System => Kind::System,
    }
}

fn kind(block: bool) -> RuleKind {
    if block { RuleKind::Block } else { RuleKind::Mute }
}

fn refusal(end: Result<(), StoreError>) -> Result<(), Refusal> {
    end.map_err(|error| match error {
        StoreError::Blocked(_) => Refusal::Blocked,
        StoreError::Closed(..) => Refusal::Closed,
        StoreError::NotShown(_) => Refusal::NotShown,
        StoreError::UnderWay(_) => Refusal::UnderWay,
        StoreError::AlreadyOut(_) => Refusal::AlreadyOut,
        other => panic!("{other}"),
    })
}
