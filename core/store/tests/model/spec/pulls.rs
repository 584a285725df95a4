//! Results of tools: reads by id, and waits that claim (D1, D6).

use super::{A, Attempt, Claim, M, Model, Part, S, Shown, State, Status, Surface, Word};

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Anything,
    From(S),
    Questions,
    AnswerTo(M),
}

impl Model {
    pub fn fits(&self, wish: Wish, m: M) -> bool {
        let message = &self.messages[m];
        match wish {
            Wish::Anything => true,
            Wish::From(s) => message.from == Some(s),
            Wish::Questions => message.word == Word::Question,
            Wish::AnswerTo(asked) => message.reply_to == Some(asked),
        }
    }

    pub fn claim(&mut self, s: S, wish: Wish, for_ms: i64) -> usize {
        let server = self.server(s);
        let until = self.now + for_ms;
        self.claims.push(Claim { session: s, server, wish, until, open: true });
        self.claims.len() - 1
    }

    /// The session's server, started if there is none.
    pub fn server(&mut self, s: S) -> u32 {
        if self.sessions[s].server.is_none() {
            self.sessions[s].server = Some(self.name());
        }
        self.sessions[s].server.expect("it was just started")
    }

    /// A wait takes the oldest message that it is for and that no answer's wait claims.
    pub fn take(&mut self, c: usize, call: u32) -> Option<(M, Option<A>, bool)> {
        let (s, wish) = (self.claims[c].session, self.claims[c].wish);
        self.before_pull(s);
        let exact: Vec<Wish> = self
            .standing(s)
            .filter(|other| *other != c)
            .map(|other| self.claims[other].wish)
            .filter(|wish| matches!(wish, Wish::AnswerTo(_)))
            .collect();
        let found = self.of(s).find(|d| {
            let delivery = &self.deliveries[*d];
            let m = delivery.message;
            delivery.state == State::Stored
                && !delivery.parked
                && delivery.attempt.is_none()
                && self.fits(wish, m)
                && !exact.iter().any(|wish| self.fits(*wish, m))
        })?;
        let m = self.deliveries[found].message;
        let own_answer = matches!(wish, Wish::AnswerTo(_));
        let (attempt, late) = self.put_in_result(s, m, call, own_answer);
        Some((m, attempt, late))
    }

    /// An explicit read may repeat a body as often as it is asked (D1); it counts as going out if nobody proved or carries
    /// it yet.
    pub fn read(&mut self, s: S, m: M, call: u32) -> (Option<A>, bool) {
        self.server(s);
        self.before_pull(s);
        self.put_in_result(s, m, call, false)
    }

    fn before_pull(&mut self, s: S) {
        self.fold_written(s);
        self.expire_for(s);
    }

    fn put_in_result(&mut self, s: S, m: M, call: u32, own_answer: bool) -> (Option<A>, bool) {
        let d = self.delivery(s, m).expect("one reads what one received");
        // A line about it may be under way; a body of it may not.
        let body_out =
            self.deliveries[d].attempt.is_some_and(|a| self.attempts[a].items.contains(&(m, Part::Body)));
        if !self.deliveries[d].is_unproven() || body_out {
            return (None, false);
        }
        let late = self.is_late(s, m);
        let carried = self.messages[m].hop + u32::from(!own_answer);
        let session = &mut self.sessions[s];
        let by_user = session.live.is_some_and(|live| live.by_user);
        session.hop = carried.max(if by_user { 0 } else { session.hop });
        session.hop_at = self.now;
        if let Some(live) = &mut session.live {
            live.by_user = false;
        }
        let attempt = Attempt {
            session: s,
            conversation: session.conversation,
            // The event that lists the call will say.
            turn: None,
            surface: Surface::Pull,
            call: Some(call),
            server: session.server,
            guards: !session.guarded,
            status: Status::Open,
            items: vec![(m, Part::Body)],
        };
        self.attempts.push(attempt);
        let a = self.attempts.len() - 1;
        self.deliveries[d].attempt = Some(a);
        (Some(a), late)
    }

    /// A younger body went out before it, or may have (R5).
    pub fn is_late(&self, s: S, m: M) -> bool {
        self.of(s).any(|d| self.deliveries[d].message > m && self.deliveries[d].shown == Shown::Body)
    }

    /// The result of a call was written whole, or never was (D6). An attempt that ended otherwise stays as it is.
    pub fn end_pull(&mut self, a: A, written: bool) {
        if !matches!(self.attempts[a].status, Status::Open | Status::Written | Status::Injected) {
            return;
        }
        if written {
            self.written(a);
        } else {
            self.void(a);
        }
        self.expire_for(self.attempts[a].session);
    }
}
