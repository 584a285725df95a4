//! Sending, as both the command line and the MCP tools do it: check, resolve the address, commit.

use std::collections::{BTreeSet, HashMap};

use session_bridge_core::address::{self, AddressError, Candidate};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{self, BadMessage, Urgency};
use session_bridge_store::{Author, Draft, Letter, Sent, Store, StoreError};

use crate::door;

/// A message before it is checked.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// Who sends.
    pub author: Author,
    /// In which room.
    pub room: &'a str,
    /// An address.
    pub to: &'a str,
    /// Among several sessions that answer to the address, the one seen last.
    pub newest: bool,
    /// What it is for.
    pub kind: &'a str,
    /// Its subject.
    pub subject: Option<&'a str>,
    /// Its text.
    pub body: &'a str,
    /// How pressing it is.
    pub urgency: Urgency,
    /// How long it may wait, in milliseconds.
    pub lifetime_ms: Option<i64>,
}

/// A message could not be sent; nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The address leads nowhere, or to more than one place.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The message itself is not acceptable.
    #[error(transparent)]
    Message(#[from] BadMessage),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PostError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(error) => error.code(),
            Self::Message(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Address(error) => error.help(),
            Self::Message(error) => error.help(),
            Self::Store(error) => error.help(),
        }
    }
}

/// Checks, resolves and commits one message.
pub fn send(store: &mut Store, out: &Outgoing<'_>) -> Result<Sent, PostError> {
    send_as(store, MessageId::generate(), out)
}

/// As [`send`], under an id that the caller chose, for instance to claim the answer before anybody can give it.
pub fn send_as(store: &mut Store, id: MessageId, out: &Outgoing<'_>) -> Result<Sent, PostError> {
    let letter = letter(store, &mut Rooms::new(), id, out)?;
    let sent = store.send(&letter.draft, &letter.recipients)?;
    door::knock(store, &sent.recipients);
    Ok(sent)
}

/// As [`send`] for each, in this order, but together: one transaction and one flush (`docs/adr/0011-group-commit.md`).
pub fn send_all(store: &mut Store, all: &[Outgoing<'_>]) -> Vec<Result<Sent, PostError>> {
    let mut rooms = Rooms::new();
    let mut letters = Vec::with_capacity(all.len());
    let mut refused = Vec::with_capacity(all.len());
    for out in all {
        match letter(store, &mut rooms, MessageId::generate(), out) {
            Ok(letter) => {
                letters.push(letter);
                refused.push(None);
            }
            Err(error) => refused.push(Some(error)),
        }
    }
    let mut sent = store.send_all(&letters).into_iter();
    let outcome = |refused: Option<PostError>| match refused {
        Some(error) => Err(error),
        // As many outcomes as letters, and a letter for each that was not refused.
        None => sent.next().unwrap_or(Err(StoreError::Busy)).map_err(PostError::from),
    };
    let outcomes: Vec<_> = refused.into_iter().map(outcome).collect();
    let reached: BTreeSet<_> = outcomes.iter().flatten().flat_map(|sent| &sent.recipients).copied().collect();
    door::knock(store, &reached.into_iter().collect::<Vec<_>>());
    outcomes
}

/// Who is in a room, read once for several messages.
type Rooms = HashMap<String, Vec<Candidate>>;

/// Checks a message and finds who gets it.
fn letter<'a>(
    store: &mut Store,
    rooms: &mut Rooms,
    id: MessageId,
    out: &Outgoing<'a>,
) -> Result<Letter<'a>, PostError> {
    let kind = message::check(out.kind, out.subject, out.body, store.limits().body_bytes)?;
    let address = address::parse(out.to)?;
    if !rooms.contains_key(out.room) {
        rooms.insert(out.room.to_owned(), store.candidates(out.room)?);
    }
    let candidates = rooms.get(out.room).map_or(&[][..], Vec::as_slice);
    let recipients = address::resolve(&address, candidates, me(&out.author), out.newest)?;
    let draft = Draft {
        id,
        author: out.author.clone(),
        room: out.room,
        to: out.to,
        kind,
        subject: out.subject,
        body: out.body,
        in_reply_to: None,
        urgency: out.urgency,
        lifetime_ms: out.lifetime_ms,
    };
    Ok(Letter { draft, recipients })
}

/// Answers a message: the reply goes to its sender, and the question becomes `answered` for the replier. A question from
/// the command line has no session to go back to; whoever asked reads the answer from the question's receipts.
pub fn reply(
    store: &mut Store,
    author: Author,
    to: MessageId,
    kind: &str,
    subject: Option<&str>,
    body: &str,
) -> Result<Sent, PostError> {
    let kind = message::check(kind, subject, body, store.limits().body_bytes)?;
    store.reap()?;
    let parent = store.message(to)?;
    let recipients: Vec<SessionId> =
        parent.sender.into_iter().filter(|id| Some(*id) != me(&author)).collect();
    let draft = Draft {
        id: MessageId::generate(),
        author,
        room: &parent.room,
        to: &parent.from,
        kind,
        subject,
        body,
        in_reply_to: Some(to),
        urgency: parent.urgency,
        lifetime_ms: None,
    };
    let sent = store.send(&draft, &recipients)?;
    door::knock(store, &sent.recipients);
    Ok(sent)
}

/// Who answers to an address in a room.
pub fn resolve(
    store: &mut Store,
    room: &str,
    to: &str,
    me: Option<SessionId>,
    newest: bool,
) -> Result<Vec<SessionId>, PostError> {
    let address = address::parse(to)?;
    Ok(address::resolve(&address, &store.candidates(room)?, me, newest)?)
}

fn me(author: &Author) -> Option<SessionId> {
    match author {
        Author::Session(id) => Some(*id),
        // Sent as a session, a message is not for that session, and its answers are.
        Author::CommandLine { as_session, .. } => *as_session,
    }
}
