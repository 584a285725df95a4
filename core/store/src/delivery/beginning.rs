//! What a conversation is told when it begins or begins anew, besides headers of its mail: who it is, which questions it
//! still owes an answer, and which conversation it may have left behind.

use std::fmt::Write as _;

use rusqlite::{Transaction, params};
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::frame;
use session_bridge_core::id::SessionId;

use crate::database::schema::UNREAD;
use crate::error::StoreError;
use crate::row::{MESSAGE, Message};
use crate::sessions::session::Session;

/// How far back questions are looked for: so many deliveries.
const LOOK: usize = 500;
/// So many are named. One question more is looked up, so that the list can say that there are more.
const MOST: usize = 5;

/// Who the reader is; after `/clear`, also which sessions of the same host process and folder have unread mail. Where
/// the host does not say which conversation was cleared, it is one of these.
pub(crate) fn introduction(
    tx: &Transaction<'_>,
    session: &Session,
    start: Start,
) -> Result<String, StoreError> {
    let Session { label, id, room, .. } = session;
    let mut text = format!("session-bridge: this session is `{label}` (id {id}, room {room}).");
    let (Start::Cleared, Some(host)) = (start, session.host) else { return Ok(text) };
    let sql = format!(
        "SELECT s.label, s.id, s.native, count(*) FROM session s JOIN delivery d ON d.session = s.id
         WHERE s.ended IS NULL AND s.provider = ?1 AND s.host_pid = ?2 AND s.host_start = ?3 AND s.cwd = ?4
           AND s.id <> ?5 AND {UNREAD}
         GROUP BY s.id ORDER BY s.started DESC LIMIT {MOST}"
    );
    let mut statement = tx.prepare(&sql)?;
    let key = params![session.provider, host.pid, host.start.cast_signed(), session.cwd, id.to_string()];
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        let (label, id, native): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let unread: i64 = row.get(3)?;
        let _ = write!(
            text,
            "\nAnother conversation of this folder, `{label}` (id {id}, thread {}), has unread messages: {unread}. They wait there.",
            frame::quoted(&native)
        );
    }
    Ok(text)
}

/// A conversation began while its session was paused, or on a host that takes no text then: what is said at a beginning is
/// owed to its next surface.
pub(crate) fn postpone(
    tx: &Transaction<'_>,
    session: SessionId,
    event: &HookEvent<'_>,
) -> Result<(), StoreError> {
    if event.moment == Moment::SessionStart {
        let sql = "UPDATE session SET owes = ?2 WHERE id = ?1";
        tx.execute(sql, params![session.to_string(), event.start.as_str()])?;
    }
    Ok(())
}

/// Questions that were put before the model in a context it may have lost, and that it neither answered nor marked,
/// newest first. Their states stay.
pub(crate) fn owed(
    tx: &Transaction<'_>,
    session: SessionId,
    start: Start,
) -> Result<Vec<Message>, StoreError> {
    if !matches!(start, Start::Resumed | Start::Cleared | Start::Compacted) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {MESSAGE} FROM
             (SELECT seq, state, marked FROM delivery WHERE session = ?1 ORDER BY seq DESC LIMIT {LOOK}) d
             JOIN message m USING (seq)
         WHERE d.state IN ('injected', 'seen') AND d.marked IS NULL AND m.kind = 'question'
         ORDER BY d.seq DESC LIMIT {}",
        MOST + 1
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([session.to_string()], Message::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
