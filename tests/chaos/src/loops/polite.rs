//! Agents that answer whatever they are told: how far that goes without a person.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use session_bridge_core::id::MessageId;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{ClaimId, Due, Filter};

use super::agents::{Agents, Began, KindOf, Sort};
use crate::random::Random;

/// From so many hops on nothing starts a turn.
const HOPS: u32 = 6;
/// More steps than any run needs that ends.
const MOST_STEPS: usize = 600;
/// How long a wait lasts, in seconds: the longest that a host lets one last by default.
const WAIT_S: i64 = 90;

/// How an agent answers one message.
#[derive(Debug, Clone, Copy)]
struct Habit {
    /// What its answer is.
    manner: Manner,
    /// To the sender, or so many agents further on.
    to: usize,
    /// How many messages it writes for each that it gets.
    writes: usize,
    /// How long its model thinks, in seconds.
    thinks: i64,
    /// It looks something up before it is done: another event in which mail may come.
    uses_a_tool: bool,
    /// What it does after it has written.
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Replies,
    WritesAnew,
    Asks,
    /// One message to all the others, urgent, for whatever it was told at once.
    TellsEverybody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    EndsItsTurn,
    /// It waits for any message, and does so again after each.
    WaitsForMail,
    /// It waits for the answer to what it wrote last, and then for the next.
    WaitsForAnswer,
}

impl Habit {
    fn any(random: &mut Random) -> Self {
        let manner =
            *random.pick(&[Manner::Replies, Manner::WritesAnew, Manner::Asks, Manner::TellsEverybody]);
        Self {
            manner,
            to: random.below(5),
            writes: 1,
            thinks: i64::try_from(random.below(*random.clone().pick(&[2, 20, 400]))).unwrap_or(0),
            uses_a_tool: random.one_in(2),
            then: *random.pick(&[
                Then::EndsItsTurn,
                Then::EndsItsTurn,
                Then::WaitsForMail,
                Then::WaitsForAnswer,
            ]),
        }
    }
}

struct Waiting {
    filter: Filter,
    claim: ClaimId,
    until: i64,
}

struct Politeness {
    agents: Agents,
    habits: Vec<Habit>,
    waiting: Vec<Option<Waiting>>,
    /// Over how many wakes, at least, each agent's turn and each message came from the person's prompt.
    depth: Vec<u32>,
    sent_at: HashMap<MessageId, u32>,
    wakes: u64,
    deepest: u32,
}

/// What came of one company of agents.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Company {
    /// How many agents.
    pub agents: usize,
    /// The first seed, and how many.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// What they wrote.
    pub messages: u64,
    /// Turns that nobody but a door began.
    pub wakes: u64,
    /// The longest chain of such turns.
    pub deepest: u32,
    /// What must not be, by seed.
    pub findings: Vec<String>,
}

/// Lets so many companies of as many agents be polite, one per seed.
pub fn companies(agents: usize, seed: u64, first: u64, seeds: u64) -> Result<Company> {
    let mut sum = Company { agents, first, seeds, ..Company::default() };
    for number in first..first + seeds {
        let mut random = Random::new(seed, number * 8 + agents as u64);
        let mut one = Politeness::new(agents, &mut random)?;
        let finding = |error: anyhow::Error| format!("{number}: {error}");
        if let Err(error) = one.begin().and_then(|()| one.run()) {
            sum.findings.push(finding(error));
        }
        sum.messages += one.agents.mail.len() as u64;
        sum.wakes += one.wakes;
        sum.deepest = sum.deepest.max(one.deepest);
    }
    Ok(sum)
}

impl Politeness {
    fn new(count: usize, random: &mut Random) -> Result<Self> {
        let names = ["ann", "ben", "cem", "dan", "eva"];
        let cast: Vec<_> = names[..count].iter().map(|name| (*name, random.pick(PROVIDERS).card())).collect();
        let mut habits: Vec<_> = (0..count).map(|_| Habit::any(random)).collect();
        // Of many agents that double each message, one is enough to see.
        let doubles = random.below(count * 2);
        if let Some(habit) = habits.get_mut(doubles).filter(|habit| habit.manner != Manner::TellsEverybody) {
            habit.writes = 2;
        }
        Ok(Self {
            agents: Agents::new(&cast)?,
            habits,
            waiting: (0..count).map(|_| None).collect(),
            depth: vec![0; count],
            sent_at: HashMap::new(),
            wakes: 0,
            deepest: 0,
        })
    }

    /// A person has the first agent write to the second.
    fn begin(&mut self) -> Result<()> {
        let text = self.agents.begin(0, &Began::Person)?.unwrap_or_default();
        ensure!(text.is_empty() || self.agents.mail.is_empty(), "mail before anybody wrote");
        let id = self.write(0, 1, None)?;
        self.then(0, Some(id))
    }

    fn write(&mut self, me: usize, to: usize, parent: Option<MessageId>) -> Result<MessageId> {
        let manner = self.habits[me].manner;
        let others: Vec<usize> = (0..self.habits.len()).filter(|other| *other != me).collect();
        let everybody = manner == Manner::TellsEverybody;
        let sort = Sort {
            kind: match manner {
                Manner::Asks => KindOf::Question,
                Manner::Replies if parent.is_some() => KindOf::Answer,
                _ => KindOf::Note,
            },
            parent: parent.filter(|_| manner == Manner::Replies),
            everybody,
        };
        let to = if everybody { &others[..] } else { &[to] };
        let id = self.agents.send(Some(me), to, sort, "Thank you! What else can I do?")?;
        self.sent_at.insert(id, self.depth[me]);
        Ok(id)
    }

    /// Answers every message that stands in a text; the last that was written.
    fn answer(&mut self, me: usize, text: &str) -> Result<Option<MessageId>> {
        let habit = self.habits[me];
        let mut last = None;
        for mail in self.agents.shown(me, text) {
            self.agents.clock.advance(habit.thinks * 1000);
            let from = mail.from.unwrap_or(0);
            let other = (from + habit.to) % self.habits.len();
            for _ in 0..habit.writes {
                last = Some(self.write(me, if other == me { from } else { other }, Some(mail.id))?);
            }
            if habit.manner == Manner::TellsEverybody {
                break;
            }
        }
        Ok(last)
    }

    /// What an agent does after it has written, or has not.
    fn then(&mut self, me: usize, wrote: Option<MessageId>) -> Result<()> {
        let filter = match (self.habits[me].then, wrote) {
            (Then::WaitsForMail, Some(_)) => Filter::default(),
            (Then::WaitsForAnswer, Some(id)) => Filter { reply_to: Some(id), ..Filter::default() },
            _ => return self.finish(me),
        };
        let Some(claim) = self.agents.claim(me, &filter, WAIT_S)? else { return self.finish(me) };
        let until = self.agents.clock.now() + WAIT_S * 1000;
        self.waiting[me] = Some(Waiting { filter, claim, until });
        Ok(())
    }

    fn finish(&mut self, me: usize) -> Result<()> {
        if self.habits[me].uses_a_tool {
            let text = self.agents.tool(me)?;
            self.answer(me, &text)?;
        }
        for n in 0.. {
            let Some(text) = self.agents.end(me, n)? else { break };
            self.answer(me, &text)?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        for _ in 0..MOST_STEPS {
            match self.step()? {
                Some(at) => self.agents.until(at),
                None => return Ok(()),
            }
        }
        anyhow::bail!(
            "{} messages, {} wakes, and no end: {:?}",
            self.agents.mail.len(),
            self.wakes,
            self.habits
        )
    }

    /// One thing that happens now, or when something will; `None` when nothing will.
    fn step(&mut self) -> Result<Option<i64>> {
        let now = self.agents.clock.now();
        let mut next: Option<i64> = None;
        for me in 0..self.habits.len() {
            if let Some(open) = self.waiting[me].take() {
                if let Some(text) = self.agents.look(me, &open.filter, &open.claim)? {
                    let wrote = self.answer(me, &text)?;
                    self.then(me, wrote)?;
                    return Ok(Some(now));
                }
                if open.until <= now {
                    self.agents.store.release(&open.claim)?;
                    let text = self.agents.tool(me)?;
                    let wrote = self.answer(me, &text)?;
                    self.then(me, wrote)?;
                    return Ok(Some(now));
                }
                next = Some(next.map_or(open.until, |next| next.min(open.until)));
                self.waiting[me] = Some(open);
                continue;
            }
            match self.agents.ring(me)? {
                Due::Now(ring) => {
                    let Some(text) = self.agents.begin(me, &Began::Nudge(ring.nudge))? else {
                        return Ok(Some(now));
                    };
                    self.woken(me, &text)?;
                    let wrote = self.answer(me, &text)?;
                    self.then(me, wrote)?;
                    return Ok(Some(now));
                }
                Due::At(at) => next = Some(next.map_or(at, |next| next.min(at))),
                Due::Nothing => {}
            }
        }
        Ok(next)
    }

    /// Counts a turn that a door began.
    fn woken(&mut self, me: usize, text: &str) -> Result<()> {
        self.wakes += 1;
        let shown = self.agents.shown(me, text);
        let before = shown.iter().filter_map(|mail| self.sent_at.get(&mail.id)).min();
        self.depth[me] = before.map_or(self.depth[me], |depth| depth + 1);
        self.deepest = self.deepest.max(self.depth[me]);
        ensure!(self.depth[me] <= HOPS, "a turn begins {} wakes after the person's prompt", self.depth[me]);
        Ok(())
    }
}
