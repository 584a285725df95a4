//! Sending, answering, declining, and what senders are told.

use super::{Delivery, Doing, Doubt, M, Message, Model, Part, S, Shown, State};

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Note,
    Question,
    Answer,
    /// Never wakes.
    Status,
    /// A notice of the bridge.
    System,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many fit one block that no run reaches the end.
    Short,
    /// Fits no block: it is announced (D5).
    Huge,
}

/// A new message.
#[derive(Debug, Clone)]
pub struct Letter {
    pub from: S,
    pub to: Vec<S>,
    pub everyone: bool,
    pub urgent: bool,
    pub word: Word,
    pub size: Size,
    /// In milliseconds.
    pub lifetime: Option<i64>,
}

/// What a sender is told of without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Expired,
    Declined,
    AnsweredByPerson,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Blocked,
    Closed,
    NotShown,
    UnderWay,
    AlreadyOut,
}

const QUIET_MS: i64 = 45_000;
const HOPS: u32 = 6;

impl Model {
    /// One message for some recipients. One to everybody wakes on request only (D9), and leaves out who blocks.
    pub fn send(&mut self, letter: &Letter) -> Result<M, Refusal> {
        let Letter { from, ref to, everyone, urgent, word, size, lifetime } = *letter;
        let (to, blocked): (Vec<S>, Vec<S>) = to.iter().partition(|s| !self.blocks(from, **s));
        if !blocked.is_empty() && !everyone {
            return Err(Refusal::Blocked);
        }
        let hop = self.hop(from, None);
        let m = self.post(Some(from), word, size, None, hop, lifetime);
        for s in to {
            let wakes = word.wakes() && hop < HOPS && (urgent || !everyone);
            self.lay(s, m, wakes);
        }
        Ok(m)
    }

    fn blocks(&self, from: S, reader: S) -> bool {
        self.rules.iter().any(|r| r.block && r.holds(from, reader))
    }

    /// An answer.
    pub fn reply(&mut self, from: S, parent: M, person: bool) -> Result<M, Refusal> {
        let to = self.messages[parent].from.filter(|s| *s != from);
        if to.is_some_and(|to| self.blocks(from, to)) {
            return Err(Refusal::Blocked);
        }
        let d = self.delivery(from, parent).expect("one answers what one received");
        if matches!(self.deliveries[d].state, State::Declined | State::Failed) {
            return Err(Refusal::Closed);
        }
        let hop = if person { 0 } else { self.hop(from, Some(parent)) };
        let m = self.post(Some(from), Word::Answer, Size::Short, Some(parent), hop, None);
        if let Some(to) = to {
            self.lay(to, m, hop < HOPS);
        }
        if !person {
            self.fold_written(from);
        }
        self.advance(d, State::Answered);
        if person {
            self.notify(parent, What::AnsweredByPerson);
        }
        let delivery = &mut self.deliveries[d];
        (delivery.answer, delivery.parked, delivery.doubt) = (Some(m), false, Doubt::None);
        Ok(m)
    }

    fn post(
        &mut self,
        from: Option<S>,
        word: Word,
        size: Size,
        reply_to: Option<M>,
        hop: u32,
        lifetime: Option<i64>,
    ) -> M {
        let m = self.messages.len();
        let thread = reply_to.map_or(m, |parent| self.messages[parent].thread);
        let expires = lifetime.map(|ms| self.now + ms);
        let created = self.now;
        self.messages.push(Message {
            from,
            word,
            size,
            thread,
            reply_to,
            hop,
            created,
            expires,
            about: None,
            told: false,
        });
        m
    }

    fn lay(&mut self, to: S, message: M, wakes: bool) {
        self.deliveries.push(Delivery {
            to,
            message,
            state: State::Stored,
            parked: false,
            doubt: Doubt::None,
            attempt: None,
            announced: false,
            shown: Shown::Nothing,
            wakes,
            marked: false,
            answer: None,
        });
        if wakes {
            self.ask_wake(to, self.now + super::wakes::GATHER_MS);
        }
    }

    /// A notice: it never wakes, and nothing that happens to it causes another (R5). What nobody can answer any more ends
    /// a wait for the answer.
    pub(super) fn notify(&mut self, about: M, what: What) {
        let Some(sender) = self.messages[about].from else { return };
        let closed = |d: &Delivery| matches!(d.state, State::Declined | State::Expired | State::Failed);
        let over = self.deliveries.iter().filter(|d| d.message == about).all(closed);
        let m = self.post(None, Word::System, Size::Short, None, 0, None);
        let thread = self.messages[about].thread;
        let notice = &mut self.messages[m];
        (notice.about, notice.thread) = (Some(about), thread);
        notice.reply_to = (what == What::Declined && over).then_some(about);
        self.lay(sender, m, false);
    }

    /// Only what was shown can be marked (R3). No line has to refer to it any more. It proves nothing here: events tell of
    /// every surface of both cards.
    pub fn mark_read(&mut self, s: S, m: M) -> Result<(), Refusal> {
        let d = self.delivery(s, m).expect("one marks what one received");
        let kept = self.clone();
        self.fold_written(s);
        if self.deliveries[d].shown == Shown::Nothing {
            // A refused call leaves no trace.
            *self = kept;
            return Err(Refusal::NotShown);
        }
        let delivery = &mut self.deliveries[d];
        delivery.marked = true;
        if delivery.doubt == Doubt::Due {
            delivery.doubt = Doubt::Referred;
        }
        Ok(())
    }

    /// Declining, not while a body is being put out, and for a person not while nobody knows what became of it.
    pub fn decline(&mut self, s: S, m: M, person: bool) -> Result<(), Refusal> {
        let d = self.delivery(s, m).expect("one declines what one received");
        let kept = self.clone();
        self.fold_written(s);
        let delivery = &self.deliveries[d];
        let under_way = delivery.attempt.is_some_and(|a| self.attempts[a].items.contains(&(m, Part::Body)));
        let unsettled = if person { delivery.is_unproven() } else { delivery.state == State::Stored };
        let refusal = if unsettled && under_way {
            Some(Refusal::UnderWay)
        } else {
            (!self.advance(d, State::Declined)).then_some(Refusal::Closed)
        };
        if let Some(refusal) = refusal {
            *self = kept;
            return Err(refusal);
        }
        let delivery = &mut self.deliveries[d];
        (delivery.attempt, delivery.parked, delivery.doubt) = (None, false, Doubt::None);
        self.notify(m, What::Declined);
        Ok(())
    }

    /// A sender withdraws what reached nobody.
    pub fn cancel(&mut self, m: M) -> Result<(), Refusal> {
        let all: Vec<usize> =
            (0..self.deliveries.len()).filter(|d| self.deliveries[*d].message == m).collect();
        let free = |d: &usize| {
            let d = &self.deliveries[*d];
            d.attempt.is_none()
                && d.doubt == Doubt::None
                && matches!(d.state, State::Stored | State::Expired | State::Failed)
        };
        if !all.iter().all(free) {
            return Err(Refusal::AlreadyOut);
        }
        for d in all {
            self.advance(d, State::Failed);
        }
        Ok(())
    }

    /// The hop of what a session's model sends now (ADR 12): 0 in a turn of its user's alone; one more than what it answers,
    /// while that thread goes on; what its turn was given, until 45 s of quiet.
    fn hop(&self, from: S, parent: Option<M>) -> u32 {
        let session = &self.sessions[from];
        if session.live.is_some_and(|live| live.by_user) {
            return 0;
        }
        let busy = |s: S| self.sessions[s].live.is_some_and(|live| live.doing == Doing::Busy);
        let last = if session.live.is_some() { session.seen.max(session.hop_at) } else { session.hop_at };
        let own = if !busy(from) && self.now - last >= QUIET_MS { 0 } else { session.hop };
        let Some(parent) = parent.map(|m| &self.messages[m]) else { return own };
        let in_thread = |m: &M| self.messages[*m].thread == parent.thread;
        let of_thread: Vec<M> = (0..self.messages.len()).filter(in_thread).collect();
        let recent = of_thread.iter().any(|m| self.messages[*m].created > self.now - QUIET_MS);
        let senders = of_thread.iter().filter_map(|m| self.messages[*m].from);
        let readers = self.deliveries.iter().filter(|d| of_thread.contains(&d.message)).map(|d| d.to);
        let goes_on = recent || senders.chain(readers).any(|s| s != from && busy(s));
        if parent.hop >= own && goes_on { parent.hop + 1 } else { own }
    }
}

impl Word {
    fn wakes(self) -> bool {
        matches!(self, Self::Note | Self::Question | Self::Answer)
    }
}
