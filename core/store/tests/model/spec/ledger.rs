//! How the state of a delivery moves (the table of state transitions, R1 to R4, E2).

use super::events::Fate;
use super::mail::What;
use super::{A, Delivery, Doubt, M, Model, Part, S, Shown, State, Status};

impl Model {
    pub(super) fn item(&self, a: A, m: M) -> usize {
        self.delivery(self.attempts[a].session, m).expect("an attempt carries what was delivered")
    }

    /// States only move forward; which leads to which is the table's business.
    pub(super) fn advance(&mut self, d: usize, to: State) -> bool {
        use State::{Answered, Declined, Expired, Failed, Injected, Offered, Seen, Stored};
        let from = self.deliveries[d].state;
        let may = match to {
            Stored => false,
            Offered => from == Stored,
            Injected | Expired | Failed => matches!(from, Stored | Offered),
            Seen => matches!(from, Stored | Offered | Injected),
            // Any but declined and failed; a late answer to what expired is linked (R4).
            Answered => !matches!(from, Declined | Failed),
            Declined => matches!(from, Stored | Offered | Injected | Seen),
        };
        if may {
            self.deliveries[d].state = to;
        }
        may
    }

    /// The output left in time: `offered`, and shown to senders (R1, R4).
    pub(super) fn written(&mut self, a: A) {
        if self.attempts[a].status != Status::Open {
            return;
        }
        self.say_guard(a, true);
        let items = self.attempts[a].items.clone();
        self.attempts[a].status = if items.is_empty() { Status::Over } else { Status::Written };
        for (m, part) in items {
            let d = self.item(a, m);
            if part == Part::Body {
                self.advance(d, State::Offered);
            }
            if self.deliveries[d].attempt == Some(a) {
                let shown = if part == Part::Body { Shown::Body } else { Shown::Header };
                self.deliveries[d].shown = self.deliveries[d].shown.max(shown);
            }
        }
    }

    /// It provably put out nothing: everything is as before (E2).
    pub(super) fn void(&mut self, a: A) {
        if self.attempts[a].status == Status::Open {
            self.attempts[a].status = Status::Void;
            self.free(a);
        }
    }

    /// Neither can be shown: a body is referred to once (D4); an announcement that is in doubt twice was said twice and
    /// parks.
    pub(super) fn unknown(&mut self, a: A) {
        self.attempts[a].status = Status::Over;
        self.say_guard(a, false);
        for (m, part) in self.attempts[a].items.clone() {
            let d = self.item(a, m);
            let delivery = &mut self.deliveries[d];
            if delivery.attempt != Some(a) {
                continue;
            }
            delivery.attempt = None;
            match part {
                Part::Body => {
                    if delivery.is_unproven() {
                        // Nothing has to refer to what its model dealt with.
                        let doubt = if delivery.marked { Doubt::Referred } else { Doubt::Due };
                        delivery.doubt = delivery.doubt.max(doubt);
                        delivery.parked = true;
                    }
                    delivery.shown = Shown::Body;
                }
                Part::Header => {
                    delivery.parked |= delivery.announced;
                    delivery.announced = true;
                }
                Part::Reference => delivery.doubt = Doubt::Referred,
            }
        }
    }

    /// A later event of the same turn proves that the host took it (R1).
    pub(super) fn injected(&mut self, a: A) {
        self.attempts[a].status = Status::Injected;
        for (m, part) in self.attempts[a].items.clone() {
            let d = self.item(a, m);
            if part == Part::Body {
                self.advance(d, State::Injected);
            }
            let delivery = &mut self.deliveries[d];
            if delivery.attempt != Some(a) {
                continue;
            }
            match part {
                Part::Body => (delivery.doubt, delivery.parked) = (Doubt::None, false),
                Part::Header => (delivery.attempt, delivery.parked) = (None, true),
                Part::Reference => (delivery.attempt, delivery.doubt) = (None, Doubt::Referred),
            }
        }
    }

    /// Model output that could only follow the injection (R3).
    pub(super) fn seen(&mut self, a: A) {
        for (m, part) in self.attempts[a].items.clone() {
            if part == Part::Body {
                let d = self.item(a, m);
                self.advance(d, State::Seen);
            }
        }
        self.close(a);
    }

    /// Nothing more can be proven; what was proven stays.
    pub(super) fn close(&mut self, a: A) {
        self.attempts[a].status = Status::Over;
        self.free(a);
    }

    fn free(&mut self, a: A) {
        for (m, _) in self.attempts[a].items.clone() {
            let d = self.item(a, m);
            if self.deliveries[d].attempt == Some(a) {
                self.deliveries[d].attempt = None;
            }
        }
    }

    fn say_guard(&mut self, a: A, said: bool) {
        let attempt = &self.attempts[a];
        let session = &mut self.sessions[attempt.session];
        if attempt.guards && attempt.conversation == session.conversation {
            session.guarded = said;
            if said && attempt.surface != super::Surface::Pull {
                session.owes = None;
            }
        }
    }

    /// A session's attempts that can still change something, oldest first.
    pub(super) fn alive(&self, s: S) -> Vec<A> {
        let alive = [Status::Open, Status::Written, Status::Injected];
        (0..self.attempts.len())
            .filter(|a| self.attempts[*a].session == s && alive.contains(&self.attempts[*a].status))
            .collect()
    }

    /// The next holder of the lock takes the last one's note in (E2). Without one, nothing was put out; of a server that
    /// died, nobody knows.
    pub(super) fn fold(&mut self, s: S) {
        if let Some((a, fate)) = self.sessions[s].note.take()
            && self.attempts[a].status == Status::Open
        {
            match fate {
                Fate::Written => self.written(a),
                _ => self.unknown(a),
            }
        }
        for a in self.alive(s) {
            if self.attempts[a].status != Status::Open {
                continue;
            }
            match self.attempts[a].server {
                None => self.void(a),
                Some(server) if self.sessions[s].server != Some(server) => self.unknown(a),
                Some(_) => {}
            }
        }
    }

    /// What the note says was written, was, whoever asks.
    pub(super) fn fold_written(&mut self, s: S) {
        if let Some((a, Fate::Written)) = self.sessions[s].note {
            self.written(a);
        }
    }

    /// A conversation was cleared, or its process ended (D7): what was proven stays, of the rest nobody knows. What the
    /// last holder noted counts before that, and what provably put out nothing is void (E2), unless somebody holds the lock.
    pub(super) fn doubt_open(&mut self, s: S, free: bool) {
        if free {
            self.fold(s);
        }
        for a in self.alive(s) {
            if self.attempts[a].status == Status::Injected { self.close(a) } else { self.unknown(a) }
        }
        // What put out nothing may have waited with its deadline (R4), and nobody else may come who looks.
        self.expire(s, false);
    }

    /// What is looked at on behalf of one session: its mail, then what it sent. Deadlines are evaluated whenever state is
    /// read (R5); nothing with a body under way, or in doubt, expires (R4).
    pub(super) fn expire_for(&mut self, s: S) {
        self.expire(s, true);
    }

    fn expire(&mut self, s: S, sent: bool) {
        let can = |d: &Delivery| d.state == State::Stored && d.attempt.is_none() && d.doubt == Doubt::None;
        let mail =
            |model: &Self, d: &Delivery| (d.to == s, sent && model.messages[d.message].from == Some(s));
        let mut due: Vec<usize> = (0..self.deliveries.len())
            .filter(|d| can(&self.deliveries[*d]) && self.is_due(&self.deliveries[*d]))
            .filter(|d| mail(self, &self.deliveries[*d]) != (false, false))
            .collect();
        due.sort_by_key(|d| {
            let delivery = &self.deliveries[*d];
            (delivery.to != s, self.messages[delivery.message].expires)
        });
        for d in due {
            let m = self.deliveries[d].message;
            self.advance(d, State::Expired);
            // Of a message to many the first speaks for all: their time is the same.
            let many = self.deliveries.iter().filter(|d| d.message == m).count() > 1;
            if !(many && self.messages[m].told) {
                self.messages[m].told = true;
                self.notify(m, What::Expired);
            }
        }
    }

    /// Somebody reads everything: the lists of each session, then the receipts of one message.
    pub fn look(&mut self, m: Option<M>) {
        (0..self.sessions.len()).for_each(|s| self.expire_for(s));
        let Some(m) = m else { return };
        let of: Vec<usize> =
            (0..self.deliveries.len()).filter(|d| self.deliveries[*d].message == m).collect();
        let under_way =
            |d: &usize| self.deliveries[*d].state == State::Stored && self.deliveries[*d].attempt.is_some();
        if of.iter().any(under_way) {
            for d in of {
                self.fold_written(self.deliveries[d].to);
            }
        }
    }
}
