//! Claims of open waits: what a wait is about to return, no other surface shows.

use rusqlite::{Connection, OptionalExtension, params};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::Kind;

use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::{MESSAGE, MESSAGE_COLUMNS, Message, parsed};

/// Which messages a wait is for. Empty fields match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Answers to this message.
    pub reply_to: Option<MessageId>,
    /// From this session.
    pub sender: Option<SessionId>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this thread.
    pub thread: Option<MessageId>,
}

impl Filter {
    /// Whether a message is what the wait is for.
    pub fn fits(&self, m: &Message) -> bool {
        self.reply_to.is_none_or(|id| m.in_reply_to == Some(id))
            && self.sender.is_none_or(|id| m.sender == Some(id))
            && self.kind.as_ref().is_none_or(|kind| m.kind == *kind)
            && self.thread.is_none_or(|id| m.thread == id)
    }
}

/// An open wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimId(String);

pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) filter: Filter,
}

impl Store {
    /// Claims what matches for one wait of one server, for no longer than `for_ms`.
    pub fn claim(
        &mut self,
        session: SessionId,
        server: &str,
        filter: &Filter,
        for_ms: i64,
    ) -> Result<ClaimId, StoreError> {
        let id = ulid::Ulid::generate().to_string();
        let until = self.now().saturating_add(for_ms);
        self.write(|tx| {
            tx.execute(
                "INSERT INTO claim (id, session, server, reply_to, sender, kind, thread, until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    id,
                    session.to_string(),
                    server,
                    filter.reply_to.map(|i| i.to_string()),
                    filter.sender.map(|i| i.to_string()),
                    filter.kind.as_ref().map(Kind::as_str),
                    filter.thread.map(|i| i.to_string()),
                    until
                ],
            )?;
            Ok(())
        })?;
        Ok(ClaimId(id))
    }

    /// The question of a peer that waits for this session's answer while this claim waits for that peer's. Of two waits
    /// that cross, only the younger one finds something (rule D6).
    pub fn crossing(&self, session: SessionId, claim: &ClaimId) -> Result<Option<Message>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE}, c.session, c.server FROM claim mine
             JOIN message asked ON asked.id = mine.reply_to
             JOIN delivery out ON out.seq = asked.seq
             JOIN claim c ON c.session = out.session AND c.id < mine.id AND c.until > ?3
             JOIN message m ON m.id = c.reply_to AND m.sender = c.session
             JOIN delivery d ON d.seq = m.seq AND d.session = ?2
             WHERE mine.id = ?1 AND d.state NOT IN ('answered', 'declined', 'expired', 'failed')
             ORDER BY m.seq LIMIT 1"
        );
        let now = self.now();
        let found = self
            .db
            .query_row(&sql, params![claim.0, session.to_string(), now], |row| {
                Ok((Message::read(row)?, parsed(row, MESSAGE_COLUMNS)?, row.get(MESSAGE_COLUMNS + 1)?))
            })
            .optional()?;
        Ok(found.and_then(|(message, peer, server): (_, SessionId, String)| {
            self.run.session(peer).server_lives(&server).then_some(message)
        }))
    }

    /// Gives a claim up.
    pub fn release(&mut self, claim: &ClaimId) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("DELETE FROM claim WHERE id = ?1", [&claim.0])?;
            Ok(())
        })
    }
}

impl ClaimId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The claims of a session whose time runs and whose server lives.
pub(crate) fn standing(
    db: &Connection,
    session: SessionId,
    now: i64,
    lives: impl Fn(&str) -> bool,
) -> Result<Vec<Claim>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, server, reply_to, sender, kind, thread FROM claim WHERE session = ?1 AND until > ?2",
    )?;
    let rows = statement.query_map(params![session.to_string(), now], |row| {
        let server: String = row.get(1)?;
        let kind: Option<String> = row.get(4)?;
        let filter = Filter {
            reply_to: crate::row::parsed_or_none(row, 2)?,
            sender: crate::row::parsed_or_none(row, 3)?,
            kind: kind.map(|word| Kind::from(word.as_str())),
            thread: crate::row::parsed_or_none(row, 5)?,
        };
        Ok((server, Claim { id: row.get(0)?, filter }))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (server, claim) = row?;
        if lives(&server) {
            found.push(claim);
        }
    }
    Ok(found)
}
