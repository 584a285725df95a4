//! Clocks that somebody sets by hours while messages are on their way: nothing is lost or said twice, and nothing expires early.
//!
//! The programs read the system's clock, and no program can set that for one home alone, so the store is driven with a clock of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::collections::BTreeMap;

use session_bridge_chaos::random::Random;
use session_bridge_core::event::{HookCall, HookEvent};
use session_bridge_core::home::Home;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::process;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Arrival, Author, Clock, Draft, Note, Role, Session, State, Store, View, Wanted};

const HOUR: i64 = 3_600_000;
/// How long a message with a lifetime may wait.
const LIFETIME: i64 = 10 * 60_000;

struct Sent {
    body: String,
    /// Time that had really passed when it was sent, if it may expire.
    lives_from: Option<i64>,
}

struct World {
    store: Store,
    clock: Clock,
    reader: Session,
    /// Time that really passed.
    passed: i64,
    sent: BTreeMap<MessageId, Sent>,
    /// Everything that hooks put out whole.
    shown: String,
}

impl World {
    fn new(dir: &std::path::Path) -> Self {
        let clock = Clock::fixed(1_700_000_000_000);
        let mut store = Store::open_with(&Home::at(dir), Role::Cli, clock.clone()).unwrap();
        let card = provider().card();
        let arrival = Arrival {
            provider: card.id.as_str(),
            short: card.short,
            native: "n",
            host: Some(process::look(std::process::id()).unwrap().key),
            one_per_process: false,
            cwd: None,
            start: None,
            claimed: None,
            wanted: Wanted::default(),
        };
        let reader = store.arrive(&arrival).unwrap();
        Self { store, clock, reader, passed: 0, sent: BTreeMap::new(), shown: String::new() }
    }

    fn send(&mut self, number: usize, lifetime: bool) {
        let body = format!("body {number} ends");
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "u".into(), as_session: None },
            room: "default",
            to: "x",
            kind: Kind::Note,
            subject: None,
            body: &body,
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: lifetime.then_some(LIFETIME),
        };
        let id = self.store.send(&draft, &[self.reader.id]).unwrap().id;
        self.sent.insert(id, Sent { body, lives_from: lifetime.then_some(self.passed) });
    }

    /// A hook that ends well, or dies before or after it spoke.
    fn hear(&mut self, event: &str, payload: &str, fate: usize) {
        let call = HookCall { event, stdin: payload.as_bytes() };
        let event: HookEvent<'_> = provider().decode(&call).unwrap();
        let folder = self.store.run().session(self.reader.id);
        let lease = folder.try_lease().unwrap().unwrap();
        let session = self.store.session(self.reader.id).unwrap();
        let outcome = self.store.hear(&session, &event, provider().card(), &lease).unwrap();
        let Some(attempt) = outcome.attempt.filter(|_| fate > 0) else { return };
        self.shown.push_str(&outcome.text);
        let note = if fate == 1 { Note::Writing(attempt) } else { Note::Written { attempt, in_time: true } };
        folder.set_note(note, &lease).unwrap();
    }

    fn turn(&mut self, number: usize, random: &mut Random, deadly: bool) {
        for name in ["UserPromptSubmit", "Stop"] {
            let payload = format!(
                r#"{{"session_id":"n","cwd":"/s","hook_event_name":"{name}","prompt_id":"p{number}","turn_id":"p{number}"}}"#
            );
            let fate = if deadly { random.below(6) } else { 5 };
            self.hear(name, &payload, fate);
        }
    }
}

/// The first of the registry. Its card is data, as every other.
fn provider() -> &'static dyn Provider {
    PROVIDERS[0]
}

#[test]
fn clocks_that_jump_lose_nothing_and_end_nothing_early() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(dir.path());
    let mut random = Random::new(1, 500);
    for number in 0..150 {
        match random.below(8) {
            0 => world.clock.set_by(HOUR * (1 + i64::try_from(random.below(12)).unwrap())),
            1 => world.clock.set_by(-HOUR * (1 + i64::try_from(random.below(12)).unwrap())),
            2 => {
                let by = i64::try_from(random.below(120_000)).unwrap();
                world.clock.advance(by);
                world.passed += by;
            }
            3 | 4 => world.turn(number, &mut random, true),
            _ => world.send(number, random.one_in(3)),
        }
        assert_eq!(world.store.unheard(false).unwrap(), [], "mail without a bell at step {number}");
        for entry in world.store.inbox(world.reader.id, View::All, u32::MAX).unwrap() {
            let sent = &world.sent[&entry.message.id];
            let lived = sent.lives_from.map(|from| world.passed - from);
            let early = entry.state == State::Expired && lived.is_none_or(|lived| lived < LIFETIME);
            assert!(!early, "{} ended after {lived:?} ms", sent.body);
        }
    }
    for number in 150..170 {
        world.turn(number, &mut random, false);
    }
    assert!(!world.store.run().session(world.reader.id).bell_stands());
    let unread = world.store.inbox(world.reader.id, View::Unread, u32::MAX).unwrap();
    let (mut expired, mut shown) = (0, 0);
    for (id, sent) in &world.sent {
        let times = world.shown.matches(&sent.body).count();
        assert!(times <= 1, "{} was shown {times} times", sent.body);
        shown += times;
        let ended = world.store.receipts(*id).unwrap()[0].state == State::Expired;
        expired += usize::from(ended);
        let waits = unread.iter().any(|entry| entry.message.id == *id);
        assert!(times == 1 || ended || waits, "{} is lost", sent.body);
    }
    assert!(
        world.sent.len() > 40 && shown > 15,
        "{} sent, {shown} shown, {expired} expired",
        world.sent.len()
    );
}
