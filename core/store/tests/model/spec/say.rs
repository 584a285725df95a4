//! What goes out with an event: which bodies, announcements and references, and what else the text says (D1, D3 to D7).

use super::events::{By, Event, Moment, Why};
use super::{A, Attempt, Delivery, Doubt, M, Model, Part, S, Size, State, Status, Surface, Word};

/// How often one turn is made to go on. A host ends a turn after eight blocks in a row, others' included.
const MOST_CONTINUATIONS: usize = 5;
/// So many of the questions that are still to be answered are named.
const MOST_OWED: usize = 5;

/// What a hook puts out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoke {
    /// The hook opened no store: the fast path (B4).
    pub fast: bool,
    /// Bodies, each with whether it is marked late.
    pub bodies: Vec<(M, bool)>,
    pub headers: Vec<M>,
    pub references: Vec<M>,
    /// What is named by header and comes later.
    pub rest: Vec<M>,
    /// Questions of an earlier context, newest first.
    pub owed: Vec<M>,
    pub introduces: bool,
    pub guard: bool,
    /// How many are said to have been announced earlier.
    pub parked: usize,
    pub attempt: Option<A>,
    pub late_nudge: bool,
}

impl Spoke {
    /// Whether there is any text.
    pub fn is_some(&self) -> bool {
        self.introduces
            || !self.bodies.is_empty()
            || !self.headers.is_empty()
            || !self.references.is_empty()
            || !self.rest.is_empty()
    }
}

impl Model {
    pub(super) fn speak(&mut self, s: S, event: &Event) -> Spoke {
        let Some(surface) = event.surface() else { return Spoke::default() };
        let for_people = matches!(event.moment, Moment::Start(_) | Moment::Prompt(By::User | By::Nobody));
        let waiting: Vec<usize> = self
            .of(s)
            .filter(|d| {
                let d = &self.deliveries[*d];
                d.hot()
                    && d.attempt.is_none()
                    && (for_people || !self.is_muted(d))
                    && !self.is_claimed(s, d.message)
            })
            .collect();
        let news =
            waiting.iter().any(|d| self.deliveries[*d].doubt == Doubt::None && self.deliveries[*d].wakes);
        if surface == Surface::TurnEnd && !(news && self.continuations(s) < MOST_CONTINUATIONS) {
            return Spoke::default();
        }
        let start = match event.moment {
            Moment::Start(why) => Some(why),
            _ => self.sessions[s].owes,
        };
        let mut spoke = Spoke { introduces: start.is_some(), ..Spoke::default() };
        for d in waiting {
            let (m, doubt) = (self.deliveries[d].message, self.deliveries[d].doubt);
            if doubt == Doubt::Due {
                spoke.references.push(m);
            } else if surface == Surface::Start {
                // A start carries no bodies (D3).
                spoke.rest.push(m);
            } else if self.messages[m].size == Size::Huge {
                spoke.headers.push(m);
            } else {
                spoke.bodies.push((m, self.is_late(s, m)));
            }
        }
        if !spoke.is_some() {
            return spoke;
        }
        spoke.owed = start.map(|why| self.owed(s, why)).unwrap_or_default();
        // What was announced waits to be read; a reference that is still to come is not an announcement.
        spoke.parked = self
            .of(s)
            .filter(|d| {
                let d = &self.deliveries[*d];
                d.is_unread() && d.parked && d.doubt != Doubt::Due
            })
            .count();
        spoke.guard = !self.sessions[s].guarded;
        self.follow_chain(s, event, &spoke);
        spoke.attempt = self.attempt(s, event, surface, &spoke);
        spoke
    }

    /// How often the present turn was already made to go on. What put out nothing does not count.
    fn continuations(&self, s: S) -> usize {
        let turn = Some(self.sessions[s].turn);
        let of_turn = |a: &&Attempt| {
            a.session == s && a.turn == turn && a.surface == Surface::TurnEnd && a.status != Status::Void
        };
        self.attempts.iter().filter(of_turn).count()
    }

    /// Questions that were shown and neither answered nor marked (D7).
    fn owed(&self, s: S, why: Why) -> Vec<M> {
        if matches!(why, Why::Fresh | Why::Forked) {
            return Vec::new();
        }
        let mut owed: Vec<M> = self
            .of(s)
            .filter(|d| {
                let d = &self.deliveries[*d];
                matches!(d.state, State::Injected | State::Seen)
                    && !d.marked
                    && self.messages[d.message].word == Word::Question
            })
            .map(|d| self.deliveries[d].message)
            .collect();
        owed.reverse();
        owed.truncate(MOST_OWED);
        owed
    }

    fn attempt(&mut self, s: S, event: &Event, surface: Surface, spoke: &Spoke) -> Option<A> {
        let mut items: Vec<(M, Part)> = spoke.bodies.iter().map(|(m, _)| (*m, Part::Body)).collect();
        items.extend(spoke.headers.iter().map(|m| (*m, Part::Header)));
        items.extend(spoke.references.iter().map(|m| (*m, Part::Reference)));
        let session = &self.sessions[s];
        let guards = !session.guarded || session.owes.is_some();
        if items.is_empty() && !guards {
            return None;
        }
        let a = self.attempts.len();
        for (m, _) in &items {
            let d = self.delivery(s, *m).expect("what goes out was delivered");
            self.deliveries[d].attempt = Some(a);
        }
        self.attempts.push(Attempt {
            session: s,
            conversation: self.sessions[s].conversation,
            turn: event.turn,
            surface,
            call: None,
            server: None,
            guards,
            status: Status::Open,
            items,
        });
        Some(a)
    }

    /// A new turn of a person begins a chain, also where mail is held back; one that a nudge began is of the chain of the mail
    /// that waits, whether or not this prompt brings it (ADR 12).
    pub(super) fn begin_chain(&mut self, s: S, event: &Event) {
        let waits = |d: &Delivery| d.state == State::Stored && !d.parked && d.wakes;
        let hop = match event.moment {
            Moment::Prompt(By::User | By::Nobody) => Some(0),
            Moment::Prompt(By::Nudge) => self
                .of(s)
                .filter(|d| waits(&self.deliveries[*d]))
                .map(|d| self.messages[self.deliveries[d].message].hop + 1)
                .max(),
            _ => None,
        };
        if let Some(hop) = hop {
            (self.sessions[s].hop, self.sessions[s].hop_at) = (hop, self.now);
        }
    }

    /// What was put before the model decides which chain its turn is of (ADR 12).
    fn follow_chain(&mut self, s: S, event: &Event, spoke: &Spoke) {
        // A line that refers to a body says nothing new.
        let out = spoke.bodies.iter().map(|(m, _)| m).chain(&spoke.headers);
        let Some(carried) = out.map(|m| self.messages[*m].hop + 1).max() else { return };
        let now = self.now;
        let session = &mut self.sessions[s];
        let by_user = session.live.is_some_and(|live| live.by_user);
        match event.moment {
            Moment::Prompt(By::Nudge) => (session.hop, session.hop_at) = (carried, now),
            Moment::Tool(_) | Moment::TurnEnd => {
                session.hop = if by_user { carried } else { session.hop.max(carried) };
                session.hop_at = now;
                if let Some(live) = &mut session.live {
                    live.by_user = false;
                }
            }
            _ => {}
        }
    }
}
