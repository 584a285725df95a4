//! Hostile messages on their way: the real store, a session of each provider, and what each provider gives its host.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_bridge_core::address::{self, Address, Candidate};
use session_bridge_core::event::{HookCall, HookEvent, Moment, Reply, Start};
use session_bridge_core::frame::{self, Fence, Header};
use session_bridge_core::home::Home;
use session_bridge_core::host::FakeHost;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{self, Kind, Urgency};
use session_bridge_core::name::Name;
use session_bridge_core::probe::Probe;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Author, Clock, Draft, Letter, Note, Pull, Role, Session, Sign, Store, View};

use crate::hostile::{Case, Dice, Known, VICTIM};
use crate::judge::{self, Sent};

/// Messages of one store; the next ones get a new one.
const WORLD: u64 = 4_000;
/// Messages that are sent before the readers come to read.
const BATCH: u64 = 63;
/// Hostile senders in one store, besides the victim.
const SENDERS: usize = 40;
/// A reply of a hook leaves in one write of at most this many bytes.
const ONE_WRITE: usize = 16 * 1024;
/// Turns after which a reader must have everything.
const TURNS: usize = 60;

/// What was done, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Messages that were sent and reached their reader.
    pub messages: u64,
    /// Texts that went to a host and were read back.
    pub texts: u64,
    /// Bodies in them, by provider.
    pub bodies: BTreeMap<String, u64>,
    /// Headers without a body.
    pub headers: u64,
    /// Bodies that were read by id, since no text could hold them.
    pub pulled: u64,
    /// Prompts that looked like ours, or nearly so.
    pub prompts: u64,
    /// Kinds, labels and addresses that were refused.
    pub refused: u64,
    /// Names, receipts and inbox entries whose sender was compared with the true one.
    pub compared: u64,
    /// What went wrong.
    pub findings: Vec<String>,
}

impl Tally {
    /// Adds another part of the same run.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.texts += other.texts;
        for (provider, count) in other.bodies {
            *self.bodies.entry(provider).or_default() += count;
        }
        self.headers += other.headers;
        self.pulled += other.pulled;
        self.prompts += other.prompts;
        self.refused += other.refused;
        self.compared += other.compared;
        self.findings.extend(other.findings);
    }
}

/// Sends the cases of these numbers and has all of them read. An error means that the harness itself could not go on; what
/// the bridge did wrong is in the tally.
pub fn run(seed: u64, numbers: Range<u64>) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut next = numbers.start;
    while next < numbers.end {
        let end = numbers.end.min((next / WORLD + 1) * WORLD);
        let mut world = World::new()?;
        while next < end {
            let until = end.min(next + BATCH);
            world.round(seed, next..until)?;
            next = until;
        }
        tally.add(world.tally);
    }
    Ok(tally)
}

/// A session that reads.
struct Reader {
    provider: &'static dyn Provider,
    session: Session,
    began: bool,
    /// Ids of messages that are still to be shown to it.
    owed: BTreeSet<String>,
    announced: BTreeSet<String>,
}

struct World {
    _dir: tempfile::TempDir,
    home: Home,
    clock: Clock,
    store: Store,
    readers: Vec<Reader>,
    senders: Vec<Session>,
    sent: BTreeMap<String, Sent>,
    known: Known,
    events: u64,
    tally: Tally,
}

impl World {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let home = Home::at(dir.path());
        let clock = Clock::fixed(1_700_000_000_000);
        let store = Store::open_with(&home, Role::Cli, clock.clone())?;
        let mut world = Self {
            _dir: dir,
            home,
            clock,
            store,
            readers: Vec::new(),
            senders: Vec::new(),
            sent: BTreeMap::new(),
            known: Known::default(),
            events: 0,
            tally: Tally::default(),
        };
        let victim = world.arrive(PROVIDERS[0], "victim", VICTIM, "/src/shop")?;
        ensure!(victim.label == VICTIM, "the victim has its label");
        world.senders.push(victim);
        for provider in PROVIDERS {
            let native = format!("reader-{}", provider.card().id);
            let session = world.arrive(*provider, &native, "reader", "/src/shop")?;
            let (owed, announced) = (BTreeSet::new(), BTreeSet::new());
            world.readers.push(Reader { provider: *provider, session, began: false, owed, announced });
        }
        Ok(world)
    }

    /// A session as its host's first event makes it, with the label that its environment asks for.
    fn arrive(
        &mut self,
        provider: &dyn Provider,
        native: &str,
        label: &str,
        folder: &str,
    ) -> Result<Session> {
        let mut host = FakeHost::at("/home/u");
        host.env.insert("SESSION_BRIDGE_LABEL".into(), label.into());
        let sign = Sign { native, host: None, cwd: Some(Path::new(folder)), start: Some(Start::Fresh) };
        Ok(self.store.arrive_on(&host, provider.card(), sign)?)
    }

    fn find(&mut self, case: u64, what: impl std::fmt::Display) {
        self.tally.findings.push(format!("case {case}: {what}"));
    }

    fn round(&mut self, seed: u64, numbers: Range<u64>) -> Result<()> {
        let cases: Vec<Case> = numbers.clone().map(|number| Case::new(seed, number, &self.known)).collect();
        let mut dice = Dice::new(!seed, numbers.start);
        for case in &cases {
            self.join(case, &mut dice)?;
        }
        self.address(&cases)?;
        self.send(&cases, &mut dice)?;
        for reader in 0..self.readers.len() {
            if let Err(error) = self.reads(reader, &cases) {
                self.find(numbers.start, format!("{error:#}"));
                self.readers[reader].owed.clear();
            }
            if dice.once_in(3) {
                self.compare(reader)?;
            }
        }
        Ok(())
    }

    /// Now and then a sender comes with the name that it would like.
    fn join(&mut self, case: &Case, dice: &mut Dice) -> Result<()> {
        if self.senders.len() > SENDERS || !dice.once_in(3) {
            return Ok(());
        }
        let provider = PROVIDERS[dice.below(PROVIDERS.len())];
        let session = self.arrive(provider, &format!("sender-{}", case.number), &case.label, &case.folder)?;
        if case.label.parse::<Name>().is_err() {
            self.tally.refused += 1;
        }
        if session.label.parse::<Name>().is_err() || judge::same_look(&session.label, "session-bridge") {
            self.find(case.number, format!("a session is called {:?}", session.label));
        }
        let others = self.senders.iter().chain(self.readers.iter().map(|reader| &reader.session));
        let twin =
            others.map(|other| other.label.clone()).find(|other| judge::same_look(other, &session.label));
        if let Some(other) = twin {
            self.find(case.number, format!("{:?} looks like {other:?}", session.label));
        }
        self.tally.compared += 1;
        self.senders.push(session);
        Ok(())
    }

    /// An address leads to whoever has exactly that name, or nowhere.
    fn address(&mut self, cases: &[Case]) -> Result<()> {
        let room = self.store.candidates("default")?;
        for case in cases {
            let Ok(parsed) = address::parse(&case.to) else {
                self.tally.refused += 1;
                continue;
            };
            let Ok(found) = address::resolve(&parsed, &room, None, true) else {
                self.tally.refused += 1;
                continue;
            };
            for candidate in room.iter().filter(|candidate| found.contains(&candidate.id)) {
                if !leads_to(&parsed, candidate) {
                    self.find(case.number, format!("{:?} leads to {:?}", case.to, candidate.label));
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, cases: &[Case], dice: &mut Dice) -> Result<()> {
        let mut letters = Vec::new();
        let mut truths = Vec::new();
        for case in cases {
            let (reader, sender) = (dice.below(self.readers.len()), dice.below(self.senders.len()));
            let sender = self.senders[sender].clone();
            let most = self.store.limits().body_bytes;
            let checked = message::check(&case.kind, case.subject.as_deref(), &case.body, most);
            let kind = checked.unwrap_or_else(|_| {
                self.tally.refused += 1;
                Kind::Note
            });
            if judge::same_look(kind.as_str(), "system") {
                self.find(case.number, "somebody may send as the system");
            }
            let author = match dice.below(8) {
                0 => Author::CommandLine { name: "ana".to_owned(), as_session: None },
                1 => Author::CommandLine { name: sender.label.clone(), as_session: Some(sender.id) },
                _ => Author::Session(sender.id),
            };
            let (from, provider, by_command_line) = match &author {
                Author::Session(_) => (sender.label.clone(), Some(sender.provider.clone()), false),
                Author::CommandLine { name, .. } => (name.clone(), None, true),
            };
            truths.push((
                reader,
                Sent {
                    from,
                    provider,
                    by_command_line,
                    kind: kind.to_string(),
                    subject: case.subject.clone(),
                    body: case.body.clone(),
                },
            ));
            let draft = Draft {
                id: MessageId::generate(),
                author,
                room: "default",
                to: "reader",
                kind,
                subject: case.subject.as_deref(),
                body: &case.body,
                in_reply_to: None,
                urgency: Urgency::Normal,
                lifetime_ms: None,
            };
            letters.push(Letter { draft, recipients: vec![self.readers[reader].session.id] });
        }
        for (outcome, (reader, truth)) in self.store.send_all(&letters).into_iter().zip(truths) {
            let id = outcome?.id.to_string();
            self.readers[reader].owed.insert(id.clone());
            self.sent.insert(id, truth);
            self.tally.messages += 1;
        }
        Ok(())
    }

    /// Turns of a reader until it was shown everything.
    fn reads(&mut self, reader: usize, cases: &[Case]) -> Result<()> {
        if !self.readers[reader].began {
            self.readers[reader].began = true;
            self.event(reader, Moment::SessionStart, 0, &cases[0])?;
        }
        for turn in 0..TURNS {
            let case = &cases[turn % cases.len()];
            let name = self.events;
            for moment in [Moment::PromptSubmit, Moment::AfterTool, Moment::TurnEnd] {
                self.event(reader, moment, name, case)?;
            }
            self.pulls(reader)?;
            if self.readers[reader].owed.is_empty() {
                // With nothing left to deliver, a prompt that passes for a late nudge would be dropped.
                return self.event(reader, Moment::PromptSubmit, self.events, case);
            }
        }
        bail!("{} messages were never shown", self.readers[reader].owed.len())
    }

    /// One event of a host, from its payload to the answer, which is read as the host reads it.
    fn event(&mut self, reader: usize, moment: Moment, turn: u64, case: &Case) -> Result<()> {
        let provider = self.readers[reader].provider;
        let Some(spec) = provider.card().hooks.iter().find(|spec| spec.moment == moment) else {
            return Ok(());
        };
        self.events += 1;
        self.clock.advance(1_000);
        let session = self.store.session(self.readers[reader].session.id)?;
        let (turn, nonce) = (format!("turn-{turn}"), format!("{:032x}", self.events));
        let probe = Probe {
            event: spec.event,
            session: &session.native,
            turn: &turn,
            nonce: &nonce,
            cwd: Path::new("/src/shop"),
        };
        let mut payload = provider.probe(&probe);
        payload["timestamp"] = json!(format!("2026-01-01T00:00:00.{:09}Z", self.events));
        if payload.get("prompt").is_some() {
            payload["prompt"] = json!(case.prompt);
        }
        let stdin = payload.to_string().into_bytes();
        let event = provider.decode(&HookCall { event: spec.event, stdin: &stdin })?;
        let folder = self.store.run().session(session.id);
        let lease = folder.try_lease()?.context("nobody else holds the lease")?;
        let outcome = self.store.hear(&session, &event, provider.card(), &lease)?;
        if moment == Moment::PromptSubmit {
            self.tally.prompts += 1;
            ensure!(!outcome.late_nudge, "the prompt {:?} passes for a nudge of ours", case.prompt);
        }
        if let Some(attempt) = outcome.attempt {
            folder.set_note(Note::Written { attempt, in_time: true }, &lease)?;
            self.learn(attempt.to_string());
        }
        if outcome.text.is_empty() {
            return Ok(());
        }
        self.tally.texts += 1;
        arrives(provider, &event, &outcome.text)?;
        let reading = judge::read(&outcome.text, &self.sent).map_err(anyhow::Error::msg)?;
        if let Some(fence) = &reading.fence {
            self.learn(fence.clone());
        }
        *self.tally.bodies.entry(provider.card().id.to_string()).or_default() += reading.bodies.len() as u64;
        self.tally.headers += reading.headers.len() as u64;
        for id in reading.bodies {
            ensure!(self.readers[reader].owed.remove(&id), "{id} was shown to another, or twice");
        }
        self.readers[reader].announced.extend(reading.headers);
        Ok(())
    }

    /// Reads by id what no text could hold.
    fn pulls(&mut self, reader: usize) -> Result<()> {
        let announced = std::mem::take(&mut self.readers[reader].announced);
        let session = self.readers[reader].session.id;
        for id in announced {
            if !self.readers[reader].owed.contains(&id) || self.sent[&id].body.len() < 4_000 {
                continue;
            }
            let pulled = self.store.pull(session, Pull::Read(&[id.parse()?]), Some("call"), "server")?;
            for message in &pulled.messages {
                let fence = Fence::fresh(&[&message.body]);
                let header = Header { late: pulled.late.contains(&message.id), ..message.header() };
                let text = frame::message(&fence, &header, &message.body);
                let reading = judge::read(&text, &self.sent).map_err(anyhow::Error::msg)?;
                ensure!(reading.bodies == [id.clone()], "{id} was read, and {:?} came", reading.bodies);
            }
            if let Some(attempt) = pulled.attempt {
                self.store.pull_written(attempt)?;
            }
            self.readers[reader].owed.remove(&id);
            self.tally.pulled += 1;
        }
        Ok(())
    }

    /// What inbox and receipts say of senders and recipients.
    fn compare(&mut self, reader: usize) -> Result<()> {
        let (session, label) = (self.readers[reader].session.id, self.readers[reader].session.label.clone());
        let entries = self.store.inbox(session, View::All, 12)?;
        for entry in &entries {
            let message = &entry.message;
            let Some(truth) = self.sent.get(&message.id.to_string()) else {
                self.find(0, format!("the inbox has {}, which nobody sent", message.id));
                continue;
            };
            let from = (message.from.as_str(), message.provider.as_deref());
            if from != (truth.from.as_str(), truth.provider.as_deref()) || message.body != truth.body {
                self.find(0, format!("the inbox has {from:?} for a message of {:?}", truth.from));
            }
            self.tally.compared += 1;
        }
        if let Some(entry) = entries.last() {
            let receipts = self.store.receipts(entry.message.id)?;
            let told: Vec<(SessionId, &str)> =
                receipts.iter().map(|receipt| (receipt.session, receipt.label.as_str())).collect();
            if told != [(session, label.as_str())] {
                self.find(0, format!("a receipt names {told:?}"));
            }
            self.tally.compared += 1;
        }
        ensure!(self.home.store().exists(), "the store is where it was");
        Ok(())
    }

    /// A sender may come to know this.
    fn learn(&mut self, word: String) {
        self.known.words.push(word);
        let forget = self.known.words.len().saturating_sub(8);
        self.known.words.drain(..forget);
    }
}

/// Whether an address means this session, by a reading of the grammar that knows nothing of the resolver.
fn leads_to(address: &Address, candidate: &Candidate) -> bool {
    match address {
        Address::Everyone => true,
        Address::Cwd(path) => {
            candidate.cwd.trim_end_matches('/') == path.to_string_lossy().trim_end_matches('/')
        }
        Address::Repo(repo) => candidate.repo.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(repo)),
        Address::Named(name) => {
            let lower = name.to_lowercase();
            candidate.label.to_lowercase() == lower
                || candidate.roles.iter().any(|role| role.to_lowercase() == lower)
                || (name.len() >= 6 && candidate.id.to_string().starts_with(&name.to_uppercase()))
        }
        _ => false,
    }
}

/// The answer holds the text once, whole, and beside it nothing that another text would not have there as well.
fn arrives(provider: &dyn Provider, event: &HookEvent<'_>, text: &str) -> Result<()> {
    let output = provider.encode(event, &Reply::carrying(event.moment, text));
    let other = provider.encode(event, &Reply::carrying(event.moment, "other"));
    let name = (provider.card().id, &event.name);
    ensure!(!output.stdout.is_empty(), "{name:?} puts nothing out");
    ensure!(output.stdout.len() <= ONE_WRITE, "{name:?} puts out {} bytes", output.stdout.len());
    ensure!(output.exit == other.exit, "{name:?} ends with {}", output.exit);
    let raw = output.stdout.iter().find(|byte| byte.is_ascii_control());
    ensure!(raw.is_none(), "{name:?} puts out a raw {raw:?}");
    let mut answer: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(exchange(&mut answer, text, "other") == 1, "{name:?} does not carry the text once");
    ensure!(answer == serde_json::from_slice::<Value>(&other.stdout)?, "{name:?} says something else beside");
    Ok(())
}

/// Puts another string in the place of each that is exactly `text`, and counts them.
fn exchange(value: &mut Value, text: &str, other: &str) -> usize {
    match value {
        Value::String(found) if found == text => {
            other.clone_into(found);
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| exchange(item, text, other)).sum(),
        Value::Object(map) => map.values_mut().map(|item| exchange(item, text, other)).sum(),
        _ => 0,
    }
}
