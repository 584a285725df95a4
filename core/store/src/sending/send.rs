//! Sending: one transaction writes the message, its deliveries and every bell.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::limits::Limits;
use session_bridge_core::message::{Kind, Urgency, Via};

use crate::clock::Reading;
use crate::collect;
use crate::database::open::Store;
use crate::delivery::attempt;
use crate::delivery::named::named;
use crate::error::StoreError;
use crate::row::{MESSAGE, Message, State};
use crate::run::RunFolders;
use crate::sending::chain;
use crate::sending::fanout;
use crate::sending::notice::{self, News};
use crate::sessions::rule;
use crate::sessions::session::Session;
use crate::waking::wake;

/// The address of everybody in the room.
const EVERYONE: &str = "*";

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A session, by a tool call.
    Session(SessionId),
    /// A person or script at the command line; `as_session` lends the message a session's address for answers.
    CommandLine {
        /// What stands as sender.
        name: String,
        /// The session that it is sent as.
        as_session: Option<SessionId>,
    },
}

/// A message that is about to be sent. The body and kind were checked.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// Its id, chosen by the sender so that sending again is the same message.
    pub id: MessageId,
    /// Who sends.
    pub author: Author,
    /// The room.
    pub room: &'a str,
    /// The address as it was typed.
    pub to: &'a str,
    /// What it is for.
    pub kind: Kind,
    /// Its subject.
    pub subject: Option<&'a str>,
    /// Its text.
    pub body: &'a str,
    /// The message it answers; the recipient's delivery of that one becomes `answered`.
    pub in_reply_to: Option<MessageId>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// How long it may wait, in milliseconds.
    pub lifetime_ms: Option<i64>,
}

/// How a message is laid down for one recipient.
#[derive(Debug, Clone)]
pub(crate) struct Lay {
    /// Whether it may start a turn of this recipient's, or make one go on.
    pub(crate) wakes: bool,
    /// Which limit keeps it from that.
    pub(crate) remark: Option<String>,
}

impl Lay {
    /// It comes when something else comes.
    pub(crate) const QUIET: Self = Self { wakes: false, remark: None };

    fn of(draft: &Draft<'_>, hop: u32, recipient: &Session, limits: &Limits) -> Self {
        // A message to everybody wakes on request only (rule D9).
        let to_everybody = draft.to == "*" && draft.urgency != Urgency::High;
        if to_everybody || !draft.kind.wakes() {
            return Self::QUIET;
        }
        let limit = if hop >= limits.hops {
            Some(format!("agents passed this on {hop} times without a person (limits.hops)"))
        } else {
            let role = limits.quiet_role(&recipient.roles);
            role.map(|role| format!("sessions with the role `{role}` are not woken (limits.quiet_roles)"))
        };
        let remark = limit.map(|limit| format!("{}{limit}; it comes with the next prompt", wake::HELD));
        Self { wakes: remark.is_none(), remark }
    }
}

/// A message with those who get it.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// The message.
    pub draft: Draft<'a>,
    /// For whom.
    pub recipients: Vec<SessionId>,
}

/// A message that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: MessageId,
    /// The thread it belongs to.
    pub thread: MessageId,
    /// To whom.
    pub recipients: Vec<SessionId>,
    /// Who would have got it, had they not blocked the sender; of a message to many only.
    pub left_out: Vec<SessionId>,
}

impl Store {
    /// Commits a message for its recipients and rings their bells. After it returns, the message survives a crash of
    /// every process and of the machine, in the store that is present (rule D8).
    pub fn send(&mut self, draft: &Draft<'_>, recipients: &[SessionId]) -> Result<Sent, StoreError> {
        self.send_alone(draft, recipients, false)
    }

    /// As [`Store::send`] for each, in this order, but with one transaction and one flush for all of them where that is
    /// possible. Each has its own outcome.
    pub fn send_all(&mut self, letters: &[Letter<'_>]) -> Vec<Result<Sent, StoreError>> {
        let mut aside = false;
        let deliveries: usize = letters.iter().map(|letter| letter.recipients.len()).sum();
        if letters.len() > 1 && deliveries <= fanout::CHUNK {
            match self.send_together(letters) {
                Ok(outcomes) if self.is_present() => return outcomes,
                Ok(_) => aside = true,
                Err(StoreError::Busy) => return letters.iter().map(|_| Err(StoreError::Busy)).collect(),
                // Whose fault it is shows when each is tried alone. Sent again under its id, a message is the same one.
                Err(_) => {}
            }
        }
        letters.iter().map(|letter| self.send_alone(&letter.draft, &letter.recipients, aside)).collect()
    }

    /// `aside`: the message was written to a store that was set aside already.
    fn send_alone(
        &mut self,
        draft: &Draft<'_>,
        recipients: &[SessionId],
        mut aside: bool,
    ) -> Result<Sent, StoreError> {
        // A store that was set aside meanwhile holds the message for nobody: write the same message to the present one.
        for _ in 0..3 {
            self.refresh()?;
            let now = self.clock.read();
            let run = self.run.clone();
            let limits = self.limits().clone();
            let sent = self.write(|tx| insert(tx, &run, draft, recipients, &limits, &now));
            let sent = sent.and_then(|sent| self.finish_fanout(usize::MAX).map(|()| sent));
            let present = self.is_present();
            match sent {
                Ok(sent) if present => return Ok(sent),
                // What it refers to is not salvaged yet. Nor is the message itself: it comes with the rest.
                Err(StoreError::NoMessage(_) | StoreError::Collected(_) | StoreError::NoSession(_))
                    if aside =>
                {
                    return Err(StoreError::SetAside(draft.id));
                }
                Err(error) if present => return Err(error),
                Ok(_) => aside = true,
                Err(_) => {}
            }
        }
        Err(if aside { StoreError::SetAside(draft.id) } else { StoreError::Busy })
    }

    /// All of them in one transaction; one that is refused leaves no trace and stops none of the others.
    fn send_together(&mut self, letters: &[Letter<'_>]) -> Result<Vec<Result<Sent, StoreError>>, StoreError> {
        self.refresh()?;
        let now = self.clock.read();
        let run = self.run.ringing_once();
        let limits = self.limits().clone();
        self.write(|tx| {
            let one = |letter: &Letter<'_>| {
                tx.prepare_cached("SAVEPOINT letter")?.execute([])?;
                let sent = insert(tx, &run, &letter.draft, &letter.recipients, &limits, &now);
                match sent {
                    Ok(_) => {}
                    Err(
                        StoreError::NoMessage(_)
                        | StoreError::Collected(_)
                        | StoreError::NoSession(_)
                        | StoreError::Closed(..)
                        | StoreError::Blocked(_),
                    ) => {
                        tx.prepare_cached("ROLLBACK TO letter")?.execute([])?;
                    }
                    Err(error) => return Err(error),
                }
                tx.prepare_cached("RELEASE letter")?.execute([])?;
                Ok(sent)
            };
            letters.iter().map(one).collect()
        })
    }

    /// A message by id, whoever it belongs to.
    pub fn message(&self, id: MessageId) -> Result<Message, StoreError> {
        known(&self.db, id)
    }

    /// Withdraws a message from every recipient that nothing was put out to yet. An error, and no change, if it has
    /// reached a surface anywhere.
    pub fn cancel(&mut self, id: MessageId) -> Result<u32, StoreError> {
        let now = self.now();
        let run = self.run.clone();
        self.write(|tx| {
            let message = known(tx, id)?;
            let mut statement =
                tx.prepare("SELECT session, state, attempt, doubt FROM delivery WHERE seq = ?1")?;
            let rows = statement.query_map([message.seq], |row| {
                let state = State::from_word(&row.get::<_, String>(1)?);
                let attempt: Option<String> = row.get(2)?;
                let doubt: i64 = row.get(3)?;
                Ok((crate::row::parsed::<SessionId>(row, 0)?, state, attempt.is_none() && doubt == 0))
            })?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            let out = |state: State, free: bool| {
                !free || !matches!(state, State::Stored | State::Expired | State::Failed)
            };
            // What went was put out, or its reader declined.
            let any_went = collect::cleared(tx, message.seq)? > 0;
            if any_went || rows.iter().any(|(_, state, free)| out(*state, *free)) {
                return Err(StoreError::AlreadyOut(id));
            }
            fanout::forget(tx, message.seq)?;
            let mut withdrawn = 0;
            for (session, _, _) in rows {
                let why = Some("cancelled by its sender");
                withdrawn +=
                    u32::from(attempt::advance(tx, session, message.seq, State::Failed, None, why, now)?);
                tx.execute(
                    "UPDATE delivery SET remark = 'cancelled by its sender' WHERE session = ?1 AND seq = ?2",
                    params![session.to_string(), message.seq],
                )?;
                attempt::settle_bell(tx, &run, session)?;
            }
            Ok(withdrawn)
        })
    }
}

fn insert(
    tx: &Transaction<'_>,
    run: &RunFolders,
    draft: &Draft<'_>,
    recipients: &[SessionId],
    limits: &Limits,
    clocks: &Reading,
) -> Result<Sent, StoreError> {
    let now = clocks.wall;
    let lifetime = draft.lifetime_ms;
    let boot = clocks.boot.as_ref().filter(|_| lifetime.is_some());
    let parent = draft.in_reply_to.map(|id| known(tx, id)).transpose()?;
    let thread = parent.as_ref().map_or(draft.id, |p| p.thread);
    let (sender, name, provider, via) = match &draft.author {
        Author::Session(id) => {
            let row = crate::sessions::session::by_id(tx, *id)?.ok_or(StoreError::NoSession(*id))?;
            (Some(*id), row.label, Some(row.provider), Via::Session)
        }
        Author::CommandLine { name, as_session } => (*as_session, name.clone(), None, Via::CommandLine),
    };
    let (recipients, left_out) = rule::divide(tx, sender, recipients)?;
    if let (Some(blocker), false) = (left_out.first(), draft.to == EVERYONE) {
        return Err(StoreError::Blocked(crate::sessions::session::label(tx, *blocker)?));
    }
    // People begin a new count; agents continue it.
    let hop = match &draft.author {
        Author::Session(id) => chain::next(tx, run, *id, parent.as_ref(), limits, now)?,
        Author::CommandLine { .. } => 0,
    };
    let mut statement = tx.prepare_cached(
        "INSERT OR IGNORE INTO message (id, room, thread, reply_to, sender, sender_name, sender_provider, via, target,
                kind, subject, body, urgency, hop, created, expires, boot, boot_expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?;
    let inserted = statement.execute(params![
        draft.id.to_string(),
        draft.room,
        thread.to_string(),
        draft.in_reply_to.map(|id| id.to_string()),
        sender.map(|id| id.to_string()),
        name,
        provider,
        via.as_str(),
        draft.to,
        draft.kind.as_str(),
        draft.subject,
        draft.body,
        draft.urgency.as_str(),
        hop,
        now,
        lifetime.map(|ms| now.saturating_add(ms)),
        boot.map(|boot| &boot.id),
        boot.zip(lifetime).map(|(boot, ms)| boot.up.saturating_add(ms)),
    ])?;
    let sent = Sent { id: draft.id, thread, recipients, left_out };
    if inserted == 0 {
        return Ok(sent);
    }
    let seq = tx.last_insert_rowid();
    let mut laid = Vec::with_capacity(sent.recipients.len());
    for id in &sent.recipients {
        let recipient = crate::sessions::session::by_id(tx, *id)?.ok_or(StoreError::NoSession(*id))?;
        laid.push((*id, Lay::of(draft, hop, &recipient, limits)));
    }
    // First, because it may be refused: bells that were rung stay rung when a transaction is undone.
    if let (Some(parent), Some(replier)) = (parent, sender) {
        answer(tx, run, &parent, replier, draft.id, via, now)?;
    }
    fanout::begin(tx, run, seq, &laid, now)?;
    Ok(sent)
}

/// Lays a message down for one recipient and rings. What may wake leaves a wake to be carried out (rule B6).
pub(crate) fn deliver(
    tx: &Transaction<'_>,
    run: &RunFolders,
    seq: i64,
    recipient: SessionId,
    lay: &Lay,
    now: i64,
) -> Result<(), StoreError> {
    let session = recipient.to_string();
    let fresh = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO delivery (session, seq, wakes, remark, sender, expires, boot, boot_expires)
             SELECT ?1, seq, ?3, ?4, iif(expires IS NULL, NULL, sender), expires, boot, boot_expires
             FROM message WHERE seq = ?2",
        )?
        .execute(params![session, seq, lay.wakes, lay.remark])?;
    if fresh > 0 {
        if lay.wakes {
            wake::ask(tx, recipient, now + wake::GATHER_MS)?;
        }
        tx.prepare_cached("INSERT INTO step (session, seq, state, at) VALUES (?1, ?2, 'stored', ?3)")?
            .execute(params![session, seq, now])?;
    }
    run.ring(recipient)
}

/// The replier's delivery of the question becomes `answered`. A model's reply names the message, which may prove more
/// ([`named`]); a person's does not.
fn answer(
    tx: &Transaction<'_>,
    run: &RunFolders,
    parent: &Message,
    replier: SessionId,
    reply: MessageId,
    via: Via,
    now: i64,
) -> Result<(), StoreError> {
    let state: Option<String> = tx
        .query_row(
            "SELECT state FROM delivery WHERE session = ?1 AND seq = ?2",
            params![replier.to_string(), parent.seq],
            |row| row.get(0),
        )
        .optional()?;
    let Some(state) = state else {
        let went = collect::cleared(tx, parent.seq)? > 0 && parent.sender != Some(replier);
        return if went { Err(StoreError::Collected(parent.id)) } else { Ok(()) };
    };
    match State::from_word(&state) {
        State::Declined => return Err(StoreError::Closed(parent.id, "declined")),
        State::Failed => return Err(StoreError::Closed(parent.id, "failed")),
        _ => {}
    }
    if via == Via::Session {
        attempt::fold_written(tx, &run.session(replier), now)?;
        named(tx, replier, parent.seq, "the reply names it", now)?;
    }
    let author =
        if via == Via::Session { "reply by the model" } else { "reply by a person at the command line" };
    let moved = attempt::advance(tx, replier, parent.seq, State::Answered, None, Some(author), now)?;
    if moved && via == Via::CommandLine {
        notice::tell(tx, run, parent.seq, replier, News::AnsweredByPerson(reply), now)?;
    }
    tx.execute(
        "UPDATE delivery SET answer = ?3, parked = 0, doubt = 0 WHERE session = ?1 AND seq = ?2",
        params![replier.to_string(), parent.seq, reply.to_string()],
    )?;
    attempt::settle_bell(tx, run, replier)
}

/// A message by id; an error that says as much as is known, if it is not there.
pub(crate) fn known(db: &Connection, id: MessageId) -> Result<Message, StoreError> {
    find(db, id)?.map_or_else(|| Err(collect::missing(db, id)), Ok)
}

fn find(db: &Connection, id: MessageId) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {MESSAGE} FROM message m WHERE m.id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id.to_string()], Message::read).optional()?)
}
