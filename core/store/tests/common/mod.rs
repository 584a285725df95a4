//! A store in a temporary home, two providers' cards, and hosts that are plain function calls.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test file uses its part"
)]

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, ProviderId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::process::{self, ProcessKey};
use session_bridge_core::provider::{By, Card, HookSpec, Identity, Inject, Proof};
use session_bridge_store::{
    Activity, Arrival, Author, Clock, Collected, Draft, Live, Note, Outcome, Role, Session, State, Store,
    StoreError, Wanted,
};

const EVENTS: &[HookSpec] = &[];

const fn card(id: &'static str, seen: &'static [By]) -> Card {
    Card {
        id: ProviderId::new(id),
        name: id,
        short: id,
        binaries: &[],
        marks: &[],
        packages: &[],
        mcp_clients: &[],
        mcp_call_id: &[],
        identity: Identity { hook: &[], mcp: &[] },
        hooks: EVENTS,
        inject: INJECT,
        wake: &[],
        pull: Proof { injected: &[By::AfterToolOfCall], seen },
        servers_outlive_window: false,
        human_steps: &[],
        verified: &[],
        not_run: None,
    }
}

const PROMPT: Proof = Proof { injected: &[By::AfterTool, By::TurnEnd], seen: &[By::AfterTool, By::TurnEnd] };
const INJECT: &[Inject] = &[
    Inject {
        moment: Moment::SessionStart,
        max_bytes: 4000,
        bodies: false,
        proof: Proof::NONE,
        comes_back: false,
    },
    Inject { moment: Moment::PromptSubmit, max_bytes: 4000, bodies: true, proof: PROMPT, comes_back: false },
];

/// A host whose tool events close a whole batch.
pub const BATCH: Card = card("batch", &[By::AfterTool, By::TurnEnd]);
/// A host whose tool events come one by one, siblings in parallel.
pub const SINGLE: Card = card("single", &[By::TurnEnd]);

/// [`BATCH`], which also takes text after tools and at a turn's end.
pub const BATCH_OPEN: Card = Card {
    inject: &[INJECT[0], INJECT[1], after_tool(PROMPT), turn_end(&[By::AfterTool, By::ContinuedTurnEnd])],
    ..BATCH
};
/// [`SINGLE`], which also takes text after tools and at a turn's end.
pub const SINGLE_OPEN: Card = Card {
    inject: &[
        INJECT[0],
        INJECT[1],
        after_tool(Proof { injected: &[By::TurnEnd], seen: &[By::TurnEnd] }),
        turn_end(&[By::ContinuedTurnEnd]),
    ],
    ..SINGLE
};

const fn after_tool(proof: Proof) -> Inject {
    Inject { moment: Moment::AfterTool, max_bytes: 4000, bodies: true, proof, comes_back: false }
}

const fn turn_end(by: &'static [By]) -> Inject {
    let proof = Proof { injected: by, seen: by };
    Inject { moment: Moment::TurnEnd, max_bytes: 4000, bodies: true, proof, comes_back: false }
}

pub const DAY: i64 = 86_400_000;
pub const MONTH: i64 = 30 * DAY;

pub struct World {
    pub dir: tempfile::TempDir,
    pub clock: Clock,
    pub store: Store,
}

pub fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(1_700_000_000_000);
    let store = Store::open_with(&Home::at(dir.path()), Role::Cli, clock.clone()).unwrap();
    World { dir, clock, store }
}

pub fn me() -> ProcessKey {
    process::look(std::process::id()).unwrap().key
}

pub fn arrival<'a>(card: &Card, native: &'a str, start: Option<Start>) -> Arrival<'a> {
    Arrival {
        provider: card.id.as_str(),
        short: card.short,
        native,
        host: Some(me()),
        one_per_process: false,
        cwd: Some(Path::new("/src/shop")),
        start,
        claimed: None,
        wanted: Wanted::default(),
    }
}

pub fn event<'a>(moment: Moment, turn: Option<&'a str>, calls: &[&'a str]) -> HookEvent<'a> {
    HookEvent {
        turn: turn.map(Into::into),
        tool_calls: calls.iter().map(|c| (*c).into()).collect(),
        ..HookEvent::of(moment, moment.as_str().into(), "n".into())
    }
}

/// A note of a session's.
pub fn draft(from: SessionId, body: &str) -> Draft<'_> {
    Draft {
        id: MessageId::generate(),
        author: Author::Session(from),
        room: "default",
        to: "x",
        kind: Kind::Note,
        subject: None,
        body,
        in_reply_to: None,
        urgency: Urgency::Normal,
        lifetime_ms: None,
    }
}

/// Clears away what is a month old.
pub fn gc(w: &mut World) -> Collected {
    w.store.gc(MONTH, false).unwrap().report().clone()
}

/// A turn in which everything that waits is shown and seen.
pub fn read_all(w: &mut World, reader: &Session, turn: &str) {
    w.prompt(&BATCH, reader, turn);
    w.tools(&BATCH, reader, turn, &["call"]);
    w.stop(&BATCH, reader, turn);
}

/// What becomes of the hook's write.
#[derive(Clone, Copy, PartialEq)]
pub enum Fate {
    Written,
    KilledBeforeWriting,
    KilledWhileWriting,
    Late,
}

impl World {
    pub fn session(&mut self, card: &Card, native: &str) -> Session {
        self.store.arrive(&arrival(card, native, Some(Start::Fresh))).unwrap()
    }

    pub fn send(&mut self, from: &Session, to: &Session, kind: Kind, body: &str) -> MessageId {
        self.try_send(from, &[to.id], kind, body, None).unwrap()
    }

    pub fn try_send(
        &mut self,
        from: &Session,
        to: &[SessionId],
        kind: Kind,
        body: &str,
        lifetime_ms: Option<i64>,
    ) -> Result<MessageId, StoreError> {
        let draft = Draft { kind, lifetime_ms, ..draft(from.id, body) };
        self.store.send(&draft, to).map(|sent| sent.id)
    }

    pub fn reply(&mut self, from: &Session, to: MessageId, body: &str) -> MessageId {
        let parent = self.store.message(to).unwrap();
        let draft = Draft { kind: Kind::Answer, in_reply_to: Some(to), ..draft(from.id, body) };
        let recipients: Vec<SessionId> = parent.sender.into_iter().collect();
        self.store.send(&draft, &recipients).unwrap().id
    }

    /// One hook run: lease, event, write, note.
    pub fn hook(&mut self, card: &Card, session: &Session, event: &HookEvent<'_>, fate: Fate) -> Outcome {
        let session = self.store.session(session.id).unwrap();
        let folder = self.store.run().session(session.id);
        let lease = folder.try_lease().unwrap().expect("nobody else holds the lease");
        let outcome = self.store.hear(&session, event, card, &lease).unwrap();
        if let Some(attempt) = outcome.attempt {
            let note = match fate {
                Fate::KilledBeforeWriting => None,
                Fate::KilledWhileWriting => Some(Note::Writing(attempt)),
                Fate::Written => Some(Note::Written { attempt, in_time: true }),
                Fate::Late => Some(Note::Written { attempt, in_time: false }),
            };
            if let Some(note) = note {
                folder.set_note(note, &lease).unwrap();
            }
        }
        outcome
    }

    /// As [`World::hook`], by a host whose sign of life is kept as the real hook keeps it.
    pub fn live_hook(&mut self, card: &Card, session: &Session, event: &HookEvent<'_>) -> Outcome {
        let folder = self.store.run().session(session.id);
        self.note(session, Live::after(event, me(), folder.live()));
        let outcome = self.hook(card, session, event, Fate::Written);
        if event.moment == Moment::TurnEnd && !outcome.text.is_empty() {
            let live = folder.live().unwrap();
            self.note(session, Live { activity: Activity::Busy, ..live });
        }
        outcome
    }

    /// Gives a session's sign of life, now by the test's clock.
    pub fn note(&self, session: &Session, live: Live) {
        let folder = self.store.run().session(session.id);
        folder.set_live(live).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now().unsigned_abs());
        File::options().write(true).open(folder.path().join("live")).unwrap().set_modified(now).unwrap();
    }

    pub fn prompt(&mut self, card: &Card, session: &Session, turn: &str) -> Outcome {
        self.hook(card, session, &event(Moment::PromptSubmit, Some(turn), &[]), Fate::Written)
    }

    pub fn stop(&mut self, card: &Card, session: &Session, turn: &str) -> Outcome {
        self.hook(card, session, &event(Moment::TurnEnd, Some(turn), &[]), Fate::Written)
    }

    pub fn tools(&mut self, card: &Card, session: &Session, turn: &str, calls: &[&str]) -> Outcome {
        self.hook(card, session, &event(Moment::AfterTool, Some(turn), calls), Fate::Written)
    }

    pub fn state(&mut self, id: MessageId) -> (State, bool, bool) {
        let receipts = self.store.receipts(id).unwrap();
        (receipts[0].state, receipts[0].doubt, receipts[0].parked)
    }

    pub fn rings(&self, session: &Session) -> bool {
        self.store.run().session(session.id).bell_stands()
    }
}

/// The event of a turn that ended before and went on.
pub fn continued<'a>(turn: &'a str, said: &'a str) -> HookEvent<'a> {
    HookEvent { continued: true, said: Some(said), ..event(Moment::TurnEnd, Some(turn), &[]) }
}
