//! One run of the hook: its steps, and what it puts out.

use std::path::Path;

use session_bridge_core::event::{HookEvent, Moment as Told, Start};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::ProcessKey;
use session_bridge_core::provider::{Card, Inject};
use session_bridge_store::{Activity, Arrival, Lease, Live, Note, Outcome, RunFolder, Session, Wanted};

use crate::bridge::{Bridge, MAX_BYTES};
use crate::common::{self, BATCH_OPEN, SINGLE_OPEN};
use crate::spec::{By, Event, Fate, Host, M, Model, Moment, S, Spoke, Why};

const fn roomy(inject: Inject) -> Inject {
    Inject { max_bytes: MAX_BYTES, ..inject }
}

const fn all_roomy(of: &'static [Inject]) -> [Inject; 4] {
    [roomy(of[0]), roomy(of[1]), roomy(of[2]), roomy(of[3])]
}

const BATCH: Card = Card { inject: &all_roomy(BATCH_OPEN.inject), ..BATCH_OPEN };
const SINGLE: Card = Card { inject: &all_roomy(SINGLE_OPEN.inject), ..SINGLE_OPEN };

impl Bridge {
    /// One run of the hook, step by step as `installer/hook/src/lib.rs` does it; none if it ended before the store was
    /// asked what to put out.
    pub fn hook(&mut self, s: S, event: &Event, fate: Fate, model: &Model) -> Option<Outcome> {
        let session = &model.sessions[s];
        let card = card(session.host);
        let native = format!("n{}", session.native);
        let key = self.hosts.key(session.process);
        let names = Names::of(event, self, session.nudge);
        let told = names.event(event, &native);
        let alias = self.world.store.run().native(card.id.as_str(), &native);
        // Whoever holds the lock does so before the hook starts.
        let holder = (fate == Fate::Locked && s < self.ids.len())
            .then(|| self.folder(s).try_lease().unwrap().expect("no hook is under way"));
        let plain = !matches!(told.moment, Told::SessionStart | Told::SessionEnd);
        if plain && told.nudge.is_none() {
            let known = alias.touch_live(key, |live| Live::after(&told, key, Some(live)));
            if known {
                self.stamp(s);
            }
            if known && !alias.bell_stands() {
                return None;
            }
        }
        if told.moment == Told::SessionEnd && holder.is_some() {
            assert!(alias.try_lease().unwrap().is_none());
            return None;
        }
        let arrived = self.arrive(card, &native, key, &told);
        if s == self.ids.len() {
            self.ids.push(arrived.id);
        }
        assert_eq!(arrived.id, self.ids[s], "which session it is");
        let folder = self.folder(s);
        let before = folder.live().filter(|live| live.host == key);
        let live = Live::after(&told, key, before);
        folder.set_live(live).unwrap();
        self.stamp(s);
        let lease = folder.try_lease().unwrap();
        assert_eq!(lease.is_none(), holder.is_some(), "the lease is exclusive (E1)");
        let lease = lease?;
        let outcome = self.store().hear(&arrived, &told, card, &lease).unwrap();
        if outcome.late_nudge {
            let idle = Live { host: key, activity: Activity::Idle, by_user: false, turn: None };
            folder.set_live(before.unwrap_or(idle)).unwrap();
        }
        if told.moment == Told::SessionEnd {
            let id = self.ids[s];
            self.store().end(id, "its host ended it").unwrap();
            folder.set_live(live).unwrap();
        }
        put_out(&folder, &outcome, fate, &lease);
        if told.moment == Told::TurnEnd
            && !outcome.text.is_empty()
            && matches!(fate, Fate::Written | Fate::Late)
        {
            folder.touch_live(key, |live| Live { activity: Activity::Busy, ..live });
        }
        self.keep_stamp(s);
        Some(outcome)
    }

    fn arrive(&mut self, card: &Card, native: &str, key: ProcessKey, told: &HookEvent<'_>) -> Session {
        let arrival = Arrival {
            provider: card.id.as_str(),
            short: card.short,
            native,
            host: Some(key),
            one_per_process: card.id.as_str() == BATCH.id.as_str(),
            cwd: Some(Path::new("/src/shop")),
            start: (told.moment == Told::SessionStart).then_some(told.start),
            claimed: None,
            // Of its own: who takes a label that a dead session has looks for dead sessions first.
            wanted: Wanted { label: Some(format!("peer-{native}").parse().unwrap()), ..Wanted::default() },
        };
        self.store().arrive(&arrival).unwrap()
    }

    /// What stands in the text is what the rules say, body by body; and the two promises that are of every sequence: a body
    /// goes out once (D1), in the order of sending or marked late (R5).
    pub fn compare_text(
        &mut self,
        s: S,
        event: &Event,
        fate: Fate,
        spoke: &Spoke,
        outcome: Option<&Outcome>,
    ) {
        let text = outcome.map(|outcome| outcome.text.as_str()).unwrap_or_default();
        let read = crate::text::read(text);
        let ids = |of: &[M]| of.iter().map(|m| self.messages[*m]).collect::<Vec<_>>();
        let bodies: Vec<_> = spoke.bodies.iter().map(|(m, late)| (self.messages[*m], *late)).collect();
        assert_eq!(read.bodies, bodies, "bodies in: {text}");
        assert_eq!(read.headers, ids(&spoke.headers), "announcements in: {text}");
        assert_eq!(read.references, ids(&spoke.references), "references in: {text}");
        assert_eq!(read.rest, ids(&spoke.rest[..spoke.rest.len().min(5)]), "what comes later in: {text}");
        assert_eq!(read.owed, ids(&spoke.owed), "questions to be answered in: {text}");
        assert_eq!(read.introduces, spoke.introduces, "who it is, in: {text}");
        assert_eq!(read.guard, spoke.guard, "the guard in: {text}");
        assert_eq!(read.parked, spoke.parked, "announced earlier, in: {text}");
        assert_eq!(!text.is_empty(), spoke.is_some(), "silence: {text}");
        let (late, attempt) = outcome.map_or((false, None), |o| (o.late_nudge, o.attempt));
        assert_eq!(late, spoke.late_nudge, "a late nudge at {event:?}");
        assert_eq!(attempt.is_some(), spoke.attempt.is_some(), "an attempt for: {text}");
        if let (Some(ours), Some(theirs)) = (spoke.attempt, attempt) {
            self.attempts.insert(ours, theirs);
        }
        if fate != Fate::KilledBeforeWriting {
            for (id, _) in read.bodies {
                self.goes_out(s, id);
            }
        }
    }
}

/// Words of an event that live as long as it.
struct Names {
    turn: Option<String>,
    calls: Vec<String>,
    said: String,
    nudge: Option<Nudge>,
}

impl Names {
    fn of(event: &Event, bridge: &Bridge, nudge: Option<u32>) -> Self {
        let nudge = match event.moment {
            Moment::Prompt(By::Nudge) => nudge.map(|wake| bridge.nudges[&wake].clone()),
            Moment::Prompt(By::Nobody) => Some(Nudge { wake: "AAAAAA".parse().unwrap(), count: 1 }),
            _ => None,
        };
        Self {
            turn: event.turn.map(|turn| format!("t{turn}")),
            calls: event.calls.iter().map(|call| format!("c{call}")).collect(),
            // No two ends of a turn give the same words.
            said: ulid::Ulid::generate().to_string(),
            nudge,
        }
    }

    fn event<'a>(&'a self, event: &Event, native: &'a str) -> HookEvent<'a> {
        let calls: Vec<&str> = self.calls.iter().map(String::as_str).collect();
        let (moment, start) = match event.moment {
            Moment::Start(why) => (Told::SessionStart, start_of(why)),
            Moment::Prompt(_) => (Told::PromptSubmit, Start::Fresh),
            Moment::Tool(_) => (Told::AfterTool, Start::Fresh),
            Moment::TurnEnd => (Told::TurnEnd, Start::Fresh),
            Moment::Interrupt => (Told::Interrupt, Start::Fresh),
            Moment::End => (Told::SessionEnd, Start::Fresh),
        };
        HookEvent {
            native: native.into(),
            start,
            nudge: self.nudge.clone(),
            continued: event.continued,
            said: event.continued.then_some(self.said.as_str()),
            ..common::event(moment, self.turn.as_deref(), &calls)
        }
    }
}

/// Three steps: note `writing`, one write, note `written`; the fate says how far they came (E2).
fn put_out(folder: &RunFolder, outcome: &Outcome, fate: Fate, lease: &Lease) {
    let Some(attempt) = outcome.attempt else { return };
    if fate == Fate::KilledBeforeWriting {
        return;
    }
    folder.set_note(Note::Writing(attempt), lease).unwrap();
    if fate != Fate::KilledWhileWriting {
        folder.set_note(Note::Written { attempt, in_time: fate == Fate::Written }, lease).unwrap();
    }
}

fn card(host: Host) -> &'static Card {
    match host {
        Host::Batch => &BATCH,
        Host::Single => &SINGLE,
    }
}

fn start_of(why: Why) -> Start {
    match why {
        Why::Fresh => Start::Fresh,
        Why::Resumed => Start::Resumed,
        Why::Cleared => Start::Cleared,
        Why::Compacted => Start::Compacted,
        Why::Forked => Start::Forked,
    }
}
