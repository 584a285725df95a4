//! Agents over the real store, with clocks that stand still until they are moved: sessions of the real providers' cards,
//! their events in the order of the real hook, and their doors.

use std::fs::File;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::home::Home;
use session_bridge_core::id::{AttemptId, MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::nudge::Nudge;
use session_bridge_core::process::{self, ProcessKey};
use session_bridge_core::provider::Card;
use session_bridge_store::{
    Activity, Arrival, Author, ClaimId, Clock, Draft, Due, Filter, LifeLock, Live, Note, Outcome, Pull,
    Ringer, Role, Session, Store, Wanted,
};

/// The name of each agent's MCP server.
const SERVER: &str = "s";
/// A turn that went on so often has no end: the store lets five go on.
const MOST_ENDS: usize = 12;

/// What begins a turn.
#[derive(Debug, Clone)]
pub(super) enum Began {
    /// A person's prompt.
    Person,
    /// A door's nudge.
    Nudge(Nudge),
    /// The host itself: something ended in the background.
    Host,
}

/// One agent.
pub(super) struct Agent {
    pub(super) session: Session,
    card: &'static Card,
    /// Its turn, if it is in one.
    pub(super) turn: Option<String>,
    _life: LifeLock,
}

/// A message that was sent, and where it stands in the agents' own count.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) id: MessageId,
    /// Stands in its body and in no other.
    pub(super) mark: String,
    /// The agent, or nobody: the command line.
    pub(super) from: Option<usize>,
    pub(super) to: Vec<usize>,
}

/// What a message is, besides its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    pub(super) kind: KindOf,
    pub(super) parent: Option<MessageId>,
    /// To everybody, urgently.
    pub(super) everybody: bool,
}

/// Kinds that are sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KindOf {
    Note,
    Question,
    Answer,
}

/// All of them, with one home and one clock.
pub(super) struct Agents {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) all: Vec<Agent>,
    pub(super) mail: Vec<Mail>,
    host: ProcessKey,
    /// How many turns and calls there were: names of the next.
    turns: usize,
    calls: usize,
    _folder: tempfile::TempDir,
}

impl Agents {
    /// Agents with these names, of these providers.
    pub(super) fn new(names: &[(&str, &'static Card)]) -> Result<Self> {
        // In memory where that can be: nothing is killed here, and no medium is waited for.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let clock = Clock::fixed(1_700_000_000_000);
        let mut store = Store::open_with(&Home::at(folder.path()), Role::Hook, clock.clone())?;
        let host = process::look(std::process::id()).context("this process")?.key;
        let mut all = Vec::new();
        for (name, card) in names {
            let session = store.arrive(&Arrival {
                provider: card.id.as_str(),
                short: card.short,
                native: name,
                host: Some(host),
                one_per_process: false,
                cwd: Some(folder.path()),
                start: Some(Start::Fresh),
                claimed: None,
                wanted: Wanted::default(),
            })?;
            let life = store.run().session(session.id).hold_life(SERVER)?;
            all.push(Agent { session, card, turn: None, _life: life });
        }
        let agents = Self { store, clock, all, mail: Vec::new(), host, turns: 0, calls: 0, _folder: folder };
        for me in 0..agents.all.len() {
            agents.note(me, Live { host, activity: Activity::Idle, by_user: false, turn: None })?;
        }
        Ok(agents)
    }

    fn id(&self, me: usize) -> SessionId {
        self.all[me].session.id
    }

    /// A sign of life, now by the held clock.
    fn note(&self, me: usize, live: Live) -> Result<()> {
        let folder = self.store.run().session(self.id(me));
        folder.set_live(live)?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now().unsigned_abs());
        Ok(File::options().write(true).open(folder.path().join("live"))?.set_modified(now)?)
    }

    /// One run of the hook, as `installer/hook` goes: the sign of life, the bell, then the store; all of it is written.
    fn hook(&mut self, me: usize, event: &HookEvent<'_>) -> Result<Outcome> {
        let card = self.all[me].card;
        if !card.hooks.iter().any(|hook| hook.moment == event.moment) {
            return Ok(Outcome::default());
        }
        let folder = self.store.run().session(self.id(me));
        self.note(me, Live::after(event, self.host, folder.live()))?;
        if event.nudge.is_none() && !folder.bell_stands() {
            return Ok(Outcome::default());
        }
        let session = self.store.session(self.id(me))?;
        let lease = folder.try_lease()?.context("nobody else holds the lease")?;
        let outcome = self.store.hear(&session, event, card, &lease)?;
        if let Some(attempt) = outcome.attempt {
            folder.set_note(Note::Written { attempt, in_time: true }, &lease)?;
        }
        if event.moment == Moment::TurnEnd && !outcome.text.is_empty() {
            let live = folder.live().context("it gave one just now")?;
            self.note(me, Live { activity: Activity::Busy, ..live })?;
        }
        Ok(outcome)
    }

    fn event<'a>(&self, me: usize, moment: Moment, turn: &'a str) -> HookEvent<'a> {
        let spec = self.all[me].card.hooks.iter().find(|hook| hook.moment == moment);
        let name = spec.map_or("", |spec| spec.event);
        HookEvent { turn: Some(turn.into()), ..HookEvent::of(moment, name.into(), "n".into()) }
    }

    /// The host puts a request to its model, where it tells of that.
    fn request(&mut self, me: usize, turn: &str, attempt: Option<AttemptId>) -> Result<()> {
        let event = HookEvent { echo: attempt, ..self.event(me, Moment::ModelRequest, turn) };
        if attempt.is_some() {
            self.hook(me, &event)?;
        }
        Ok(())
    }

    /// Begins a turn; what its model is given. `None`: the nudge came late, and no turn began.
    pub(super) fn begin(&mut self, me: usize, began: &Began) -> Result<Option<String>> {
        ensure!(self.all[me].turn.is_none(), "agent {me} is in a turn");
        self.turns += 1;
        let turn = format!("turn-{}", self.turns);
        let nudge = if let Began::Nudge(nudge) = began { Some(nudge.clone()) } else { None };
        let by_host = matches!(began, Began::Host);
        let woken = nudge.is_some();
        let event = HookEvent { nudge, by_host, ..self.event(me, Moment::PromptSubmit, &turn) };
        let outcome = self.hook(me, &event)?;
        if outcome.late_nudge {
            self.note(me, Live { host: self.host, activity: Activity::Idle, by_user: false, turn: None })?;
            return Ok(None);
        }
        self.request(me, &turn, outcome.attempt)?;
        self.all[me].turn = Some(turn);
        if woken && outcome.text.is_empty() {
            // The nudge says: list the inbox if no messages stand beside it.
            return self.tool(me).map(Some);
        }
        Ok(Some(outcome.text))
    }

    fn turn(&self, me: usize) -> Result<String> {
        self.all[me].turn.clone().with_context(|| format!("agent {me} is in no turn"))
    }

    /// A tool of the turn's has run; what came with that.
    pub(super) fn tool(&mut self, me: usize) -> Result<String> {
        let turn = self.turn(me)?;
        self.calls += 1;
        let call = format!("call-{}", self.calls);
        let event =
            HookEvent { tool_calls: vec![call.as_str().into()], ..self.event(me, Moment::AfterTool, &turn) };
        let outcome = self.hook(me, &event)?;
        self.request(me, &turn, outcome.attempt)?;
        Ok(outcome.text)
    }

    /// The turn ends for the `n`th time; the text that makes it go on, if there is one.
    pub(super) fn end(&mut self, me: usize, n: usize) -> Result<Option<String>> {
        ensure!(n < MOST_ENDS, "a turn of agent {me} has no end");
        let turn = self.turn(me)?;
        let said = format!("\"said {n}\"");
        let event =
            HookEvent { continued: n > 0, said: Some(&said), ..self.event(me, Moment::TurnEnd, &turn) };
        let outcome = self.hook(me, &event)?;
        if outcome.text.is_empty() {
            self.all[me].turn = None;
            return Ok(None);
        }
        let comes_back = self.all[me].card.inject_at(Moment::TurnEnd).is_some_and(|at| at.comes_back);
        if let (true, Some(attempt)) = (comes_back, outcome.attempt) {
            let prompt = self.event(me, Moment::PromptSubmit, &turn);
            self.hook(me, &HookEvent { echo: Some(attempt), by_host: true, ..prompt })?;
        }
        Ok(Some(outcome.text))
    }

    /// Sends one message; its mark stands in its body.
    pub(super) fn send(
        &mut self,
        from: Option<usize>,
        to: &[usize],
        sort: Sort,
        body: &str,
    ) -> Result<MessageId> {
        let mark = format!("<{}>", self.mail.len());
        let author = match from {
            Some(me) => Author::Session(self.id(me)),
            None => Author::CommandLine { name: "a script".to_owned(), as_session: None },
        };
        let id = MessageId::generate();
        let draft = Draft {
            id,
            author,
            room: "default",
            to: if sort.everybody { "*" } else { "x" },
            kind: match sort.kind {
                KindOf::Note => Kind::Note,
                KindOf::Question => Kind::Question,
                KindOf::Answer => Kind::Answer,
            },
            subject: None,
            body: &format!("{mark} {body}"),
            in_reply_to: sort.parent,
            urgency: if sort.everybody { Urgency::High } else { Urgency::Normal },
            lifetime_ms: None,
        };
        let recipients: Vec<_> = to.iter().map(|to| self.id(*to)).collect();
        self.store.send(&draft, &recipients)?;
        self.mail.push(Mail { id, mark, from, to: to.to_vec() });
        Ok(id)
    }

    /// Opens a wait, unless its tool would refuse to wait.
    pub(super) fn claim(&mut self, me: usize, filter: &Filter, seconds: i64) -> Result<Option<ClaimId>> {
        if self.store.too_many_hops(self.id(me))?.is_some() {
            return Ok(None);
        }
        Ok(Some(self.store.claim(self.id(me), SERVER, filter, seconds * 1000)?))
    }

    /// What an open wait returns now, as the text of its result.
    pub(super) fn look(&mut self, me: usize, filter: &Filter, claim: &ClaimId) -> Result<Option<String>> {
        self.calls += 1;
        let call = format!("call-{}", self.calls);
        let pulled = self.store.pull(self.id(me), Pull::Next(filter, Some(claim)), Some(&call), SERVER)?;
        if pulled.messages.is_empty() {
            return Ok(None);
        }
        if let Some(attempt) = pulled.attempt {
            self.store.pull_written(attempt)?;
        }
        self.store.release(claim)?;
        let turn = self.turn(me)?;
        let event =
            HookEvent { tool_calls: vec![call.as_str().into()], ..self.event(me, Moment::AfterTool, &turn) };
        let mut text = String::new();
        for message in &pulled.messages {
            text.push_str(&message.body);
            text.push('\n');
        }
        text.push_str(&self.hook(me, &event)?.text);
        Ok(Some(text))
    }

    /// The messages for an agent whose bodies stand in a text.
    pub(super) fn shown(&self, me: usize, text: &str) -> Vec<Mail> {
        let mine = self.mail.iter().filter(|mail| mail.from != Some(me) && mail.to.contains(&me));
        mine.filter(|mail| text.contains(&mail.mark)).cloned().collect()
    }

    /// What an agent's door does now. Any CLI may stand in a terminal that has a door.
    pub(super) fn ring(&mut self, me: usize) -> Result<Due> {
        Ok(self.store.wake_due(self.id(me), Ringer { door: "a terminal", host: None, queues: false })?)
    }

    /// Time passes until then.
    pub(super) fn until(&self, at: i64) {
        self.clock.advance((at - self.clock.now()).max(0));
    }
}
