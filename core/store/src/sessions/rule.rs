//! Rules about peers, set by a person: whose mail does not disturb (mute), and whose is refused (block). They go by
//! session id, so that a session that sleeps, ends or is resumed keeps them.

use rusqlite::{Connection, Row, Transaction, params};
use session_bridge_core::id::SessionId;

use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::error::StoreError;
use crate::row::{Message, parsed, parsed_or_none};
use crate::waking::wake;

/// What a receipt says of mail that waits because its sender is muted.
pub(crate) const MUTED: &str =
    "held: the sender is muted there; it comes with the next prompt, or when it is read";

/// True of a delivery `d` of a message `m` whose sender is not muted for the reader. In SQL, so that no number of muted
/// messages keeps a look from the others.
pub(crate) const UNMUTED: &str = "NOT EXISTS (SELECT 1 FROM rule r
     WHERE r.reader IN (d.session, '') AND r.kind = 'mute' AND r.peer = m.sender)";

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// The peer's mail starts no turn, prolongs none and does not come in the middle of one; it comes with the next
    /// prompt, or when it is read.
    Mute,
    /// What the peer sends is refused, and the peer is told so.
    Block,
}

impl RuleKind {
    /// The word in the store and on every surface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mute => "mute",
            Self::Block => "block",
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub kind: RuleKind,
    /// Whose mail it is about.
    pub peer: SessionId,
    /// For whom it holds; for all sessions of this user if nobody is named.
    pub reader: Option<SessionId>,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
}

impl Store {
    /// Makes a rule; false if it was there already.
    pub fn set_rule(
        &mut self,
        kind: RuleKind,
        peer: SessionId,
        reader: Option<SessionId>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        self.write(|tx| {
            let sql = "INSERT OR IGNORE INTO rule (reader, kind, peer, since) VALUES (?1, ?2, ?3, ?4)";
            Ok(tx.execute(sql, params![column(reader), kind.as_str(), peer.to_string(), now])? > 0)
        })
    }

    /// Takes a rule back; false if there was none. With it, sessions that have mail of that peer are rung, so that what it
    /// kept quiet may wake them, and named.
    pub fn lift_rule(
        &mut self,
        kind: RuleKind,
        peer: SessionId,
        reader: Option<SessionId>,
    ) -> Result<(bool, Vec<SessionId>), StoreError> {
        let (run, now) = (self.run.clone(), self.now());
        self.write(|tx| {
            let sql = "DELETE FROM rule WHERE reader = ?1 AND kind = ?2 AND peer = ?3";
            if tx.execute(sql, params![column(reader), kind.as_str(), peer.to_string()])? == 0 {
                return Ok((false, Vec::new()));
            }
            let mut statement = tx.prepare(&format!(
                "SELECT DISTINCT d.session FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
                 WHERE {HOT} AND m.sender = ?1 AND (?2 = '' OR d.session = ?2)"
            ))?;
            let rows = statement.query_map([peer.to_string(), column(reader)], |row| parsed(row, 0))?;
            let rung = rows.collect::<Result<Vec<SessionId>, _>>()?;
            for session in &rung {
                run.session(*session).ring()?;
                wake::leave(tx, *session, now)?;
            }
            Ok((true, rung))
        })
    }

    /// Every rule of one kind, oldest first.
    pub fn rules(&self, kind: RuleKind) -> Result<Vec<Rule>, StoreError> {
        let sql =
            "SELECT peer, nullif(reader, ''), since FROM rule WHERE kind = ?1 ORDER BY since, peer, reader";
        let mut statement = self.db.prepare(sql)?;
        let read = |row: &Row<'_>| {
            Ok(Rule { kind, peer: parsed(row, 0)?, reader: parsed_or_none(row, 1)?, since: row.get(2)? })
        };
        let rows = statement.query_map([kind.as_str()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// An empty text stands for every session: a key has no nulls.
fn column(reader: Option<SessionId>) -> String {
    reader.map(|id| id.to_string()).unwrap_or_default()
}

pub(crate) fn is_muted(db: &Connection, reader: SessionId, message: &Message) -> Result<bool, StoreError> {
    let Some(sender) = message.sender else { return Ok(false) };
    let sql = "SELECT 1 FROM rule WHERE reader IN (?1, '') AND kind = 'mute' AND peer = ?2";
    Ok(db.prepare_cached(sql)?.exists([reader.to_string(), sender.to_string()])?)
}

/// Who of some recipients takes the sender's mail, and who blocks it.
pub(crate) fn divide(
    tx: &Transaction<'_>,
    sender: Option<SessionId>,
    recipients: &[SessionId],
) -> Result<(Vec<SessionId>, Vec<SessionId>), StoreError> {
    let Some(sender) = sender else { return Ok((recipients.to_vec(), Vec::new())) };
    let mut statement = tx.prepare_cached(
        "SELECT reader FROM rule WHERE kind = 'block' AND peer = ?1 AND reader IN (?2, '')",
    )?;
    let (mut take, mut block) = (Vec::new(), Vec::new());
    for recipient in recipients {
        let blocks = statement.exists([sender.to_string(), recipient.to_string()])?;
        if blocks { block.push(*recipient) } else { take.push(*recipient) }
    }
    Ok((take, block))
}
