//! Part 2: deliveries that go wrong at their boundaries, and what receipts then say. A hook dies before or after it has
//! written, its answer goes nowhere, the next event never comes or is of another turn.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Serialize;
use session_bridge_core::event::Moment;
use session_bridge_core::id::MessageId;
use session_bridge_store::{State, Store};

use super::claim::{Truth, beyond};
use super::program::{Ended, Kill, Pace};
use super::random::Random;
use super::session::{Session, mark, marks};
use super::world::World;
use crate::report::Failure;

/// Sessions that things go wrong for at the same time.
const SESSIONS: usize = 2;

/// What was done and found.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Receipts {
    /// Messages whose receipts were looked at after each step.
    pub(super) messages: usize,
    /// Hooks that died at some point before the end of their write.
    pub(super) died: usize,
    /// Hooks that died as soon as their answer was out.
    pub(super) died_after: usize,
    /// Answers that nobody took.
    pub(super) thrown_away: usize,
    /// Answers that no event of the same turn followed.
    pub(super) turn_lost: usize,
    /// Messages whose receipt says that the model saw it, rightly.
    pub(super) seen: usize,
    /// What must not be.
    pub(super) findings: Vec<String>,
}

pub(super) fn run(world: &World, tell: impl Fn(String) + Sync) -> Result<Receipts, Failure> {
    let total = Mutex::new(Receipts::default());
    std::thread::scope(|scope| {
        let (total, tell) = (&total, &tell);
        for n in 0..SESSIONS {
            scope.spawn(move || {
                let done = Reader::start(world, n).and_then(|mut reader| {
                    loop {
                        reader.turn()?;
                        let mut sum = total.lock().unwrap_or_else(PoisonError::into_inner);
                        sum.take(&mut reader.counts);
                        tell(format!("{} deliveries", sum.messages));
                        if world.is_over() {
                            break;
                        }
                    }
                    reader.counts.seen = reader.seen()?;
                    total.lock().unwrap_or_else(PoisonError::into_inner).take(&mut reader.counts);
                    Ok(())
                });
                if let Err(why) = done {
                    world.find(why);
                }
            });
        }
    });
    world.expect_room()?;
    let mut result = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    result.findings = world.findings();
    Ok(result)
}

impl Receipts {
    fn take(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        self.messages += other.messages;
        self.died += other.died;
        self.died_after += other.died_after;
        self.thrown_away += other.thrown_away;
        self.turn_lost += other.turn_lost;
        self.seen += other.seen;
    }
}

/// One session and the truth about its mail.
struct Reader<'w> {
    world: &'w World,
    number: usize,
    session: Session,
    store: Store,
    random: Random,
    pace: Pace,
    turns: usize,
    known: BTreeMap<String, Known>,
    counts: Receipts,
}

/// One message.
struct Known {
    id: MessageId,
    truth: Truth,
    /// The turn in which it came out.
    turn: String,
}

impl<'w> Reader<'w> {
    fn start(world: &'w World, number: usize) -> Result<Self, String> {
        Ok(Self {
            world,
            number,
            session: Session::start(world, &format!("receipts-{number}"))?,
            store: world.ask(|| world.store())?,
            random: Random::new(world.seed, 50 + number as u64),
            pace: Pace::default(),
            turns: 0,
            known: BTreeMap::new(),
            counts: Receipts::default(),
        })
    }

    /// A message, a turn in which something goes wrong, and a look at the receipts after each step.
    fn turn(&mut self) -> Result<(), String> {
        self.turns += 1;
        let turn = format!("turn-{}", self.turns);
        let mark = mark(self.number, self.turns);
        let id =
            self.session.put(self.world, &mut self.store, &format!("{mark} {}", self.random.words(8)))?;
        self.known.insert(mark, Known { id, truth: Truth::default(), turn: String::new() });
        self.counts.messages += 1;
        match self.random.below(6) {
            0 => {
                self.fire(Moment::PromptSubmit, &turn, Kill::Never)?;
            }
            1 | 2 => {
                let kill = self.pace.kill(&mut self.random);
                let killed = self.fire(Moment::PromptSubmit, &turn, kill)?;
                self.counts.died += usize::from(killed);
            }
            3 => {
                let killed = self.fire(Moment::PromptSubmit, &turn, Kill::AtOutput)?;
                self.counts.died_after += usize::from(killed);
            }
            4 => {
                self.counts.thrown_away += 1;
                self.session.fire_unheard(self.world, Moment::PromptSubmit, &turn)?;
                self.check()?;
            }
            _ => {
                self.counts.turn_lost += 1;
                self.fire(Moment::PromptSubmit, &turn, Kill::Never)?;
                // The next event is of another turn, or there is none before the next prompt.
                if self.random.one_in(2) {
                    self.fire(Moment::AfterTool, &format!("{turn}-other"), Kill::Never)?;
                }
                return Ok(());
            }
        }
        self.fire(Moment::AfterTool, &turn, Kill::Never)?;
        if self.random.one_in(2) {
            self.fire(Moment::TurnEnd, &turn, Kill::Never)?;
        }
        Ok(())
    }

    /// One event. Whether its hook died of our signal.
    fn fire(&mut self, moment: Moment, turn: &str, kill: Kill) -> Result<bool, String> {
        let ended: Ended = self.session.fire(self.world, moment, turn, kill)?;
        if !ended.killed && matches!(moment, Moment::PromptSubmit) {
            self.pace.learn(ended.took);
        }
        // The event came, whether or not its hook lived to note it.
        for known in self.known.values_mut().filter(|known| known.truth.came_out && known.turn == turn) {
            known.truth.turn_went_on = true;
        }
        for mark in marks(&ended.output) {
            let Some(known) = self.known.get_mut(&mark) else { continue };
            if known.truth.came_out {
                self.world.find(format!("message {} came out twice", known.id));
            }
            known.truth.came_out = true;
            turn.clone_into(&mut known.turn);
        }
        self.check()?;
        Ok(ended.killed)
    }

    /// Compares the receipts of the last messages with what happened to them.
    fn check(&mut self) -> Result<(), String> {
        let last = self.turns.saturating_sub(2)..=self.turns;
        for known in last.filter_map(|n| self.known.get(&mark(self.number, n))) {
            let receipts = self.world.ask(|| self.store.receipts(known.id))?;
            for claim in receipts.iter().filter_map(|receipt| beyond(receipt, known.truth)) {
                self.world.find(format!("message {}: {claim}", known.id));
            }
        }
        Ok(())
    }

    /// A last look at all of them: how many are said to be seen.
    fn seen(&mut self) -> Result<usize, String> {
        let mut seen = 0;
        for known in self.known.values() {
            for receipt in self.world.ask(|| self.store.receipts(known.id))? {
                seen += usize::from(receipt.state == State::Seen);
                if let Some(claim) = beyond(&receipt, known.truth) {
                    self.world.find(format!("message {}: {claim}", known.id));
                }
            }
        }
        Ok(seen)
    }
}
