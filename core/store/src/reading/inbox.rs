//! Lists: headers only, and nothing changes by looking.

use rusqlite::params;
use session_bridge_core::id::SessionId;

use crate::database::open::Store;
use crate::database::schema::UNREAD;
use crate::delivery::attempt;
use crate::delivery::expire;
use crate::error::StoreError;
use crate::row::{MESSAGE, MESSAGE_COLUMNS, Message, State};

/// Which of a session's messages are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Those whose body has not reached the model, as far as is known, and that it did not mark as dealt with.
    #[default]
    Unread,
    /// All of them.
    All,
}

/// One line of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The message.
    pub message: Message,
    /// Its state for this session.
    pub state: State,
    /// It was announced and waits to be read by id.
    pub parked: bool,
    /// It may or may not have reached the model.
    pub doubt: bool,
    /// When it was marked as dealt with.
    pub marked: Option<i64>,
}

impl Store {
    /// A session's inbox, newest last, at most the `limit` newest.
    pub fn inbox(&mut self, session: SessionId, view: View, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        self.tidy(|tx| {
            expire::for_session(tx, &run, session, &clocks)?;
            attempt::settle_bell(tx, &run, session)
        })?;
        let (by, filter) = match view {
            View::Unread => ("INDEXED BY delivery_unread", UNREAD),
            View::All => ("", "true"),
        };
        let sql = format!(
            "SELECT {MESSAGE}, d.state, d.parked, d.doubt, d.marked FROM delivery d {by} JOIN message m USING (seq)
             WHERE d.session = ?1 AND {filter} ORDER BY d.seq DESC LIMIT ?2"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![session.to_string(), limit], |row| {
            Ok(Entry {
                message: Message::read(row)?,
                state: State::from_word(&row.get::<_, String>(MESSAGE_COLUMNS)?),
                parked: row.get(MESSAGE_COLUMNS + 1)?,
                doubt: row.get::<_, i64>(MESSAGE_COLUMNS + 2)? > 0,
                marked: row.get(MESSAGE_COLUMNS + 3)?,
            })
        })?;
        let mut entries = rows.collect::<Result<Vec<_>, _>>()?;
        entries.reverse();
        Ok(entries)
    }

    /// Messages of a room after a position in the store's order, for following along.
    pub fn since(&self, room: Option<&str>, seq: i64, limit: u32) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE} FROM message m WHERE m.seq > ?1 AND (?2 IS NULL OR m.room = ?2) ORDER BY m.seq LIMIT ?3"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![seq, room, limit], Message::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The position of the newest message; 0 in an empty store.
    pub fn newest_seq(&self) -> Result<i64, StoreError> {
        Ok(self.db.query_row("SELECT coalesce(max(seq), 0) FROM message", [], |row| row.get(0))?)
    }
}
