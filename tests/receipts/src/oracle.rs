//! Receipts held against the truth.

use anyhow::Result;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Via;
use session_bridge_store::{Receipt, State, Step};

use crate::form::Cli;
use crate::truth::{self, Fact, Tick};
use crate::world::World;

/// Turns after which a session without faults must have everything.
const TURNS: usize = 60;
/// Milliseconds in which a server finds that the wall clock was set forward while its timer waited for it.
const PUT_RIGHT: i64 = 60_100;

impl World {
    /// Takes in the notices that were stored since the last look, and says what is overdue.
    pub(crate) fn notices(&mut self) -> Result<()> {
        self.late_notes()?;
        loop {
            let new = self.store.since(None, self.read_to, 500)?;
            let Some(last) = new.last() else { break };
            self.read_to = last.seq;
            for message in new.iter().filter(|message| message.via == Via::System) {
                if message.body.contains("expired unread") {
                    self.tally.notices += 1;
                    let about =
                        truth::ids(&message.body).first().and_then(|id| self.ledger.by_id.get(id).copied());
                    let Some(at) = about else {
                        self.find(format!("a notice about nothing: {}", message.body));
                        continue;
                    };
                    let first = self.ledger.sent[at].notice.replace(message.id).is_none();
                    if !first && self.ledger.sent[at].facts.len() == 1 {
                        self.find(format!("two notices about {}", self.ledger.sent[at].id));
                    }
                }
            }
        }
        self.overdue();
        Ok(())
    }

    /// A sender with a live server is told at the deadline, or within a minute where the clock that was behind was set
    /// forward.
    fn overdue(&mut self) {
        let up = self.up();
        let put_right = self.forward.is_some_and(|forward| up < forward + PUT_RIGHT);
        for at in std::mem::take(&mut self.deadlines) {
            let sender = self.ledger.sent[at].sender;
            let served = self.seat_of(sender).is_some_and(|seat| self.seats[seat].server.is_some());
            if !self.has_passed(at) || (served && put_right && self.ledger.sent[at].notice.is_none()) {
                self.deadlines.push(at);
            } else if !served {
                self.untold.push(at);
            } else if self.owes_notice(at) {
                let (id, cli) = (self.ledger.sent[at].id, self.peers[sender].cli.word());
                self.find(format!("{cli}: {id} is overdue, its sender's server lives, and nothing was said"));
            }
        }
    }

    /// Whether a deadline is over, by what both clocks say now.
    fn has_passed(&self, at: usize) -> bool {
        let Some(deadline) = &self.ledger.sent[at].deadline else { return false };
        let now = self.clock.read();
        let same_boot = now.boot.as_ref().is_some_and(|boot| boot.id == deadline.boot);
        let up = now.boot.as_ref().map_or(0, |boot| boot.up);
        now.wall >= deadline.wall + 10 && (!same_boot || up >= deadline.up + 10)
    }

    /// Whether an overdue message was surely read by nobody, and its sender was not told.
    fn owes_notice(&mut self, at: usize) -> bool {
        let sent = &self.ledger.sent[at];
        if sent.notice.is_some() {
            return false;
        }
        let untouched = |(peer, fact): (&usize, &Fact)| {
            let it_may = fact.written.is_none()
                && !fact.unsettled
                && fact.taken == 0
                // What announces it may be under way, too.
                && fact.mentioned == 0
                && fact.answered.or(fact.declined).or(fact.cancelled).is_none()
                && !self.peers[*peer].unsettled;
            it_may.then_some(*peer)
        };
        let untouched: Vec<usize> = sent.facts.iter().filter_map(untouched).collect();
        let id = sent.id;
        untouched.into_iter().any(|peer| !self.may_be_out(id, peer))
    }

    /// Whether the bridge cannot tell that a body was not put out, and has a reason: who was about to do so was killed before
    /// anybody saw what went out. What is in doubt does not expire (rule R4).
    fn may_be_out(&mut self, id: MessageId, peer: usize) -> bool {
        let reason = self.peers[peer].muffled || self.ledger.fact(id, peer).is_some_and(|fact| fact.cut_off);
        reason
            && self.store.receipts(id).is_ok_and(|receipts| {
                receipts.iter().any(|receipt| Some(receipt.session) == self.peers[peer].id && receipt.doubt)
            })
    }

    /// A session had an event that opened the store: what of its messages passed its deadline while it had no process is
    /// told to it now.
    pub(crate) fn told_at_last(&mut self, peer: usize) -> Result<()> {
        if !self.untold.iter().any(|at| self.ledger.sent[*at].sender == peer) {
            return Ok(());
        }
        self.notices()?;
        let (mine, others): (Vec<usize>, Vec<usize>) =
            self.untold.iter().partition(|at| self.ledger.sent[**at].sender == peer);
        self.untold = others;
        for at in mine {
            let told = self.ledger.sent[at].notice.is_some();
            self.tally.late_notices += u64::from(told);
            if !told && !self.has_passed(at) {
                // The wall clock was set back since: it is not over any more, for nobody looked while it was.
                self.deadlines.push(at);
            } else if self.owes_notice(at) {
                let (id, cli) = (self.ledger.sent[at].id, self.peers[peer].cli.word());
                self.find(format!("{cli}: {id} is overdue, its sender came back, and nothing was said"));
            }
        }
        Ok(())
    }

    /// The tick of a time in a receipt.
    fn tick_of(&self, at: i64) -> Option<Tick> {
        self.walls.get(&at).copied()
    }

    /// Holds the receipts of one message against the truth.
    pub(crate) fn judge(&mut self, at: usize) -> Result<()> {
        let id = self.ledger.sent[at].id;
        for receipt in self.store.receipts(id)? {
            self.tally.receipts += 1;
            let Some(peer) = self.peers.iter().position(|peer| peer.id == Some(receipt.session)) else {
                self.find(format!("{id}: a receipt for a stranger"));
                continue;
            };
            let Some(fact) = self.ledger.sent[at].facts.get_mut(&peer) else {
                self.find(format!("{id}: a receipt for somebody whom nobody sent it to"));
                continue;
            };
            let before = fact.told.replace(receipt.state);
            let fact = fact.clone();
            if before.is_some_and(|before| is_back(before, receipt.state)) {
                self.find(format!("{id}: its receipt went back from {before:?} to {}", receipt.state));
            }
            for step in &receipt.steps {
                let Some(problem) = self.wrong(step, &fact, &receipt) else { continue };
                if !self.wrong.insert((id, peer, step.state.as_str())) {
                    continue;
                }
                let cli = self.peers[peer].cli;
                if let Some(known) = known(cli, step, &fact) {
                    *self.tally.known.entry(known.to_owned()).or_default() += 1;
                } else {
                    let steps = &receipt.steps;
                    self.find(format!("{}: {id}: {problem}; fact {fact:?}; steps {steps:?}", cli.word()));
                }
            }
            let paused = receipt.remark.as_deref().is_some_and(|remark| remark.contains("paused"));
            if paused && !self.peers[peer].paused {
                self.find(format!("{id}: held by a pause that does not stand"));
            }
            if receipt.state == State::Stored && fact.taken > 0 && !fact.unsettled {
                self.find(format!("{id}: its body is out and the receipt says stored"));
            }
        }
        Ok(())
    }

    /// What is untrue about a step, if anything.
    fn wrong(&self, step: &Step, fact: &Fact, receipt: &Receipt) -> Option<String> {
        let Some(at) = self.tick_of(step.at) else { return Some(format!("a step at no time: {step:?}")) };
        let by_then = |tick: Option<Tick>| tick.is_some_and(|tick| tick <= at);
        let door = step.evidence.as_deref() == Some("nudge written, without the body");
        let truth = match step.state {
            State::Stored => true,
            State::Offered if door => fact.nudged.is_some(),
            State::Offered => by_then(fact.written),
            // Of a result, that its host has it; it stands in the next request, if one is made.
            State::Injected if step.surface.as_deref() == Some("mcp-pull") => {
                by_then(fact.held) || by_then(fact.request)
            }
            State::Injected => by_then(fact.request),
            State::Seen => by_then(fact.output),
            State::Answered => fact.answered.is_some(),
            State::Declined => fact.declined.is_some(),
            State::Failed => fact.cancelled.is_some(),
            State::Expired => !by_then(fact.request) && receipt.state != State::Offered,
            _ => false,
        };
        (!truth).then(|| format!("`{}` by {:?} did not happen", step.state, step.evidence))
    }

    /// Everybody who lives goes on without faults, until nothing is left to do.
    pub(crate) fn calm_down(&mut self) -> Result<()> {
        self.calm = true;
        for peer in 0..self.peers.len() {
            self.unpause(peer)?;
        }
        self.lift_rules()?;
        for seat in 0..self.seats.len() {
            if self.seats[seat].process.is_none() {
                continue;
            }
            for turn in 0..TURNS {
                self.turn(seat, "anything new?")?;
                self.notices()?;
                let folder = self.peers[self.seats[seat].peer].id.map(|id| self.store.run().session(id));
                if turn > 1 && folder.is_some_and(|folder| !folder.bell_stands()) {
                    break;
                }
                if turn + 1 == TURNS {
                    let cli = self.seats[seat].cli.word();
                    self.find(format!("{cli}: its bell still stands after {TURNS} turns"));
                }
            }
        }
        self.notices()
    }

    /// What each message came to.
    pub(crate) fn judge_all(&mut self) -> Result<()> {
        for at in 0..self.ledger.sent.len() {
            self.judge(at)?;
            let (id, sender) = (self.ledger.sent[at].id, self.ledger.sent[at].sender);
            let receipts = self.store.receipts(id)?;
            let mut expired = false;
            for receipt in receipts {
                expired |= receipt.steps.iter().any(|step| step.state == State::Expired);
                self.last(&receipt, id);
            }
            let told = self.ledger.sent[at].notice.is_some();
            if told && !expired {
                self.find(format!("{id}: its sender was told that it expired, and it did not"));
            }
            if expired && !told {
                // The look at the receipts ended it: the notice is there by now.
                self.notices()?;
                if self.ledger.sent[at].notice.is_none() {
                    self.find(format!("{id} expired and its sender {sender} was not told"));
                }
            }
        }
        let missing = self.store.unheard(false)?;
        if !missing.is_empty() {
            self.find(format!("sessions with something to do and no bell: {missing:?}"));
        }
        Ok(())
    }

    fn last(&mut self, receipt: &Receipt, id: MessageId) {
        let Some(peer) = self.peers.iter().position(|peer| peer.id == Some(receipt.session)) else { return };
        let lives = self.seat_of(peer).is_some();
        let Some(fact) = self.ledger.fact(id, peer).cloned() else { return };
        let (cli, muffled) = (self.peers[peer].cli, self.peers[peer].muffled);
        let state = match receipt.state {
            State::Offered if receipt.doubt => "offered, in doubt".to_owned(),
            State::Stored if receipt.parked => "stored, announced".to_owned(),
            State::Stored if !lives => "stored, its reader is gone".to_owned(),
            state => state.to_string(),
        };
        *self.tally.states.entry(state).or_default() += 1;
        if !lives {
            return;
        }
        match receipt.state {
            State::Stored if !receipt.parked => self.find(format!(
                "{}: {id} waits though its session went on; {fact:?}; {receipt:?}",
                cli.word()
            )),
            State::Stored | State::Offered if fact.id_shown.is_none() && (fact.mentioned > 0 || muffled) => {
                let why = "in doubt, and the line that refers to it was lost as well";
                *self.tally.known.entry(why.to_owned()).or_default() += 1;
            }
            State::Stored if fact.id_shown.is_none() => {
                self.find(format!("{}: {id} is parked and was never announced; {receipt:?}", cli.word()));
            }
            State::Offered if !receipt.doubt => {
                self.find(format!("{}: {id} is still under way; {fact:?}; {receipt:?}", cli.word()));
            }
            State::Offered if fact.id_shown.is_none() => {
                self.find(format!("{}: {id} is in doubt and was never referred to; {receipt:?}", cli.word()));
            }
            _ => {}
        }
    }
}

/// Whether a sender who saw the one is told less by the other.
fn is_back(before: State, now: State) -> bool {
    let rank = |state| match state {
        State::Stored => 0,
        State::Offered => 1,
        State::Injected => 2,
        State::Seen => 3,
        State::Expired => 4,
        State::Declined | State::Failed | State::Answered => 5,
        _ => 6,
    };
    rank(now) < rank(before)
}

/// What `docs/limitations.md` says of a wrong step.
fn known(cli: Cli, step: &Step, fact: &Fact) -> Option<&'static str> {
    // What was asked is all that tells the end of one turn from the end of the next.
    let of_a_turn = matches!(step.state, State::Injected | State::Seen);
    (cli == Cli::Gemini && of_a_turn && fact.excused)
        .then_some("gemini: asked the same again, and neither the end by Esc nor the next prompt was heard")
}
