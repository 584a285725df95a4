//! A host on its seat, and one run of the hook for an event of it, with whatever befalls that run.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use session_bridge_core::event::Moment;
use session_bridge_core::host::FakeHost;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_hook::outside::{self, Outside};
use session_bridge_store::{Clock, Lease, LifeLock, Note, RunFolder, State, Store, StoreError};

use crate::form::{Cli, Event, Ids, Said, read};
use crate::process::Process;
use crate::truth;
use crate::world::World;

/// One session of the bridge, as its host knows it.
pub(crate) struct Peer {
    pub(crate) cli: Cli,
    pub(crate) native: String,
    /// By which native id the bridge heard of it last.
    pub(crate) heard_as: String,
    /// Known once the bridge has heard of it.
    pub(crate) id: Option<SessionId>,
    /// Bodies and ids in its present context.
    pub(crate) context: Vec<MessageId>,
    /// Ids that its model has read anywhere, the newest last.
    pub(crate) known: Vec<MessageId>,
    /// When its server looks at its deadlines again, by the boot clock in milliseconds.
    pub(crate) timer: Option<i64>,
    pub(crate) paused: bool,
    /// What was asked in a turn of it that was cut short, if neither that nor a prompt was heard since, and only these words tell
    /// the turn from the next.
    pub(crate) cut_unheard: Option<String>,
    /// What a hook of it was about to say is not known.
    pub(crate) muffled: bool,
    /// A hook of it died: what that had under way is settled with its next event.
    pub(crate) unsettled: bool,
}

/// A place where a host runs, one session at a time.
pub(crate) struct Seat {
    pub(crate) cli: Cli,
    pub(crate) process: Option<Process>,
    pub(crate) server: Option<(String, LifeLock)>,
    /// Index of its session.
    pub(crate) peer: usize,
    /// The start of its conversation was told.
    pub(crate) began: bool,
    pub(crate) turn: String,
    /// What was asked in it.
    pub(crate) asked: String,
    pub(crate) step: u32,
    /// Texts that go into the next request.
    pub(crate) pending: Vec<String>,
}

/// What befalls one run of the hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Well,
    /// Killed before it did anything, or never started.
    NeverRan,
    /// Another hook of the session holds the lease.
    LeaseHeld,
    /// Too slow to write.
    Slow,
    /// Killed between its commit and its first note.
    KilledAfterCommit,
    /// Killed between its first note and its write.
    KilledAfterWriting,
    /// Killed after its write; the host takes what it got.
    KilledAfterWriteTaken,
    /// Killed after its write; the host takes nothing.
    KilledAfterWriteLost,
    /// A part of the answer went out.
    Partly,
    /// Slow while it wrote; the host took it.
    LateTaken,
    /// Past the host's limit: the host threw it away.
    TimedOut,
    /// The host dies before it reads the answer.
    HostDies,
    /// The host reads the answer and dies.
    HostReadsAndDies,
}

const FATES: &[(Fate, &str)] = &[
    (Fate::NeverRan, "hook never ran"),
    (Fate::LeaseHeld, "lease held by another hook"),
    (Fate::Slow, "hook too slow to write"),
    (Fate::KilledAfterCommit, "hook killed after its commit"),
    (Fate::KilledAfterWriting, "hook killed before its write"),
    (Fate::KilledAfterWriteTaken, "hook killed after its write, answer taken"),
    (Fate::KilledAfterWriteLost, "hook killed after its write, answer lost"),
    (Fate::Partly, "half an answer"),
    (Fate::LateTaken, "hook late, answer taken"),
    (Fate::TimedOut, "hook past its time, answer thrown away"),
    (Fate::HostDies, "host dies before reading"),
    (Fate::HostReadsAndDies, "host reads and dies"),
];

/// The surroundings of a run with this fate.
struct Simulated {
    fate: Fate,
    clock: Clock,
    limit: Duration,
    answer: Vec<u8>,
}

impl Outside for Simulated {
    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn elapsed(&self) -> Duration {
        match (self.fate, self.answer.is_empty()) {
            (Fate::Slow, _) => self.limit / 3,
            (Fate::LateTaken, false) => self.limit * 2 / 3,
            (Fate::TimedOut, false) => self.limit * 2,
            _ => Duration::from_millis(3),
        }
    }

    fn leave(&mut self, store: Store) {
        drop(store);
    }

    fn note(&mut self, folder: &RunFolder, note: Note, lease: &Lease) -> Result<(), StoreError> {
        let killed = || Err(StoreError::Busy);
        match (self.fate, note) {
            (Fate::KilledAfterWriting, Note::Writing(_)) => {
                folder.set_note(note, lease)?;
                killed()
            }
            (Fate::KilledAfterCommit, Note::Writing(_))
            | (Fate::KilledAfterWriteTaken | Fate::KilledAfterWriteLost, Note::Written { .. }) => killed(),
            _ => folder.set_note(note, lease),
        }
    }

    fn write(&mut self, answer: &[u8]) -> bool {
        answer.clone_into(&mut self.answer);
        self.fate != Fate::Partly
    }
}

/// What a host has of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    Text(String),
    /// The prompt is dropped.
    Dropped,
    /// The host died of it.
    Died,
}

impl World {
    /// Tells an event of a seat's session to the hook, in its CLI's form, and gives what the host takes of the answers: the
    /// last text for events that are told one by one.
    pub(crate) fn tell(&mut self, seat: usize, event: Event<'_>) -> Result<Vec<Heard>> {
        let peer = self.seats[seat].peer;
        let cli = self.seats[seat].cli;
        let ids = Ids {
            native: &self.peers[peer].native,
            turn: &self.seats[seat].turn,
            asked: &self.seats[seat].asked,
            step: self.seats[seat].step,
            count: self.tick,
        };
        let payloads = cli.payloads(event, &ids);
        if matches!(event, Event::End { .. })
            && self.peers[peer].cut_unheard.as_ref() == Some(&self.seats[seat].asked)
        {
            self.ledger.excuse(peer);
        }
        let mut heard = Vec::with_capacity(payloads.len());
        for (name, payload) in payloads {
            let stdin = serde_json::to_vec(&payload)?;
            let took = self.hook(seat, name, &stdin, &event)?;
            let died = took == Heard::Died;
            heard.push(took);
            if died {
                break;
            }
        }
        Ok(heard)
    }

    fn fate(&mut self) -> Fate {
        if self.calm || !self.random.one_in(9) {
            return Fate::Well;
        }
        self.random.pick(FATES).0
    }

    /// One run of the hook.
    fn hook(&mut self, seat: usize, name: &'static str, stdin: &[u8], event: &Event<'_>) -> Result<Heard> {
        self.rest(900);
        self.tally.events += 1;
        let (peer, cli) = (self.seats[seat].peer, self.seats[seat].cli);
        let Some(process) = self.seats[seat].process.as_ref().map(|process| process.key) else {
            return Ok(Heard::Nothing);
        };
        let fate = self.fate();
        if fate == Fate::NeverRan {
            self.tally.fault(word(fate));
            return Ok(Heard::Nothing);
        }
        let provider = cli.provider();
        let limit = provider.card().hook(name).map_or(10, |spec| spec.timeout_secs);
        let mut outside = Simulated {
            fate,
            clock: self.clock.clone(),
            limit: Duration::from_secs(limit.into()),
            answer: Vec::new(),
        };
        let folder = self.store.run().native(cli.id(), &self.peers[peer].native);
        let bell = folder.bell_stands();
        let held = (fate == Fate::LeaseHeld).then(|| folder.try_lease().ok()).flatten();
        let words = [cli.id().to_owned(), name.to_owned()];
        let ran = outside::run(&self.home, &FakeHost::at("/home/u"), process, (&words, stdin), &mut outside);
        drop(held);
        self.registered(seat, &folder)?;
        let peer = self.seats[seat].peer;
        let killed = matches!(
            fate,
            Fate::KilledAfterCommit
                | Fate::KilledAfterWriting
                | Fate::KilledAfterWriteTaken
                | Fate::KilledAfterWriteLost
                | Fate::Slow
        );
        if let (Err(problem), false) = (ran, killed) {
            self.find(format!("{} {name}: the hook failed: {problem}", cli.word()));
        }
        if fate != Fate::LeaseHeld && bell {
            self.settled(peer);
        }
        let at_prompt = matches!(event, Event::Prompt(_) | Event::HostsPrompt(_));
        // A prompt gives a sign of life even if another hook holds the lease.
        if at_prompt || (matches!(event, Event::Cut { .. }) && fate != Fate::LeaseHeld) {
            self.peers[peer].cut_unheard = None;
        }
        if fate == Fate::KilledAfterWriting {
            self.peers[peer].muffled = true;
        }
        let subagent = matches!(event, Event::SubagentTool(_));
        if fate == Fate::Well && !subagent && (bell || name == start_of(cli)) {
            self.told_at_last(peer)?;
        }
        if killed {
            self.peers[peer].unsettled = true;
        }
        if outside.answer.is_empty() {
            let dies = matches!(fate, Fate::HostDies | Fate::HostReadsAndDies) && self.random.one_in(4);
            if dies {
                self.tally.fault(word(fate));
                self.kill(seat);
                return Ok(Heard::Died);
            }
            if killed {
                self.tally.fault(word(fate));
            }
            return Ok(Heard::Nothing);
        }
        if fate != Fate::Well {
            self.tally.fault(word(fate));
        }
        let said = read(&outside.answer, at_prompt);
        let Some(said) = said else {
            self.find(format!("{} {name}: an answer that its host cannot read", cli.word()));
            return Ok(Heard::Nothing);
        };
        if let Said::Text(text) = &said {
            let whole = !matches!(
                fate,
                Fate::LateTaken
                    | Fate::TimedOut
                    | Fate::Partly
                    | Fate::KilledAfterWriteTaken
                    | Fate::KilledAfterWriteLost
            );
            for id in truth::ids(text) {
                if let Some(fact) = self.ledger.fact(id, peer) {
                    fact.mentioned += 1;
                }
            }
            for id in truth::bodies(text) {
                let tick = self.tick;
                let Some(fact) = self.ledger.fact(id, peer) else { continue };
                fact.unsettled = true;
                if whole {
                    fact.written.get_or_insert(tick);
                }
                if matches!(fact.told, Some(State::Expired | State::Failed | State::Declined)) {
                    self.find(format!("{} {name}: {id} is over and was put out", cli.word()));
                }
            }
        }
        match fate {
            Fate::HostDies => {
                self.kill(seat);
                return Ok(Heard::Died);
            }
            Fate::Partly | Fate::TimedOut | Fate::KilledAfterWriteLost => return Ok(Heard::Nothing),
            _ => {}
        }
        let Said::Text(text) = said else { return Ok(Heard::Dropped) };
        for id in truth::bodies(&text) {
            if let Some(fact) = self.ledger.fact(id, peer) {
                fact.taken += 1;
                if fact.taken > 1 {
                    self.find(format!("{} {name}: the body of {id} came twice", cli.word()));
                }
            }
        }
        if fate == Fate::HostReadsAndDies {
            self.kill(seat);
            return Ok(Heard::Died);
        }
        Ok(Heard::Text(text))
    }

    /// Learns the session's id from what the hook left, and gives its sign of life the simulation's time.
    fn registered(&mut self, seat: usize, folder: &RunFolder) -> Result<()> {
        let peer = self.seats[seat].peer;
        if let Ok(live) = File::options().write(true).open(folder.path().join("live")) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now().unsigned_abs());
            live.set_modified(now)?;
        }
        let target = std::fs::read_link(folder.path()).ok();
        let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()?.parse().ok());
        let Some(id) = name else { return Ok(()) };
        match self.peers[peer].id {
            None => self.peers[peer].id = Some(id),
            Some(known) if known == id => {}
            // The start that would have named the predecessor was never heard: it is another session. Who resumes the
            // predecessor later does so by its own name, or two would be one session of the bridge.
            Some(_) => {
                let (cli, heard_as) = (self.peers[peer].cli, self.peers[peer].heard_as.clone());
                let native = std::mem::replace(&mut self.peers[peer].native, heard_as);
                self.settled(peer);
                self.seats[seat].peer = self.newcomer(cli, native);
                let new = self.seats[seat].peer;
                self.peers[new].id = Some(id);
                self.seats[seat].server = None;
            }
        }
        let peer = &mut self.peers[self.seats[seat].peer];
        peer.heard_as.clone_from(&peer.native);
        Ok(())
    }

    /// Its host dies, with its server.
    pub(crate) fn kill(&mut self, seat: usize) {
        let seat = &mut self.seats[seat];
        seat.process = None;
        seat.server = None;
        seat.pending.clear();
        seat.began = false;
        self.peers[seat.peer].timer = None;
    }
}

fn word(fate: Fate) -> &'static str {
    FATES.iter().find(|(known, _)| *known == fate).map_or("none", |(_, word)| word)
}

/// The name of the event by which a session begins.
fn start_of(cli: Cli) -> &'static str {
    let hooks = cli.provider().card().hooks;
    hooks.iter().find(|spec| spec.moment == Moment::SessionStart).map_or("", |spec| spec.event)
}
