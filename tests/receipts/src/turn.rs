//! What a host does: turns with prompts, requests, tools and ends, and how they are cut short.

use anyhow::Result;
use session_bridge_core::echo;
use session_bridge_core::id::MessageId;

use crate::acts::Outcome;
use crate::form::{Call, Cli, Event, Why};
use crate::seat::Heard;
use crate::truth;
use crate::world::{Lie, World};

/// Most requests of one turn.
const REQUESTS: usize = 6;

/// How a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Answered,
    /// The user pressed Esc before a word of it.
    Cut,
    Died,
}

impl World {
    /// Tells the start of a conversation; false if the host died of it.
    pub(crate) fn begin(&mut self, seat: usize, why: Why) -> Result<bool> {
        self.seats[seat].began = true;
        let heard = self.tell(seat, Event::Start(why))?;
        self.shown(seat, &heard);
        Ok(!heard.contains(&Heard::Died))
    }

    /// Headers at a start are read by the model later, which does not matter: its ids are known to it.
    fn shown(&mut self, seat: usize, heard: &[Heard]) {
        let peer = self.seats[seat].peer;
        for text in heard {
            if let Heard::Text(text) = text {
                self.learn(peer, text);
            }
        }
    }

    pub(crate) fn learn(&mut self, peer: usize, text: &str) {
        for id in truth::ids(text) {
            if self.ledger.by_id.contains_key(&id) {
                self.peers[peer].known.push(id);
            }
        }
    }

    /// A whole turn, from its prompt on.
    pub(crate) fn turn(&mut self, seat: usize, prompt: &str) -> Result<()> {
        self.run_turn(seat, prompt, false)
    }

    /// A turn whose prompt the host made of a nudge.
    pub(crate) fn nudged_turn(&mut self, seat: usize, nudge: &str) -> Result<()> {
        self.run_turn(seat, nudge, true)
    }

    fn run_turn(&mut self, seat: usize, prompt: &str, by_host: bool) -> Result<()> {
        let cli = self.seats[seat].cli;
        if !self.seats[seat].began && !self.begin(seat, Why::Fresh)? {
            return Ok(());
        }
        let turn = self.word(if by_host && cli == Cli::Grok { "notifications-" } else { "turn-" });
        // Some ask the same again, as who pressed Esc.
        let again = !by_host && turn.ends_with(['0', '8']) && !self.seats[seat].asked.is_empty();
        let asked = match (by_host, again) {
            (true, _) => prompt.to_owned(),
            (false, true) => self.seats[seat].asked.clone(),
            (false, false) => format!("{prompt} {turn}"),
        };
        self.seats[seat].turn = turn;
        self.seats[seat].asked.clone_from(&asked);
        let event = if by_host { Event::HostsPrompt(&asked) } else { Event::Prompt(&asked) };
        let heard = self.tell(seat, event)?.pop().unwrap_or(Heard::Nothing);
        match heard {
            // Where a prompt can be dropped, no turn begins.
            Heard::Died | Heard::Dropped => return Ok(()),
            Heard::Text(text) => {
                let peer = self.seats[seat].peer;
                if cli.blocks() && self.unlucky(16) {
                    self.tally.fault("prompt blocked by another hook");
                    // No end is told of a turn that never began: where turns have no names, the next prompt tells so, or an end
                    // of which something else was asked.
                    self.peers[peer].cut_unheard = (cli == Cli::Gemini).then_some(asked);
                    return Ok(());
                }
                if self.lie == Some(Lie::PromptsLost) {
                    self.learn(peer, "");
                } else {
                    self.seats[seat].pending.push(text);
                }
            }
            Heard::Nothing => {
                if cli.blocks() && self.unlucky(40) {
                    return Ok(());
                }
            }
        }
        self.work(seat)
    }

    /// Bad luck, once in so many times, unless all is calm.
    pub(crate) fn unlucky(&mut self, once_in: usize) -> bool {
        !self.calm && self.random.one_in(once_in)
    }

    /// Requests, tools and ends, until the turn is over.
    fn work(&mut self, seat: usize) -> Result<()> {
        let cli = self.seats[seat].cli;
        let (mut rounds, mut said, mut requests) = (0, String::new(), 0);
        loop {
            requests += 1;
            match self.request(seat, said.is_empty())? {
                Model::Died => return Ok(()),
                Model::Cut => return self.cut(seat, rounds, &said),
                Model::Answered => {}
            }
            let tools = requests < REQUESTS && self.random.one_in(2);
            if tools {
                if self.random.one_in(2) {
                    said.push_str(&self.word("words-"));
                }
                match self.tools(seat)? {
                    Model::Died => return Ok(()),
                    Model::Cut => return self.cut(seat, rounds, &said),
                    Model::Answered => {}
                }
                if cli.compacts() && self.unlucky(40) {
                    self.tally.fault("compaction in mid-turn");
                    if !self.compact(seat)? {
                        return Ok(());
                    }
                }
                continue;
            }
            let words = self.word("words-");
            said = match cli {
                // All words of the turn.
                Cli::Gemini => format!("{said} {words}"),
                _ => words,
            };
            self.mail_meanwhile()?;
            let heard = self.tell(seat, Event::End { rounds, said: &said })?.pop().unwrap_or(Heard::Nothing);
            let text = match heard {
                Heard::Text(text) if cli.goes_on() => text,
                _ => return Ok(()),
            };
            if self.unlucky(12) {
                // Esc, or the host's cap: the turn ends all the same, and nothing is told.
                self.tally.fault("turn not continued");
                return Ok(());
            }
            rounds += 1;
            if cli.echoes() {
                if cli == Cli::Cursor {
                    self.seats[seat].turn = self.word("turn-");
                }
                match self.tell(seat, Event::Prompt(&text))?.pop().unwrap_or(Heard::Nothing) {
                    Heard::Died => return Ok(()),
                    Heard::Text(more) => self.seats[seat].pending.push(more),
                    _ => {}
                }
            }
            self.seats[seat].pending.push(text);
        }
    }

    /// One request to the model and its answer.
    fn request(&mut self, seat: usize, nothing_said: bool) -> Result<Model> {
        let (peer, cli) = (self.seats[seat].peer, self.seats[seat].cli);
        self.seats[seat].step += 1;
        if self.unlucky(60) {
            self.tally.fault("host killed before a request");
            self.kill(seat);
            return Ok(Model::Died);
        }
        if self.unlucky(60) {
            self.tally.fault("Esc before a request");
            let dropped = matches!(cli, Cli::Claude | Cli::Gemini | Cli::Opencode) || nothing_said;
            if dropped || self.random.one_in(2) {
                self.seats[seat].pending.clear();
            }
            return Ok(Model::Cut);
        }
        let texts = std::mem::take(&mut self.seats[seat].pending);
        self.pass(1);
        let tick = self.tick;
        for text in &texts {
            self.learn(peer, text);
            for id in truth::bodies(text) {
                self.peers[peer].context.push(id);
                if let Some(fact) = self.ledger.fact(id, peer) {
                    fact.request.get_or_insert(tick);
                }
            }
            for id in truth::ids(text) {
                if let Some(fact) = self.ledger.fact(id, peer) {
                    fact.id_shown.get_or_insert(tick);
                }
            }
        }
        if cli == Cli::Cline {
            for text in &texts {
                let mark = serde_json::to_string(text)?;
                if let Some(attempt) = echo::in_json(&mark)
                    && self.tell(seat, Event::Request(&attempt.to_string()))?.contains(&Heard::Died)
                {
                    return Ok(Model::Died);
                }
            }
        }
        if self.unlucky(50) {
            self.tally.fault("Esc before any output");
            match cli {
                Cli::Gemini => self.peers[peer].context.clear(),
                // It drops what stood beside the prompt from the conversation; results of tools stay.
                Cli::Claude => {
                    let ledger = &mut self.ledger;
                    let held =
                        |id: &MessageId| ledger.fact(*id, peer).is_some_and(|fact| fact.held.is_some());
                    self.peers[peer].context.retain(held);
                }
                _ => {}
            }
            if self.lie != Some(Lie::EmptyEnds) {
                return Ok(Model::Cut);
            }
            return Ok(Model::Answered);
        }
        if self.unlucky(80) {
            self.tally.fault("host killed during a request");
            self.kill(seat);
            return Ok(Model::Died);
        }
        self.rest(4_000);
        let tick = self.tick;
        for id in std::mem::take(&mut self.peers[peer].context) {
            if let Some(fact) = self.ledger.fact(id, peer) {
                fact.output.get_or_insert(tick);
            }
        }
        Ok(Model::Answered)
    }

    /// A few tool calls of one response, side by side.
    fn tools(&mut self, seat: usize) -> Result<Model> {
        let cli = self.seats[seat].cli;
        let mut calls = Vec::new();
        let mut results = Vec::new();
        for _ in 0..=self.random.below(3) {
            let id = self.word("call_");
            let outcome = if self.random.one_in(3) { self.tool(seat, &id)? } else { Outcome::Told(None) };
            let Outcome::Told(ours) = outcome else { continue };
            if let Some(text) = &ours {
                results.push(text.clone());
            }
            calls.push(Call { id, ours });
        }
        if self.random.one_in(6) && cli != Cli::Gemini {
            let call = Call { id: self.word("call_"), ours: None };
            let heard = self.tell(seat, Event::SubagentTool(&call))?;
            if heard.contains(&Heard::Died) {
                return Ok(Model::Died);
            }
            if heard.iter().any(|heard| matches!(heard, Heard::Text(_))) {
                self.find(format!("{}: a subagent was given mail", cli.word()));
            }
        }
        self.mail_meanwhile()?;
        if calls.is_empty() {
            return Ok(Model::Answered);
        }
        if self.lie != Some(Lie::ResultsLost) {
            // The host has them before it tells of the calls.
            let (peer, tick) = (self.seats[seat].peer, self.tick);
            for id in results.iter().flat_map(|text| truth::bodies(text)) {
                if let Some(fact) = self.ledger.fact(id, peer) {
                    fact.held.get_or_insert(tick);
                }
            }
            self.seats[seat].pending.extend(results);
        }
        let heard = self.tell(seat, Event::Tools(&calls))?;
        if heard.contains(&Heard::Died) {
            return Ok(Model::Died);
        }
        let lost = self.lie == Some(Lie::ToolsLost);
        for text in heard {
            if let (Heard::Text(text), false) = (text, lost) {
                self.seats[seat].pending.push(text);
            }
        }
        if self.unlucky(40) {
            self.tally.fault("Esc after tools");
            if matches!(cli, Cli::Claude | Cli::Codex) && self.random.one_in(2) {
                // Results stay in the conversation, for its next turn.
                return Ok(Model::Cut);
            }
            self.seats[seat].pending.clear();
            return Ok(Model::Cut);
        }
        Ok(Model::Answered)
    }

    /// The turn is interrupted.
    fn cut(&mut self, seat: usize, rounds: u32, said: &str) -> Result<()> {
        let (peer, cli) = (self.seats[seat].peer, self.seats[seat].cli);
        if cli == Cli::Grok && said.is_empty() {
            // Ctrl+C before any output is not told.
            return Ok(());
        }
        // A hook that fails here is as if nothing was told.
        self.peers[peer].cut_unheard = (cli == Cli::Gemini).then(|| self.seats[seat].asked.clone());
        let heard = self.tell(seat, Event::Cut { rounds, said })?;
        for text in heard {
            if let Heard::Text(_) = text {
                self.tally.fault("text at an end after Esc");
            }
        }
        Ok(())
    }

    /// The context is summarised; false if the host died of it. A model is asked for the summary, with all that stands in the
    /// conversation, and writes it: what became of a text then is in doubt, that it was put before a model is not.
    pub(crate) fn compact(&mut self, seat: usize) -> Result<bool> {
        let peer = self.seats[seat].peer;
        let mut shown = std::mem::take(&mut self.peers[peer].context);
        for text in std::mem::take(&mut self.seats[seat].pending) {
            shown.extend(truth::bodies(&text));
        }
        self.pass(1);
        let asked = self.tick;
        self.rest(4_000);
        for id in shown {
            let written = self.tick;
            if let Some(fact) = self.ledger.fact(id, peer) {
                fact.request.get_or_insert(asked);
                fact.output.get_or_insert(written);
            }
        }
        let heard = self.tell(seat, Event::Start(Why::Compact))?;
        self.shown(seat, &heard);
        for heard in &heard {
            if let Heard::Text(text) = heard {
                self.seats[seat].pending.push(text.clone());
            }
        }
        Ok(!heard.contains(&Heard::Died))
    }
}
