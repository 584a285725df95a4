//! Notices: what the bridge tells a sender about its deliveries (rule R5). They come from nobody, so nothing that
//! happens to them causes another, and their kind never wakes.

use rusqlite::{OptionalExtension, Transaction, params};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency, Via};

use crate::collect;
use crate::error::StoreError;
use crate::run::RunFolders;
use crate::sending::send::Lay;

/// What stands as the sender.
pub(crate) const NAME: &str = "session-bridge";

/// What a sender is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News<'a> {
    /// Its lifetime passed unread.
    Expired,
    /// A person answered for the session.
    AnsweredByPerson(MessageId),
    /// The session, or a person for it, declined; with the reason.
    Declined {
        /// A person did.
        by_person: bool,
        /// Why, in one line.
        reason: Option<&'a str>,
    },
}

/// Tells the sender of a message what became of it for one recipient, in the transaction that records it. Of a message
/// to many, the first expiry speaks for all: their time is the same.
pub(crate) fn tell(
    tx: &Transaction<'_>,
    run: &RunFolders,
    seq: i64,
    recipient: SessionId,
    news: News<'_>,
    now: i64,
) -> Result<(), StoreError> {
    let found = tx
        .query_row(
            "SELECT m.sender, m.id, m.room, m.thread FROM message m JOIN session s ON s.id = m.sender WHERE m.seq = ?1",
            [seq],
            |row| {
                Ok((crate::row::parsed::<SessionId>(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            },
        )
        .optional()?;
    let Some((sender, id, room, thread)): Option<(_, String, String, String)> = found else { return Ok(()) };
    let count = |sql: &str| tx.query_row(sql, [seq], |row| row.get::<_, i64>(0));
    let there = count("SELECT count(*) FROM delivery WHERE seq = ?1")?;
    let recipients = there + i64::from(collect::cleared(tx, seq)?);
    let body = match news {
        News::Expired if recipients > 1 => {
            if count("SELECT count(*) FROM step WHERE seq = ?1 AND state = 'expired'")? > 1 {
                return Ok(());
            }
            let due = "SELECT count(*) FROM delivery WHERE seq = ?1
                       AND (state = 'expired' OR (state = 'stored' AND attempt IS NULL AND doubt = 0))";
            format!("Your message {id} expired unread for {} of {recipients} recipients.", count(due)?)
        }
        News::Expired => format!("Your message {id} to {} expired unread.", label(tx, recipient)?),
        News::AnsweredByPerson(reply) => {
            let label = label(tx, recipient)?;
            format!("Your message {id} to {label} was answered by a person, not by its model: {reply}.")
        }
        News::Declined { by_person, reason } => {
            let label = label(tx, recipient)?;
            let by = if by_person { " by a person, not by its model" } else { "" };
            let why = reason.map(|reason| format!(" Reason given: \"{reason}\"")).unwrap_or_default();
            format!("Your message {id} to {label} was declined{by}.{why}")
        }
    };
    // Once nobody can answer any more, this is what a wait for the answer returns.
    let ends_wait = matches!(news, News::Declined { .. })
        && count(
            "SELECT count(*) FROM delivery WHERE seq = ?1 AND state NOT IN ('declined', 'expired', 'failed')",
        )? == 0;
    tx.execute(
        "INSERT INTO message (id, room, thread, sender_name, via, target, kind, body, urgency, hop, created, reply_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11)",
        params![
            MessageId::generate().to_string(),
            room,
            thread,
            NAME,
            Via::System.as_str(),
            sender.to_string(),
            Kind::System.as_str(),
            body,
            Urgency::Low.as_str(),
            now,
            ends_wait.then_some(&id)
        ],
    )?;
    crate::sending::send::deliver(tx, run, tx.last_insert_rowid(), sender, &Lay::QUIET, now)
}

fn label(tx: &Transaction<'_>, session: SessionId) -> Result<String, StoreError> {
    Ok(format!("`{}`", crate::sessions::session::label(tx, session)?))
}
