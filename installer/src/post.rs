//! Sending, as both the command line and the MCP tools do it: check, resolve the address, commit.

use session_bridge_core::address::{self, AddressError};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{self, BadMessage, Urgency};
use session_bridge_store::{Author, Draft, Sent, Store, StoreError};

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
    let kind = message::check(out.kind, out.subject, out.body, store.limits().body_bytes)?;
    let recipients = resolve(store, out.room, out.to, me(&out.author), out.newest)?;
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
    let sent = store.send(&draft, &recipients)?;
    door::knock(store, &sent.recipients);
    Ok(sent)
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
    let views = store.sessions(Some(room), true)?;
    let candidates: Vec<_> = views.iter().map(|view| view.session.candidate(view.seen)).collect();
    Ok(address::resolve(&address, &candidates, me, newest)?)
}

fn me(author: &Author) -> Option<SessionId> {
    match author {
        Author::Session(id) => Some(*id),
        // Sent as a session, a message is not for that session, and its answers are.
        Author::CommandLine { as_session, .. } => *as_session,
    }
}
