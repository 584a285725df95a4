//! A step carried out in the model: whom it concerns, and what comes of it.

use crate::spec::{
    A, By, Calls, Door, Fate, Host, Letter, M, MOST_SESSIONS, Model, Moment, Rule, S, State, Status, Surface,
    Why, Wish,
};
use crate::steps::{Act, Done, To};

/// One of them, if there are any.
fn one<T: Copy>(of: impl IntoIterator<Item = T>, which: u8) -> Option<T> {
    let of: Vec<T> = of.into_iter().collect();
    (!of.is_empty()).then(|| of[usize::from(which) % of.len()])
}

impl Model {
    /// Carries a step out as the rules say.
    pub fn step(&mut self, act: &Act) -> Done {
        self.carry_out(act).unwrap_or(Done::Nothing)
    }

    fn one_session(&self, which: u8, fits: impl Fn(S) -> bool) -> Option<S> {
        one((0..self.sessions.len()).filter(|s| fits(*s)), which)
    }

    /// A session whose host is there and tells events of it.
    fn one_at_work(&self, which: u8, in_turn: bool) -> Option<S> {
        self.one_session(which, |s| {
            let session = &self.sessions[s];
            self.is_alive(s) && !session.ended && session.in_turn == in_turn
        })
    }

    fn one_received(&self, s: S, which: u8) -> Option<M> {
        // The latest are of most interest.
        one(
            self.of(s).map(|d| self.deliveries[d].message).collect::<Vec<_>>().into_iter().rev().take(6),
            which,
        )
    }

    fn run(&mut self, who: S, moment: Moment, fate: Fate) -> Done {
        let event = self.told(who, moment);
        let spoke = self.hook(who, &event, fate);
        Done::Hook { who, event, fate, spoke }
    }

    fn carry_out(&mut self, act: &Act) -> Option<Done> {
        match *act {
            Act::Begin { .. }
            | Act::Fork(_)
            | Act::Clear(..)
            | Act::Compact(..)
            | Act::Resume { .. }
            | Act::End(..)
            | Act::Die(_) => self.come_and_go(act),
            Act::Prompt(who, by, fate) => {
                let who = match by {
                    By::Nudge => self.one_session(who, |s| {
                        let session = &self.sessions[s];
                        self.is_alive(s) && !session.ended && !session.in_turn && session.nudge.is_some()
                    })?,
                    _ => self.one_session(who, |s| self.is_alive(s) && !self.sessions[s].ended)?,
                };
                Some(self.run(who, Moment::Prompt(by), fate))
            }
            Act::Tool { who, lists, fate } => {
                let who = self.one_at_work(who, true)?;
                let own = |a: &A| {
                    let attempt = &self.attempts[*a];
                    attempt.session == who
                        && attempt.surface == Surface::Pull
                        && attempt.turn.is_none()
                        && matches!(attempt.status, Status::Open | Status::Written)
                };
                let pull = (0..self.attempts.len()).find(own).filter(|_| lists);
                Some(self.run(who, Moment::Tool(pull.map_or(Calls::Others, Calls::Of)), fate))
            }
            Act::TurnEnd(who, fate) => {
                let who = self.one_at_work(who, true)?;
                Some(self.run(who, Moment::TurnEnd, fate))
            }
            Act::Interrupt(who) => {
                let who = self.one_at_work(who, true)?;
                Some(self.run(who, Moment::Interrupt, Fate::Written))
            }
            Act::Abandon(who) => {
                let who = self.one_at_work(who, true)?;
                self.sessions[who].in_turn = false;
                None
            }
            Act::Send { .. } | Act::Reply { .. } | Act::Mark(..) | Act::Decline { .. } | Act::Cancel(_) => {
                self.write(act)
            }
            Act::Read(..)
            | Act::Wait { .. }
            | Act::Take(_)
            | Act::GiveUp(_)
            | Act::EndPull { .. }
            | Act::ServerDies(_) => self.call(act),
            Act::Pause(_) | Act::Unpause(_) | Act::Rule { .. } | Act::Lift(_) => self.decide(act),
            Act::Pass(ms) => {
                self.now += i64::from(ms);
                Some(Done::Passed(i64::from(ms)))
            }
            Act::Ring { who, queue, taken } => {
                let who = self.one_session(who, |_| true)?;
                let door = self.ring(who, queue);
                if let (Door::Now { wake, .. }, true) = (door, taken) {
                    self.sessions[who].nudge = Some(wake);
                }
                Some(Done::Rung { who, queue, taken, door })
            }
            Act::Overdue => Some(Done::TookOverdue(self.take_overdue())),
            Act::Open(opener) => Some(Done::Opened(opener)),
        }
    }

    fn come_and_go(&mut self, act: &Act) -> Option<Done> {
        let room = self.sessions.len() < MOST_SESSIONS;
        let here = |model: &Self, s: S| model.is_alive(s) && !model.sessions[s].ended;
        match *act {
            Act::Begin { single } => {
                let host = if single { Host::Single } else { Host::Batch };
                let who = room.then(|| self.begin(host, None))?;
                Some(self.run(who, Moment::Start(Why::Fresh), Fate::Written))
            }
            Act::Fork(who) => {
                let of = self.one_session(who, |_| room)?;
                let who = self.begin(self.sessions[of].host, None);
                Some(self.run(who, Moment::Start(Why::Forked), Fate::Written))
            }
            Act::Clear(who, fate) => {
                let who = self
                    .one_session(who, |s| here(self, s) && (room || self.sessions[s].host == Host::Batch))?;
                let who = match self.sessions[who].host {
                    Host::Batch => {
                        self.sessions[who].native = self.name();
                        who
                    }
                    // The host does not name the predecessor (W8).
                    Host::Single => self.begin(Host::Single, Some(self.sessions[who].process)),
                };
                // Nobody can hold the lock of a session that nobody knows yet.
                let known = self.sessions[who].live.is_some();
                let fate = if fate == Fate::Locked && !known { Fate::Written } else { fate };
                Some(self.run(who, Moment::Start(Why::Cleared), fate))
            }
            Act::Compact(who, fate) => {
                let who = self.one_session(who, |s| here(self, s))?;
                Some(self.run(who, Moment::Start(Why::Compacted), fate))
            }
            Act::Resume { who, elsewhere, said, fate } => {
                let who = self.one_session(who, |s| !here(self, s) || elsewhere)?;
                if elsewhere || !self.is_alive(who) {
                    self.hosts.push(true);
                    self.move_to(who, self.hosts.len() - 1, fate != Fate::Locked);
                }
                // Not every host tells that it resumes.
                let moment = if said { Moment::Start(Why::Resumed) } else { Moment::Prompt(By::User) };
                Some(self.run(who, moment, fate))
            }
            Act::End(who, fate) => {
                let who = self.one_session(who, |s| here(self, s))?;
                Some(self.run(who, Moment::End, fate))
            }
            Act::Die(who) => {
                let who = self.one_session(who, |s| self.is_alive(s))?;
                let process = self.sessions[who].process;
                self.hosts[process] = false;
                for session in self.sessions.iter_mut().filter(|s| s.process == process) {
                    session.in_turn = false;
                }
                Some(Done::Died(process))
            }
            _ => None,
        }
    }

    fn write(&mut self, act: &Act) -> Option<Done> {
        match *act {
            Act::Send { from, to, word, size, lifetime } => {
                // Who sends looks at the sessions of the room first.
                let from = self.one_session(from, |s| !self.sessions[s].ended && self.is_alive(s))?;
                self.reap();
                let live = |s: &S| *s != from && !self.sessions[*s].ended;
                let (everyone, urgent) =
                    (matches!(to, To::Everyone | To::EveryoneUrgently), to == To::EveryoneUrgently);
                let to_whom: Vec<S> = match to {
                    To::Label(which) => {
                        one((0..self.sessions.len()).filter(live), which).into_iter().collect()
                    }
                    To::Id(which) => vec![self.one_session(which, |s| s != from)?],
                    To::Everyone | To::EveryoneUrgently => (0..self.sessions.len()).filter(live).collect(),
                };
                if to_whom.is_empty() && !everyone {
                    return Some(Done::Reaped);
                }
                // No two deadlines are the same, so that the order of what expires is known.
                let number = i64::try_from(self.messages.len()).unwrap_or(0);
                let lifetime = lifetime.map(|s| i64::from(s) * 1_000 + 7 * number + 1);
                let letter = Letter { from, to: to_whom, everyone, urgent, word, size, lifetime };
                let end = self.send(&letter);
                Some(Done::Sent { letter, how: to, end })
            }
            Act::Reply { who, which, person } => {
                let who = self.one_session(who, |s| self.of(s).next().is_some())?;
                let parent = self.one_received(who, which)?;
                Some(Done::Replied { who, parent, person, end: self.reply(who, parent, person) })
            }
            Act::Mark(who, which) => {
                let who = self.one_session(who, |s| self.of(s).next().is_some())?;
                let which = self.one_received(who, which)?;
                Some(Done::Marked { who, which, end: self.mark_read(who, which) })
            }
            Act::Decline { who, which, person } => {
                let who = self.one_session(who, |s| self.of(s).next().is_some())?;
                let which = self.one_received(who, which)?;
                Some(Done::Declined { who, which, person, end: self.decline(who, which, person) })
            }
            Act::Cancel(which) => {
                let which =
                    one((0..self.messages.len()).filter(|m| self.messages[*m].from.is_some()), which)?;
                Some(Done::Cancelled { which, end: self.cancel(which) })
            }
            _ => None,
        }
    }

    fn call(&mut self, act: &Act) -> Option<Done> {
        let calls = |model: &Self, s: S| {
            let session = &model.sessions[s];
            model.is_alive(s) && !session.ended && session.in_turn && !session.paused
        };
        match *act {
            Act::Read(who, which) => {
                let who = self.one_session(who, |s| calls(self, s) && self.of(s).next().is_some())?;
                let which = self.one_received(who, which)?;
                let call = self.name();
                let (attempt, late) = self.read(who, which, call);
                Some(Done::Read { who, which, call, attempt, late })
            }
            Act::Wait { who, wish, which, for_s } => {
                let who = self.one_session(who, |s| calls(self, s))?;
                let asked = |m: &M| self.messages[*m].from == Some(who);
                let wish = match wish {
                    0 => Wish::Anything,
                    1 => Wish::From(self.one_session(which, |s| s != who)?),
                    2 => Wish::Questions,
                    _ => Wish::AnswerTo(one((0..self.messages.len()).rev().filter(asked).take(3), which)?),
                };
                let for_ms = i64::from(for_s) * 1_000;
                let claim = self.claim(who, wish, for_ms);
                Some(Done::Waited { who, wish, claim, for_ms })
            }
            Act::Take(which) => {
                let claim = one(self.open_waits(), which)?;
                let call = self.name();
                Some(Done::Took { claim, call, found: self.take(claim, call) })
            }
            Act::GiveUp(which) => {
                let claim = one(self.open_waits(), which)?;
                self.claims[claim].open = false;
                Some(Done::GaveUp(claim))
            }
            Act::EndPull { which, written } => {
                let open = |a: &A| {
                    let attempt = &self.attempts[*a];
                    attempt.surface == Surface::Pull
                        && attempt.status != Status::Void
                        && attempt.server == self.sessions[attempt.session].server
                };
                let attempt = one((0..self.attempts.len()).rev().filter(open).take(3), which)?;
                self.end_pull(attempt, written);
                Some(Done::PullEnded { attempt, written })
            }
            Act::ServerDies(who) => {
                let who = self.one_session(who, |s| self.sessions[s].server.is_some())?;
                self.sessions[who].server = None;
                Some(Done::ServerDied(who))
            }
            _ => None,
        }
    }

    fn open_waits(&self) -> Vec<usize> {
        let open = |c: &usize| {
            let claim = &self.claims[*c];
            claim.open && self.sessions[claim.session].server == Some(claim.server)
        };
        (0..self.claims.len()).filter(open).collect()
    }

    fn decide(&mut self, act: &Act) -> Option<Done> {
        match *act {
            Act::Pause(who) => {
                let who = self.one_session(who, |s| !self.sessions[s].paused)?;
                self.sessions[who].paused = true;
                Some(Done::Paused(who))
            }
            Act::Unpause(who) => {
                let who = self.one_session(who, |s| self.sessions[s].paused)?;
                self.sessions[who].paused = false;
                self.let_out(who);
                Some(Done::Unpaused(who))
            }
            Act::Rule { block, peer, reader } => {
                let peer = self.one_session(peer, |_| true)?;
                let reader = reader.and_then(|reader| self.one_session(reader, |s| s != peer));
                let rule = Rule { block, peer, reader };
                self.rules.insert(rule).then_some(Done::Ruled(rule))
            }
            Act::Lift(which) => {
                let rule = one(self.rules.iter().copied(), which)?;
                self.rules.remove(&rule);
                for s in (0..self.sessions.len()).filter(|s| rule.reader.is_none_or(|r| r == *s)) {
                    let has = |d: usize| {
                        let d = &self.deliveries[d];
                        d.hot() && self.messages[d.message].from == Some(rule.peer)
                    };
                    if self.of(s).any(has) {
                        self.let_out(s);
                    }
                }
                Some(Done::Lifted(rule))
            }
            _ => None,
        }
    }

    /// The message whose receipts somebody reads.
    pub fn one_message(&self, which: u8) -> Option<M> {
        let open = |m: &M| {
            let over =
                |s: State| matches!(s, State::Answered | State::Declined | State::Expired | State::Failed);
            self.deliveries.iter().any(|d| d.message == *m && !over(d.state))
        };
        one((0..self.messages.len()).filter(open), which)
    }
}
