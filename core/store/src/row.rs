//! Rows as values.

use std::fmt;
use std::str::FromStr;

use rusqlite::Row;
use serde::Serialize;
use session_bridge_core::frame::Header;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency, Via};

/// The state of one message for one recipient. States only move forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// Committed.
    Stored,
    /// Handed to a surface; proves nothing yet.
    Offered,
    /// A later event of the same turn proves that the host took it.
    Injected,
    /// Model output that could only follow the injection.
    Seen,
    /// The recipient replied.
    Answered,
    /// The recipient refused it.
    Declined,
    /// Its time passed before it reached anybody.
    Expired,
    /// It cannot be delivered.
    Failed,
}

impl State {
    /// The word in the store and on every surface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Offered => "offered",
            Self::Injected => "injected",
            Self::Seen => "seen",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "offered" => Self::Offered,
            "injected" => Self::Injected,
            "seen" => Self::Seen,
            "answered" => Self::Answered,
            "declined" => Self::Declined,
            "expired" => Self::Expired,
            "failed" => Self::Failed,
            _ => Self::Stored,
        }
    }

    /// Whether it ended without an answer, so that none is to be expected any more.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Declined | Self::Expired | Self::Failed)
    }

    /// Whether the body has not reached the model yet, as far as anybody can prove.
    pub const fn is_unread(self) -> bool {
        matches!(self, Self::Stored | Self::Offered)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A message as it was sent; immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Position in the store's order.
    #[serde(skip)]
    pub seq: i64,
    /// Its id.
    pub id: MessageId,
    /// The room it was sent in.
    pub room: String,
    /// The id of the message that began the thread; its own for a first one.
    pub thread: MessageId,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// The sending session; nobody for a person at the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<SessionId>,
    /// The sender's label when it was sent.
    pub from: String,
    /// The sender's provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// How it was sent.
    pub via: Via,
    /// The address it was sent to.
    pub to: String,
    /// What it is for.
    pub kind: Kind,
    /// Its subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its text.
    pub body: String,
    /// How pressing it is.
    pub urgency: Urgency,
    /// How often agents passed it on without a human.
    pub hop: u32,
    /// When it was stored, in milliseconds since 1970.
    pub created: i64,
    /// When it ceases to be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// The columns that [`Message::read`] expects, of a table or alias `m`.
pub(crate) const MESSAGE: &str = "m.seq, m.id, m.room, m.thread, m.reply_to, m.sender, m.sender_name, \
     m.sender_provider, m.via, m.target, m.kind, m.subject, m.body, m.urgency, m.hop, m.created, m.expires";
/// How many columns that are.
pub(crate) const MESSAGE_COLUMNS: usize = 17;

impl Message {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            id: parsed(row, 1)?,
            room: row.get(2)?,
            thread: parsed(row, 3)?,
            in_reply_to: parsed_or_none(row, 4)?,
            sender: parsed_or_none(row, 5)?,
            from: row.get(6)?,
            provider: row.get(7)?,
            via: Via::from_word(&row.get::<_, String>(8)?),
            to: row.get(9)?,
            kind: Kind::from(row.get::<_, String>(10)?.as_str()),
            subject: row.get(11)?,
            body: row.get(12)?,
            urgency: Urgency::from_word(&row.get::<_, String>(13)?),
            hop: row.get(14)?,
            created: row.get(15)?,
            expires: row.get(16)?,
        })
    }

    /// What stands above the body wherever it is shown to a model.
    pub fn header(&self) -> Header<'_> {
        Header {
            id: self.id.to_string(),
            from: &self.from,
            provider: self.provider.as_deref(),
            via: self.via,
            kind: &self.kind,
            subject: self.subject.as_deref(),
            in_reply_to: self.in_reply_to.map(|id| id.to_string()),
            room: None,
            late: false,
            bytes: self.body.len(),
        }
    }
}

/// A column that holds the text of an id.
pub(crate) fn parsed<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get::<_, String>(column)?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// As [`parsed`], for a column that may be null.
pub(crate) fn parsed_or_none<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        Ok(None)
    } else {
        parsed(row, column).map(Some)
    }
}
