//! Doors: when an idle session is nudged, and how often (B6, B7, D2, and the limits of product.md).

use super::events::Event;
use super::{Doing, Model, Moment, S, Wake};

/// A burst is gathered so long, and no longer than the second.
pub(super) const GATHER_MS: i64 = 250;
const GATHER_MOST_MS: i64 = 2_000;
/// A hook that noted `idle` may still be at work.
const SETTLE_MS: i64 = 400;
/// Busy only delays: the waker looks again after 20 s without an event (B7), at a queue after two minutes.
const BUSY_MS: i64 = 20_000;
const BUSY_MOST_MS: i64 = 120_000;
/// A wake without any event is tried again with growing pauses, three times, and then held (B6).
const PAUSES_MS: [i64; 4] = [30_000, 60_000, 120_000, 120_000];
const COOLDOWN_MS: i64 = 8_000;
/// Who wrote a wake has so long before others carry it out, and who took one on so long.
const GRACE_MS: i64 = 2_000;
const TAKEN_MS: i64 = 5_000;

/// What a ringer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Nothing,
    /// Look again then.
    At(i64),
    /// Ring now: with this wake, for so many messages.
    Now {
        wake: u32,
        count: usize,
    },
}

impl Model {
    /// One look of a ringer. A queue keeps what it is given behind the turn that is under way.
    pub fn ring(&mut self, s: S, queue: bool) -> Door {
        if !self.hot(s) && self.sessions[s].wake.is_none() {
            return Door::Nothing;
        }
        let live = self.sessions[s].live.filter(|live| self.hosts[live.process]);
        let (false, Some(live)) = (self.sessions[s].paused, live) else {
            return self.leave_to_events(s);
        };
        let waiting: Vec<i64> = self
            .of(s)
            .map(|d| &self.deliveries[d])
            .filter(|d| d.waits() && !self.is_due(d) && !self.is_muted(d))
            .map(|d| self.messages[d.message].created)
            .collect();
        let (Some(oldest), Some(newest)) = (waiting.iter().min(), waiting.iter().max()) else {
            self.sessions[s].wake = None;
            return Door::Nothing;
        };
        if self.standing(s).next().is_some() {
            return self.look_again(s, self.now + BUSY_MS);
        }
        let (now, seen) = (self.now, self.sessions[s].seen);
        let tries = self.sessions[s].wake.map_or(0, |wake| wake.tries);
        let quiet = match live.doing {
            Doing::Idle | Doing::Interrupted => seen + SETTLE_MS,
            // What the host took will be read when it goes on, and that is an event.
            Doing::Busy if tries > 0 => return self.leave_to_events(s),
            Doing::Busy if !queue => seen + BUSY_MS,
            Doing::Busy if seen + BUSY_MOST_MS > now => (seen + BUSY_MS).max(now + BUSY_MS),
            Doing::Busy => now,
        };
        if queue && live.doing == Doing::Interrupted {
            return self.leave_to_events(s);
        }
        let gathered = (newest + GATHER_MS).min(oldest + GATHER_MOST_MS);
        let pause = tries.checked_sub(1).map_or(COOLDOWN_MS, |n| PAUSES_MS[n.min(3)]);
        let rested = self.sessions[s].last_try.map_or(0, |at| at + pause);
        let next = gathered.max(quiet).max(rested).min(now + PAUSES_MS[3]);
        if next > now {
            return self.look_again(s, next);
        }
        if tries >= PAUSES_MS.len() {
            return self.leave_to_events(s);
        }
        let number = self.sessions[s].wake.and_then(|wake| wake.number).unwrap_or_else(|| self.name());
        let due = Some(now + PAUSES_MS[tries]);
        self.sessions[s].wake = Some(Wake { due, tries: tries + 1, number: Some(number) });
        self.sessions[s].last_try = Some(now);
        Door::Now { wake: number, count: waiting.len() }
    }

    /// Nothing to do before the session's next event.
    fn leave_to_events(&mut self, s: S) -> Door {
        if let Some(wake) = &mut self.sessions[s].wake {
            wake.due = None;
        }
        Door::Nothing
    }

    fn look_again(&mut self, s: S, at: i64) -> Door {
        let wake = self.sessions[s].wake.get_or_insert(Wake { due: None, tries: 0, number: None });
        wake.due = Some(at);
        Door::At(at)
    }

    /// One open wake per session; mail that may wake leaves one behind (B6).
    pub(super) fn ask_wake(&mut self, s: S, due: i64) {
        let wake = self.sessions[s].wake.get_or_insert(Wake { due: None, tries: 0, number: None });
        wake.due = wake.due.or(Some(due));
    }

    /// The session reacted: a wake that was tried is over; mail that is left over gets a wake of its own.
    pub(super) fn react(&mut self, s: S, event: &Event) {
        if self.sessions[s].wake.is_some_and(|wake| wake.tries > 0) {
            self.sessions[s].wake = None;
        }
        if !self.of(s).any(|d| self.deliveries[d].waits()) {
            self.sessions[s].wake = None;
            return;
        }
        self.ask_wake(s, self.now + BUSY_MS);
        if matches!(event.moment, Moment::TurnEnd | Moment::Interrupt)
            && let Some(wake) = &mut self.sessions[s].wake
        {
            wake.due = Some(self.now + SETTLE_MS);
        }
    }

    /// A pause or a mute was lifted: what it kept quiet may wake.
    pub fn let_out(&mut self, s: S) {
        if self.of(s).any(|d| self.deliveries[d].waits()) {
            self.ask_wake(s, self.now + GATHER_MS);
        }
    }

    /// Whoever opens the store takes the wakes on that nobody carried out (B6).
    pub fn take_overdue(&mut self) -> Vec<S> {
        let overdue = |s: &S| {
            self.sessions[*s].wake.and_then(|wake| wake.due).is_some_and(|due| due <= self.now - GRACE_MS)
        };
        let taken: Vec<S> = (0..self.sessions.len()).filter(overdue).collect();
        for s in &taken {
            if let Some(wake) = &mut self.sessions[*s].wake {
                wake.due = Some(self.now + TAKEN_MS);
            }
        }
        taken
    }
}
