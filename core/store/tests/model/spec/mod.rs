//! The reference model: what the rules of delivery say, as a small program without files, processes or a database. It is
//! written from the rules (letters in brackets), so that it and the store go wrong in different ways.

mod events;
mod ledger;
mod mail;
mod pulls;
mod say;
mod wakes;

use std::collections::BTreeSet;

pub use self::events::{By, Calls, Event, Fate, Moment, Why};
pub use self::mail::{Letter, Refusal, Size, Word};
pub use self::pulls::Wish;
pub use self::say::Spoke;
pub use self::wakes::Door;

/// A session, by the order of its arrival.
pub type S = usize;
/// A message, by the store's sequence.
pub type M = usize;
/// An attempt, by the order in which attempts were made.
pub type A = usize;

/// Most sessions of one run.
pub const MOST_SESSIONS: usize = 5;

/// Everything that the bridge should know.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Milliseconds since the beginning.
    pub now: i64,
    /// Whether the process lives that a host is.
    pub hosts: Vec<bool>,
    pub sessions: Vec<Session>,
    pub messages: Vec<Message>,
    pub deliveries: Vec<Delivery>,
    pub attempts: Vec<Attempt>,
    pub claims: Vec<Claim>,
    pub rules: BTreeSet<Rule>,
    /// Numbers for native ids, tool calls and servers.
    pub names: u32,
}

/// Which of the two test cards a session's provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Tool events close a whole batch; `/clear` goes on with the session.
    Batch,
    /// Tool events come one by one; `/clear` makes a new session.
    Single,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub host: Host,
    pub native: u32,
    /// Which process hosts it.
    pub process: usize,
    pub ended: bool,
    pub conversation: u32,
    /// The turn that its host is in, or was in last.
    pub turn: u32,
    pub in_turn: bool,
    /// How often this turn ended already.
    pub ends: u32,
    pub live: Option<Live>,
    /// When its last sign of life was.
    pub seen: i64,
    /// Its conversation was told how to take peer text.
    pub guarded: bool,
    /// A beginning whose text is still to be said.
    pub owes: Option<Why>,
    pub paused: bool,
    /// What the last holder of the lease managed to note (E2).
    pub note: Option<(A, Fate)>,
    pub hop: u32,
    pub hop_at: i64,
    pub wake: Option<Wake>,
    pub last_try: Option<i64>,
    /// The wake whose nudge a door took last.
    pub nudge: Option<u32>,
    pub server: Option<u32>,
}

/// The sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub process: usize,
    pub doing: Doing,
    pub by_user: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Busy,
    Idle,
    Interrupted,
}

/// One open wake (B6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    pub due: Option<i64>,
    pub tries: usize,
    /// The number that its nudge bears.
    pub number: Option<u32>,
}

#[derive(Debug, Clone)]
pub struct Message {
    /// None: the bridge itself, in a notice.
    pub from: Option<S>,
    pub word: Word,
    pub size: Size,
    pub thread: M,
    pub reply_to: Option<M>,
    pub hop: u32,
    pub created: i64,
    pub expires: Option<i64>,
    /// For a notice: whose fate it tells.
    pub about: Option<M>,
    /// Its sender was told of an expiry.
    pub told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Stored,
    Offered,
    Injected,
    Seen,
    Answered,
    Declined,
    Expired,
    Failed,
}

/// Whether a body may stand above already (D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    None,
    /// The reference is not out yet.
    Due,
    Referred,
}

/// What was put out of a message, or may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    Nothing,
    Header,
    Body,
}

#[derive(Debug, Clone)]
pub struct Delivery {
    pub to: S,
    pub message: M,
    pub state: State,
    pub parked: bool,
    pub doubt: Doubt,
    pub attempt: Option<A>,
    /// Its announcement is in doubt.
    pub announced: bool,
    pub shown: Shown,
    /// It may start a turn, or make one go on.
    pub wakes: bool,
    pub marked: bool,
    pub answer: Option<M>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    Start,
    Prompt,
    Tool,
    TurnEnd,
    Pull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Body,
    Header,
    Reference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Open,
    Written,
    Injected,
    Void,
    /// Nothing more can be proven.
    Over,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub session: S,
    pub conversation: u32,
    pub turn: Option<u32>,
    pub surface: Surface,
    /// For a pull: its own call, and the server that writes the result.
    pub call: Option<u32>,
    pub server: Option<u32>,
    pub guards: bool,
    pub status: Status,
    pub items: Vec<(M, Part)>,
}

/// An open wait (D6).
#[derive(Debug, Clone)]
pub struct Claim {
    pub session: S,
    pub server: u32,
    pub wish: Wish,
    pub until: i64,
    pub open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub block: bool,
    pub peer: S,
    /// None: for every session.
    pub reader: Option<S>,
}

impl Model {
    pub fn name(&mut self) -> u32 {
        self.names += 1;
        self.names
    }

    /// What the bell means (B1): something is stored and not parked, or under way, or in doubt and not referred to; or the
    /// text of a beginning is owed.
    pub fn hot(&self, s: S) -> bool {
        self.sessions[s].owes.is_some() || self.of(s).any(|d| self.deliveries[d].hot())
    }

    /// The deliveries of a session, in the order of sending (R5).
    pub fn of(&self, s: S) -> impl Iterator<Item = usize> + '_ {
        (0..self.deliveries.len()).filter(move |d| self.deliveries[*d].to == s)
    }

    pub fn delivery(&self, s: S, m: M) -> Option<usize> {
        self.of(s).find(|d| self.deliveries[*d].message == m)
    }

    pub fn is_muted(&self, d: &Delivery) -> bool {
        self.messages[d.message].from.is_some_and(|peer| self.rules.iter().any(|r| r.mutes(peer, d.to)))
    }

    pub fn is_due(&self, d: &Delivery) -> bool {
        self.messages[d.message].expires.is_some_and(|at| at <= self.now)
    }

    /// Whether a wait that still runs is for this message (D6).
    pub fn is_claimed(&self, s: S, m: M) -> bool {
        self.standing(s).any(|c| self.fits(self.claims[c].wish, m))
    }

    /// The waits of a session whose time runs and whose server lives.
    pub fn standing(&self, s: S) -> impl Iterator<Item = usize> + '_ {
        (0..self.claims.len()).filter(move |c| {
            let claim = &self.claims[*c];
            claim.open
                && claim.session == s
                && claim.until > self.now
                && self.sessions[s].server == Some(claim.server)
        })
    }

    pub fn is_alive(&self, s: S) -> bool {
        self.hosts[self.sessions[s].process]
    }
}

impl Delivery {
    pub fn hot(&self) -> bool {
        self.attempt.is_some() || self.doubt == Doubt::Due || (self.state == State::Stored && !self.parked)
    }

    /// Nothing proves that its body arrived.
    pub fn is_unproven(&self) -> bool {
        matches!(self.state, State::Stored | State::Offered)
    }

    /// Nor did its model say that it dealt with it.
    pub fn is_unread(&self) -> bool {
        self.is_unproven() && !self.marked
    }

    /// Mail that may start a turn and that nobody is about to show.
    pub fn waits(&self) -> bool {
        self.state == State::Stored
            && !self.parked
            && self.attempt.is_none()
            && self.doubt == Doubt::None
            && self.wakes
    }
}

impl Rule {
    fn mutes(&self, peer: S, reader: S) -> bool {
        !self.block && self.holds(peer, reader)
    }

    fn holds(&self, peer: S, reader: S) -> bool {
        self.peer == peer && self.reader.is_none_or(|r| r == reader)
    }
}
