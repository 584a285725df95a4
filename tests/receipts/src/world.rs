//! One world: a store, hosts, clocks, and the order in which things happen.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use anyhow::Result;
use session_bridge_chaos::random::Random;
use session_bridge_core::home::Home;
use session_bridge_core::id::{AttemptId, MessageId};
use session_bridge_store::{Clock, Role, Store};

use crate::form::{CLIS, Cli};
use crate::process::Process;
use crate::seat::{Peer, Seat};
use crate::tally::Tally;
use crate::truth::{Ledger, Tick};

/// Seats for each CLI.
const SEATS: usize = 2;
/// Later than any file of the simulation is really written, so that signs of life are never of the future.
const EPOCH: i64 = 4_000_000_000_000;
/// Findings of one world that are kept.
const MOST_FINDINGS: usize = 20;

/// A lie that the hosts tell, to try the oracle: it must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// What hooks say with a prompt is thrown away, and turns go on as if it had been taken.
    PromptsLost,
    /// What hooks say beside tools is thrown away, likewise.
    ToolsLost,
    /// Ends of turns are told though the model said nothing.
    EmptyEnds,
    /// Results of our tools are thrown away, and told as if the model had them.
    ResultsLost,
}

/// How a world is run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// Deliveries of one world, at least.
    pub deliveries: u64,
    /// A lie of the hosts.
    pub lie: Option<Lie>,
}

/// Runs these worlds. An error means that the simulation itself could not go on; what the bridge did wrong is in the tally.
pub fn run(plan: Plan, worlds: Range<u64>) -> Result<Tally> {
    let mut tally = Tally { from: worlds.start, to: worlds.end, ..Tally::default() };
    for number in worlds {
        tally.add(World::live(plan, number)?);
    }
    Ok(tally)
}

pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) random: Random,
    pub(crate) seats: Vec<Seat>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
    pub(crate) tick: Tick,
    /// By the wall's time of each tick.
    pub(crate) walls: HashMap<i64, Tick>,
    /// When the wall clock was set forward last, by the boot clock in milliseconds.
    pub(crate) forward: Option<i64>,
    /// No faults any more.
    pub(crate) calm: bool,
    pub(crate) lie: Option<Lie>,
    /// How far the store's messages were looked at for notices.
    pub(crate) read_to: i64,
    /// Messages with a deadline that is not over.
    pub(crate) deadlines: Vec<usize>,
    /// Overdue messages whose sender had no live server at their deadline.
    pub(crate) untold: Vec<usize>,
    /// Results that were written, and whose server has not said so yet.
    pub(crate) late: Vec<AttemptId>,
    /// Wrong steps that were told already.
    pub(crate) wrong: HashSet<(MessageId, usize, &'static str)>,
    number: u64,
    _folder: tempfile::TempDir,
}

impl World {
    fn live(plan: Plan, number: u64) -> Result<Tally> {
        let folder = tempfile::tempdir()?;
        let home = Home::at(folder.path());
        let clock = Clock::fixed(EPOCH);
        let store = Store::open_with(&home, Role::Server, clock.clone())?;
        let mut world = Self {
            home,
            clock,
            store,
            random: Random::new(plan.seed, number),
            seats: Vec::new(),
            peers: Vec::new(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            tick: 0,
            walls: HashMap::new(),
            forward: None,
            calm: false,
            lie: plan.lie,
            read_to: 0,
            deadlines: Vec::new(),
            untold: Vec::new(),
            late: Vec::new(),
            wrong: HashSet::new(),
            number,
            _folder: folder,
        };
        for cli in CLIS {
            for _ in 0..SEATS {
                let native = world.native();
                let peer = world.newcomer(*cli, native);
                world.seats.push(Seat {
                    cli: *cli,
                    process: Some(Process::start()?),
                    server: None,
                    peer,
                    began: false,
                    turn: String::new(),
                    asked: String::new(),
                    step: 0,
                    pending: Vec::new(),
                });
            }
        }
        for seat in 0..world.seats.len() {
            world.turn(seat, "hello")?;
        }
        while world.tally.deliveries < plan.deliveries && world.tally.findings.len() < MOST_FINDINGS {
            world.act()?;
        }
        world.calm_down()?;
        world.judge_all()?;
        world.tally.findings.truncate(MOST_FINDINGS);
        Ok(world.tally)
    }

    /// A session that nobody knows yet.
    pub(crate) fn newcomer(&mut self, cli: Cli, native: String) -> usize {
        self.peers.push(Peer {
            cli,
            heard_as: native.clone(),
            native,
            id: None,
            context: Vec::new(),
            known: Vec::new(),
            timer: None,
            paused: false,
            cut_unheard: None,
            muffled: false,
            unsettled: false,
        });
        self.peers.len() - 1
    }

    /// A host's id for a conversation.
    pub(crate) fn native(&mut self) -> String {
        let (a, b) = (self.random.next(), self.random.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }

    /// A word that nothing else has.
    pub(crate) fn word(&mut self, beginning: &str) -> String {
        format!("{beginning}{:012x}", self.random.next() & 0xffff_ffff_ffff)
    }

    /// Time passes, in milliseconds; timers of servers run off on the way.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.clock.advance(ms.max(1));
        while self.walls.contains_key(&self.clock.now()) {
            self.clock.advance(1);
        }
        self.tick += 1;
        self.walls.insert(self.clock.now(), self.tick);
        if let Err(error) = self.timers() {
            self.find(format!("a server's timer failed: {error}"));
        }
    }

    /// So many milliseconds at most.
    pub(crate) fn ms(&mut self, most: usize) -> i64 {
        i64::try_from(self.random.below(most)).unwrap_or(0)
    }

    /// So many milliseconds pass at most.
    pub(crate) fn rest(&mut self, most: usize) {
        let ms = self.ms(most);
        self.pass(ms);
    }

    /// Milliseconds on the boot clock.
    pub(crate) fn up(&self) -> i64 {
        self.clock.read().boot.map_or(0, |boot| boot.up)
    }

    pub(crate) fn find(&mut self, what: impl std::fmt::Display) {
        let (number, tick) = (self.number, self.tick);
        self.tally.findings.push(format!("world {number}, tick {tick}: {what}"));
    }

    /// What this session had under way is settled.
    pub(crate) fn settled(&mut self, peer: usize) {
        self.peers[peer].unsettled = false;
    }

    /// The seat of a session, if it has one with a living process.
    pub(crate) fn seat_of(&self, peer: usize) -> Option<usize> {
        self.seats.iter().position(|seat| seat.peer == peer && seat.process.is_some())
    }

    /// Ids of a session's model that it may name, if there are any; mostly a late one.
    pub(crate) fn known(&mut self, peer: usize) -> Option<MessageId> {
        let known = &self.peers[peer].known;
        let from = known.len().saturating_sub(12);
        let late = &known[from..];
        (!late.is_empty()).then(|| late[self.random.below(late.len())])
    }
}
