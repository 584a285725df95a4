//! What sessions, people and clocks do between the events of hosts.

use std::collections::BTreeMap;

use anyhow::Result;
use session_bridge_core::frame::{self, Fence};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency, Via};
use session_bridge_store::{
    Author, Draft, Due, Filter, Pause, Pull, Pulled, Ringer, RuleKind, StoreError, View,
};

use crate::form::{Cli, Why};
use crate::process::Process;
use crate::truth::{self, Deadline, Fact, Sent};
use crate::world::World;

/// How many get one message at most.
const MOST_RECIPIENTS: usize = 6;
/// A body that no surface holds.
const LARGE: usize = 20_000;

/// What a host has of a call.
pub(crate) enum Outcome {
    /// It gave the call up, and tells nothing of it.
    Untold,
    /// The call is over, with a text of ours or without.
    Told(Option<String>),
}

impl World {
    /// Something happens.
    pub(crate) fn act(&mut self) -> Result<()> {
        let pause = match self.random.below(12) {
            0 => 60_000,
            1 => 400_000,
            _ => 3_000,
        };
        self.rest(pause);
        let seat = self.random.below(self.seats.len());
        match self.random.below(100) {
            0..=39 => self.somebody_sends()?,
            40..=77 => self.live_turn(seat)?,
            78..=83 => self.wake(seat)?,
            84..=91 => self.live_on(seat)?,
            92..=94 => self.person(seat)?,
            95..=96 => self.clocks(),
            97 => self.store.reap()?,
            98 => {
                let peer = self.random.below(self.peers.len());
                if let Some(id) = self.peers[peer].id {
                    let entries = self.store.inbox(id, View::Unread, 20)?;
                    self.peers[peer].known.extend(entries.iter().map(|entry| entry.message.id));
                }
            }
            _ => {}
        }
        if self.random.one_in(4) && !self.ledger.sent.is_empty() {
            let from = self.ledger.sent.len().saturating_sub(60);
            let at = from + self.random.below(self.ledger.sent.len() - from);
            self.judge(at)?;
        }
        self.notices()
    }

    fn live_turn(&mut self, seat: usize) -> Result<()> {
        if self.seats[seat].process.is_none() {
            return self.resume(seat);
        }
        self.turn(seat, "go on")
    }

    /// Others send while a turn goes on.
    pub(crate) fn mail_meanwhile(&mut self) -> Result<()> {
        if !self.calm && self.random.one_in(4) { self.somebody_sends() } else { Ok(()) }
    }

    /// A session that has a server, as whoever sends by a tool.
    fn somebody_sends(&mut self) -> Result<()> {
        let seat = self.random.below(self.seats.len());
        if self.seats[seat].process.is_some() && self.serve(seat)?.is_some() {
            self.send(self.seats[seat].peer, None)?;
        }
        Ok(())
    }

    /// A session sends to some others, or answers.
    fn send(&mut self, sender: usize, reply: Option<MessageId>) -> Result<bool> {
        let Some(from) = self.peers[sender].id else { return Ok(false) };
        let mut recipients: Vec<usize> = Vec::new();
        let parent = reply.and_then(|id| self.ledger.by_id.get(&id).copied());
        match parent {
            Some(at) => recipients.push(self.ledger.sent[at].sender),
            None => {
                for _ in 0..=self.random.below(MOST_RECIPIENTS) {
                    let to = self.random.below(self.peers.len());
                    if to != sender && self.peers[to].id.is_some() && !recipients.contains(&to) {
                        recipients.push(to);
                    }
                }
            }
        }
        if recipients.is_empty() {
            return Ok(false);
        }
        let kind = match (reply, self.random.below(6)) {
            (Some(_), _) => Kind::Answer,
            (None, 0 | 1) => Kind::Question,
            (None, 2) => Kind::Status,
            _ => Kind::Note,
        };
        let lifetime_ms = self.random.one_in(3).then(|| 1_000 + self.ms(400_000));
        let filler = if self.random.one_in(40) { LARGE } else { self.random.below(300) };
        let id = MessageId::generate();
        let body = truth::body(id, filler);
        let draft = Draft {
            id,
            author: Author::Session(from),
            room: "default",
            to: "x",
            kind: kind.clone(),
            subject: None,
            body: &body,
            in_reply_to: reply,
            urgency: Urgency::Normal,
            lifetime_ms,
        };
        let to: Vec<SessionId> = recipients.iter().filter_map(|at| self.peers[*at].id).collect();
        self.pass(1);
        match self.store.send(&draft, &to) {
            Ok(_) => {}
            Err(StoreError::Blocked(_)) => {
                self.tally.fault("refused by a block");
                return Ok(false);
            }
            Err(StoreError::Closed(..)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let boot = self.clock.read();
        let deadline = lifetime_ms.and_then(|ms| {
            let now = boot.boot?;
            Some(Deadline { wall: boot.wall + ms, boot: now.id, up: now.up + ms })
        });
        if deadline.is_some() {
            self.deadlines.push(self.ledger.sent.len());
        }
        self.tally.deliveries += recipients.len() as u64;
        let facts: BTreeMap<usize, Fact> = recipients.iter().map(|to| (*to, Fact::default())).collect();
        self.ledger.add(Sent { id, sender, question: kind == Kind::Question, deadline, facts, notice: None });
        let tick = self.tick;
        if let Some(fact) = reply.and_then(|parent| self.ledger.fact(parent, sender)) {
            fact.answered.get_or_insert(tick);
        }
        if lifetime_ms.is_some() && self.seat_of(sender).is_some_and(|seat| self.seats[seat].server.is_some())
        {
            self.look(sender)?;
        }
        Ok(true)
    }

    /// A server looks at the deadlines of its session and sets its timer.
    fn look(&mut self, peer: usize) -> Result<(), StoreError> {
        let Some(id) = self.peers[peer].id else { return Ok(()) };
        let next = self.store.expire_sent(id)?;
        let up = self.up();
        self.peers[peer].timer =
            next.map(|wait| up + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2).max(5));
        Ok(())
    }

    /// Timers that ran off by now.
    pub(crate) fn timers(&mut self) -> Result<(), StoreError> {
        let up = self.up();
        for peer in 0..self.peers.len() {
            if self.peers[peer].timer.is_some_and(|at| at <= up) {
                for _ in 0..20 {
                    self.look(peer)?;
                    if self.peers[peer].timer.is_none_or(|at| at > up + 5) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts the server of a seat, if it has none.
    fn serve(&mut self, seat: usize) -> Result<Option<(SessionId, String)>> {
        let peer = self.seats[seat].peer;
        let Some(id) = self.peers[peer].id else { return Ok(None) };
        if self.seats[seat].server.is_none() {
            let name = self.word("server-");
            let life = self.store.run().session(id).hold_life(&name)?;
            self.seats[seat].server = Some((name, life));
            self.look(peer)?;
        }
        Ok(self.seats[seat].server.as_ref().map(|(name, _)| (id, name.clone())))
    }

    /// One call of a tool of ours: what the host has of its result.
    pub(crate) fn tool(&mut self, seat: usize, call: &str) -> Result<Outcome> {
        let Some((session, server)) = self.serve(seat)? else { return Ok(Outcome::Told(None)) };
        let peer = self.seats[seat].peer;
        self.pass(5);
        // Who goes on in peace only reads: nobody would be left to read what it sends.
        match self.random.below(if self.calm { 2 } else { 8 }) {
            0 | 1 => {
                let Some(id) = self.known(peer) else { return Ok(Outcome::Told(None)) };
                let pulled = self.pull(peer, session, Pull::Read(&[id]), call, &server);
                self.result(seat, pulled)
            }
            2 => {
                let filter = Filter::default();
                let claim = self.store.claim(session, &server, &filter, 20_000)?;
                self.mail_meanwhile()?;
                self.rest(30_000);
                let pulled = self.pull(peer, session, Pull::Next(&filter, Some(&claim)), call, &server);
                let result = self.result(seat, pulled);
                self.store.release(&claim)?;
                result
            }
            3 => {
                if let Some(id) = self.known(peer).filter(|id| self.is_question_to(*id, peer)) {
                    self.send(peer, Some(id))?;
                }
                Ok(Outcome::Told(None))
            }
            4 => {
                if let Some(id) = self.known(peer).filter(|id| self.ledger.fact(*id, peer).is_some()) {
                    match self.store.mark_read(session, &[id]) {
                        Ok(_) | Err(StoreError::NotShown(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(Outcome::Told(None))
            }
            5 => {
                if let Some(id) = self.known(peer).filter(|_| self.random.one_in(3)) {
                    self.decline(peer, session, id, Via::Session)?;
                }
                Ok(Outcome::Told(None))
            }
            6 => {
                let entries = self.store.inbox(session, View::Unread, 20)?;
                self.peers[peer].known.extend(entries.iter().map(|entry| entry.message.id));
                Ok(Outcome::Told(None))
            }
            _ => {
                self.send(peer, None)?;
                Ok(Outcome::Told(None))
            }
        }
    }

    fn is_question_to(&self, id: MessageId, peer: usize) -> bool {
        let Some(at) = self.ledger.by_id.get(&id) else { return false };
        let sent = &self.ledger.sent[*at];
        sent.question && sent.facts.contains_key(&peer)
    }

    fn decline(&mut self, peer: usize, session: SessionId, id: MessageId, via: Via) -> Result<()> {
        let Some(fact) = self.ledger.fact(id, peer) else { return Ok(()) };
        let before = fact.declined;
        match self.store.decline(session, id, Some("no"), via) {
            Ok(()) => {
                let tick = self.tick;
                if let (Some(fact), None) = (self.ledger.fact(id, peer), before) {
                    fact.declined = Some(tick);
                }
                Ok(())
            }
            Err(StoreError::UnderWay(_) | StoreError::Closed(..)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// As the server takes bodies for a result, and the text that it makes of them.
    fn pull(
        &mut self,
        peer: usize,
        session: SessionId,
        want: Pull<'_>,
        call: &str,
        server: &str,
    ) -> Result<(Pulled, String), StoreError> {
        let fence = Fence::fresh(&[]);
        let named = self.peers[peer].cli.names_calls();
        let pulled = self.store.pull(session, want, Some(if named { call } else { fence.word() }), server)?;
        let texts = pulled.messages.iter().map(|m| frame::message(&fence, &m.header(), &m.body));
        let text = texts.collect::<Vec<_>>().join("\n");
        Ok((pulled, text))
    }

    /// What becomes of a result.
    fn result(&mut self, seat: usize, pulled: Result<(Pulled, String), StoreError>) -> Result<Outcome> {
        let (pulled, text) = match pulled {
            Ok(pulled) => pulled,
            Err(StoreError::NotYours(_) | StoreError::NoMessage(_)) => return Ok(Outcome::Told(None)),
            Err(error) => return Err(error.into()),
        };
        let peer = self.seats[seat].peer;
        let Some(attempt) = pulled.attempt else {
            return Ok(Outcome::Told((!text.is_empty()).then_some(text)));
        };
        let written = |world: &mut Self| {
            let tick = world.tick;
            for message in &pulled.messages {
                if let Some(fact) = world.ledger.fact(message.id, peer) {
                    fact.written.get_or_insert(tick);
                    fact.unsettled = true;
                }
            }
        };
        let cut_off = |world: &mut Self| {
            for message in &pulled.messages {
                if let Some(fact) = world.ledger.fact(message.id, peer) {
                    fact.cut_off = true;
                }
            }
        };
        self.pass(2);
        match if self.calm { 99 } else { self.random.below(24) } {
            0 => {
                self.tally.fault("call cancelled before its result");
                self.store.pull_void(attempt)?;
                // Some hosts list the call all the same, with an error.
                Ok(if self.random.one_in(2) { Outcome::Told(None) } else { Outcome::Untold })
            }
            1 => {
                self.tally.fault("server died before its result");
                cut_off(self);
                self.peers[peer].unsettled = true;
                self.seats[seat].server = None;
                self.peers[peer].timer = None;
                Ok(Outcome::Untold)
            }
            2 => {
                self.tally.fault("server died after its result");
                cut_off(self);
                self.peers[peer].unsettled = true;
                self.seats[seat].server = None;
                self.peers[peer].timer = None;
                if self.random.one_in(2) {
                    Ok(Outcome::Untold)
                } else {
                    written(self);
                    Ok(Outcome::Told(Some(text)))
                }
            }
            3 => {
                self.tally.fault("result written and thrown away");
                written(self);
                self.store.pull_written(attempt)?;
                Ok(Outcome::Untold)
            }
            4 => {
                self.tally.fault("call told before its result was noted");
                written(self);
                let heard = Ok(Outcome::Told(Some(text)));
                self.late.push(attempt);
                heard
            }
            _ => {
                written(self);
                self.store.pull_written(attempt)?;
                Ok(Outcome::Told(Some(text)))
            }
        }
    }

    /// Somebody rings the door of an idle session.
    fn wake(&mut self, seat: usize) -> Result<()> {
        let (peer, cli) = (self.seats[seat].peer, self.seats[seat].cli);
        let Some(session) = self.peers[peer].id else { return Ok(()) };
        let Some(door) = cli.provider().card().wake.first().map(session_bridge_core::provider::Wake::name)
        else {
            return Ok(());
        };
        let host = self.seats[seat].process.as_ref().map(|process| process.key);
        let queues = cli == Cli::Codex;
        let Due::Now(ring) = self.store.wake_due(session, Ringer { door, host, queues })? else {
            return Ok(());
        };
        match self.random.below(6) {
            0 => {
                // The try is counted, and nothing was written: no receipt may say that a door took it.
                self.tally.fault("door refused");
                return Ok(());
            }
            fate => {
                self.pass(1);
                let tick = self.tick;
                for sent in self.ledger.sent.iter_mut().rev().take(600) {
                    if let Some(fact) = sent.facts.get_mut(&peer) {
                        fact.nudged.get_or_insert(tick);
                    }
                }
                self.store.nudged(session, &ring, door)?;
                match fate {
                    1 => self.tally.fault("door took a nudge and dropped it"),
                    2 => {
                        self.tally.fault("nudge held by a draft or a dialog");
                        self.rest(90_000);
                        self.turn(seat, "typed meanwhile")?;
                        if self.seats[seat].process.is_some() {
                            self.nudged_turn(seat, &ring.nudge.text())?;
                        }
                    }
                    _ if host.is_some() => self.nudged_turn(seat, &ring.nudge.text())?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A conversation is cleared, ends, dies, is resumed, forked or compacted.
    fn live_on(&mut self, seat: usize) -> Result<()> {
        use crate::form::Event;
        let (peer, cli) = (self.seats[seat].peer, self.seats[seat].cli);
        if self.seats[seat].process.is_none() {
            return self.resume(seat);
        }
        if !self.seats[seat].began {
            return Ok(());
        }
        match self.random.below(6) {
            0 if cli.compacts() => {
                self.tally.fault("compaction");
                self.compact(seat)?;
            }
            0 | 1 if cli != Cli::Cline && cli != Cli::Cursor => {
                self.tally.fault("clear");
                self.tell(seat, Event::Over { clear: true })?;
                self.seats[seat].pending.clear();
                self.peers[peer].context.clear();
                let native = self.native();
                if cli.clears() {
                    self.peers[peer].native = native;
                } else {
                    self.seats[seat].peer = self.newcomer(cli, native);
                    self.seats[seat].server = None;
                    self.peers[peer].timer = None;
                }
                if self.seats[seat].process.is_some() {
                    let why = if cli == Cli::Grok || cli == Cli::Opencode { Why::Fresh } else { Why::Clear };
                    self.begin(seat, why)?;
                }
            }
            2 => {
                self.tally.fault("session ended");
                self.tell(seat, Event::Over { clear: false })?;
                self.kill(seat);
            }
            3 => {
                self.tally.fault("host killed");
                self.kill(seat);
            }
            4 if cli == Cli::Claude => {
                self.tally.fault("fork");
                self.kill(seat);
                let native = self.native();
                self.seats[seat].peer = self.newcomer(cli, native);
                self.seats[seat].process = Some(Process::start()?);
                self.begin(seat, Why::Fork)?;
            }
            5 => {
                self.tally.fault("server killed alone");
                self.seats[seat].server = None;
                self.peers[peer].timer = None;
                self.serve(seat)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A dead seat's session is opened again in another process; sometimes an older one of the same CLI.
    fn resume(&mut self, seat: usize) -> Result<()> {
        let cli = self.seats[seat].cli;
        self.tally.fault("resumed");
        if self.random.one_in(3) {
            let free: Vec<usize> = (0..self.peers.len())
                .filter(|peer| {
                    self.peers[*peer].cli == cli && self.seats.iter().all(|seat| seat.peer != *peer)
                })
                .collect();
            if !free.is_empty() {
                self.seats[seat].peer = free[self.random.below(free.len())];
            }
        }
        self.seats[seat].process = Some(Process::start()?);
        self.seats[seat].pending.clear();
        if self.begin(seat, Why::Resume)? && self.random.one_in(2) {
            self.serve(seat)?;
        }
        Ok(())
    }

    /// A person pauses, mutes, blocks, answers, declines, withdraws.
    fn person(&mut self, seat: usize) -> Result<()> {
        let peer = self.seats[seat].peer;
        let Some(session) = self.peers[peer].id else { return Ok(()) };
        let other = self.random.below(self.peers.len());
        let Some(other) = self.peers[other].id.filter(|id| *id != session) else { return Ok(()) };
        match self.random.below(7) {
            0 => {
                self.tally.fault("paused");
                self.peers[peer].paused = true;
                Pause::Session(session).set(&self.home)?;
            }
            1 => self.unpause(peer)?,
            2 => {
                self.tally.fault("muted");
                self.store.set_rule(RuleKind::Mute, other, Some(session))?;
            }
            3 => {
                if self.random.one_in(3) {
                    self.tally.fault("blocked");
                    self.store.set_rule(RuleKind::Block, other, Some(session))?;
                }
            }
            4 => self.lift_rules()?,
            5 => {
                let mine = (0..self.ledger.sent.len())
                    .rev()
                    .take(80)
                    .find(|at| self.ledger.sent[*at].sender == peer);
                if let Some(at) = mine {
                    let id = self.ledger.sent[at].id;
                    match self.store.cancel(id) {
                        Ok(_) => {
                            self.tally.fault("withdrawn");
                            let tick = self.tick;
                            for fact in self.ledger.sent[at].facts.values_mut() {
                                fact.cancelled.get_or_insert(tick);
                            }
                        }
                        Err(StoreError::AlreadyOut(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            _ => {
                let to = (0..self.ledger.sent.len()).rev().take(80);
                let found = to.into_iter().find(|at| self.ledger.sent[*at].facts.contains_key(&peer));
                if let Some(at) = found {
                    self.decline(peer, session, self.ledger.sent[at].id, Via::CommandLine)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn unpause(&mut self, peer: usize) -> Result<()> {
        if let Some(session) = self.peers[peer].id.filter(|_| self.peers[peer].paused) {
            self.peers[peer].paused = false;
            let pause = Pause::Session(session);
            pause.lift(&self.home)?;
            self.store.ring_after(&pause)?;
        }
        Ok(())
    }

    pub(crate) fn lift_rules(&mut self) -> Result<()> {
        for kind in [RuleKind::Mute, RuleKind::Block] {
            for rule in self.store.rules(kind)? {
                self.store.lift_rule(kind, rule.peer, rule.reader)?;
            }
        }
        Ok(())
    }

    /// Somebody sets the wall clock.
    fn clocks(&mut self) {
        let by = self.ms(7_200_000);
        if self.random.one_in(2) {
            self.tally.fault("wall clock set forward");
            self.clock.set_by(by);
            self.forward = Some(self.up());
        } else {
            self.tally.fault("wall clock set back");
            self.clock.set_by(-by);
        }
        self.pass(1);
    }

    /// Results whose server says late that it wrote them.
    pub(crate) fn late_notes(&mut self) -> Result<()> {
        for attempt in std::mem::take(&mut self.late) {
            self.store.pull_written(attempt)?;
        }
        Ok(())
    }
}
