//! Honest work that agents hand on to one another, replayed: none of it is stopped, and no wake that it needs is lost.
//!
//! `data/handoffs.jsonl` has one chain per line. They were written for this test after common ways of working, with other
//! people, tasks, CLIs and durations each; they are no logs of anybody's sessions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use session_bridge_core::id::MessageId;
use session_bridge_providers::by_id;
use session_bridge_store::{ClaimId, Due, Filter};

use super::agents::{Agents, Began, KindOf, Sort};

/// The chains that are committed.
pub const HANDOFFS: &str = include_str!("../../data/handoffs.jsonl");
/// Longer than any host lets a call of ours last by default, so that no answer comes too late for its wait.
const WAIT_S: i64 = 6 * 3600;
/// More looks at one agent's wake than any chain needs.
const MOST_LOOKS: usize = 200;

/// One chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Its shape and its task.
    pub chain: String,
    /// Who takes part, and in which CLI.
    pub agents: BTreeMap<String, String>,
    /// What happens, in this order.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Step {
    /// A person submits a prompt.
    Human {
        /// To whom.
        human: String,
    },
    /// A message from the command line.
    Script {
        /// To whom.
        script: String,
    },
    /// The host of an idle agent begins a turn by itself: something ended in the background.
    Host {
        /// Whose.
        host: String,
    },
    /// Nobody does anything.
    Quiet {
        /// For so many seconds.
        quiet: i64,
    },
    /// An agent writes, when it was given everything that others wrote to it before.
    Sends {
        /// Who.
        from: String,
        /// To whom.
        to: Vec<String>,
        /// What.
        #[serde(default)]
        kind: Kind,
        /// How long it works before that, in seconds.
        #[serde(default)]
        takes: i64,
    },
}

/// What an agent writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message that needs no answer.
    #[default]
    Note,
    /// A question; its asker waits for the answer.
    Question,
    /// The answer to the last question of whom it is for.
    Answer,
    /// One message to all the others, urgent.
    Everybody,
}

/// What came of one chain.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Replayed {
    /// Its shape and its task.
    pub chain: String,
    /// Messages.
    pub messages: usize,
    /// Turns that a door began.
    pub wakes: usize,
    /// The highest hop number.
    pub hop: u32,
    /// What must not be.
    pub findings: Vec<String>,
}

/// Reads chains, one per line.
pub fn chains(text: &str) -> Result<Vec<Chain>> {
    text.lines()
        .enumerate()
        .map(|(n, line)| serde_json::from_str(line).with_context(|| format!("line {}", n + 1)))
        .collect()
}

/// Replays one.
pub fn replay(chain: &Chain) -> Result<Replayed> {
    let mut cast = Vec::new();
    for (name, provider) in &chain.agents {
        cast.push((
            name.as_str(),
            by_id(provider).with_context(|| format!("no provider {provider}"))?.card(),
        ));
    }
    let names = chain.agents.keys().map(String::as_str).collect();
    let mut replay = Replay {
        agents: Agents::new(&cast)?,
        names,
        given: BTreeSet::new(),
        asked: BTreeMap::new(),
        waits: BTreeMap::new(),
        wakes: 0,
    };
    let mut done = Replayed { chain: chain.chain.clone(), ..Replayed::default() };
    if let Err(error) = replay.play(&chain.steps) {
        done.findings.push(format!("{error:#}"));
    }
    for mail in replay.agents.mail.clone() {
        done.hop = done.hop.max(replay.agents.store.message(mail.id)?.hop);
        for receipt in replay.agents.store.receipts(mail.id)? {
            if receipt.remark.as_deref().is_some_and(|remark| remark.contains("limits.hops")) {
                done.findings.push(format!("{} for {} was stopped", mail.mark, receipt.label));
            }
        }
    }
    done.messages = replay.agents.mail.len();
    done.wakes = replay.wakes;
    Ok(done)
}

struct Replay<'a> {
    agents: Agents,
    names: Vec<&'a str>,
    /// What was put before whose model.
    given: BTreeSet<(usize, MessageId)>,
    /// The last question of each agent.
    asked: BTreeMap<usize, MessageId>,
    waits: BTreeMap<usize, (Filter, ClaimId)>,
    wakes: usize,
}

impl Replay<'_> {
    fn who(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|known| *known == name).with_context(|| format!("nobody is called {name}"))
    }

    fn play(&mut self, steps: &[Step]) -> Result<()> {
        for (n, step) in steps.iter().enumerate() {
            let next = match steps.get(n + 1) {
                Some(Step::Sends { from, .. }) => Some(from.as_str()),
                _ => None,
            };
            self.step(step, next).with_context(|| format!("step {}", n + 1))?;
        }
        self.rest().context("at the end")
    }

    fn step(&mut self, step: &Step, next: Option<&str>) -> Result<()> {
        match step {
            Step::Human { human } => self.begin(human, &Began::Person),
            Step::Host { host } => self.begin(host, &Began::Host),
            Step::Quiet { quiet } => {
                self.rest()?;
                self.agents.clock.advance(quiet * 1000);
                Ok(())
            }
            Step::Script { script } => {
                let to = self.who(script)?;
                let sort = Sort { kind: KindOf::Note, parent: None, everybody: false };
                self.agents.send(None, &[to], sort, "The build is red.").map(drop)
            }
            Step::Sends { from, to, kind, takes } => {
                let me = self.who(from)?;
                let to = to.iter().map(|name| self.who(name)).collect::<Result<Vec<_>>>()?;
                self.bring(me)?;
                self.agents.clock.advance(takes * 1000);
                self.send(me, &to, *kind)?;
                if *kind != Kind::Question && next != Some(from) {
                    self.end(me)?;
                }
                Ok(())
            }
        }
    }

    fn begin(&mut self, name: &str, began: &Began) -> Result<()> {
        let me = self.who(name)?;
        self.end(me)?;
        let text = self.agents.begin(me, began)?.context("the prompt was taken for a late nudge")?;
        self.take(me, &text);
        Ok(())
    }

    fn send(&mut self, me: usize, to: &[usize], kind: Kind) -> Result<()> {
        let parent = match (kind, to) {
            (Kind::Answer, [asker]) => Some(*self.asked.get(asker).context("nothing was asked")?),
            _ => None,
        };
        let sort = Sort {
            kind: match kind {
                Kind::Note | Kind::Everybody => KindOf::Note,
                Kind::Question => KindOf::Question,
                Kind::Answer => KindOf::Answer,
            },
            parent,
            everybody: kind == Kind::Everybody,
        };
        let id = self.agents.send(Some(me), to, sort, "Your turn.")?;
        if kind == Kind::Question {
            let filter = Filter { reply_to: Some(id), ..Filter::default() };
            let claim = self.agents.claim(me, &filter, WAIT_S)?.context("it must not wait")?;
            self.asked.insert(me, id);
            self.waits.insert(me, (filter, claim));
        }
        if let (Kind::Answer, [asker]) = (kind, to)
            && let Some((filter, claim)) = self.waits.remove(asker)
        {
            let text = self.agents.look(*asker, &filter, &claim)?.context("the wait returned nothing")?;
            self.take(*asker, &text);
        }
        Ok(())
    }

    /// Notes what an agent was given.
    fn take(&mut self, me: usize, text: &str) {
        for mail in self.agents.shown(me, text) {
            self.given.insert((me, mail.id));
        }
    }

    fn lacks(&self, me: usize) -> Option<String> {
        let mut mine = self.agents.mail.iter().filter(|mail| mail.to.contains(&me));
        mine.find(|mail| !self.given.contains(&(me, mail.id))).map(|mail| mail.mark.clone())
    }

    /// Has an agent in a turn in which it knows everything that was written to it, without a person.
    fn bring(&mut self, me: usize) -> Result<()> {
        for _ in 0..MOST_LOOKS {
            let lacks = self.lacks(me);
            match (self.agents.all[me].turn.is_some(), &lacks) {
                (true, None) => return Ok(()),
                (true, Some(_)) => {
                    let text = self.agents.tool(me)?;
                    self.take(me, &text);
                    if self.lacks(me) == lacks {
                        self.end(me)?;
                    }
                }
                (false, _) => match self.agents.ring(me)? {
                    Due::Now(ring) => {
                        self.wakes += 1;
                        let text = self.agents.begin(me, &Began::Nudge(ring.nudge))?;
                        self.take(me, &text.unwrap_or_default());
                    }
                    Due::At(at) => self.agents.until(at),
                    Due::Nothing => match lacks {
                        Some(mark) => bail!("{} is not woken for {mark}", self.names[me]),
                        None => bail!("{} has nothing to begin a turn with", self.names[me]),
                    },
                },
            }
        }
        bail!("{} never gets {:?}", self.names[me], self.lacks(me))
    }

    /// The turn's end, if there is a turn; mail may make it go on.
    fn end(&mut self, me: usize) -> Result<()> {
        ensure!(!self.waits.contains_key(&me), "{} still waits for an answer", self.names[me]);
        if self.agents.all[me].turn.is_some() {
            for n in 0.. {
                let Some(text) = self.agents.end(me, n)? else { break };
                self.take(me, &text);
            }
        }
        Ok(())
    }

    /// Everybody comes to an end; whoever has mail is woken for it.
    fn rest(&mut self) -> Result<()> {
        for me in 0..self.names.len() {
            self.end(me)?;
        }
        for me in 0..self.names.len() {
            if self.lacks(me).is_some() {
                self.bring(me)?;
                self.end(me)?;
            }
        }
        Ok(())
    }
}
