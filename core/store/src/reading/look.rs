//! Looking at what is there, for people: nothing here changes a state.

use rusqlite::params;
use serde::Serialize;
use session_bridge_core::id::{AttemptId, MessageId, SessionId};

use crate::database::open::Store;
use crate::error::StoreError;
use crate::row::{MESSAGE, Message, parsed};
use crate::sending::send;

/// One try to put a message on a surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempted {
    /// The attempt.
    pub id: AttemptId,
    /// For whom.
    pub session: SessionId,
    /// Where.
    pub surface: String,
    /// The event or call that carried it.
    pub event: String,
    /// What of the message it carried: `body`, `header` or `reference`.
    pub part: String,
    /// How far it got.
    pub status: String,
    /// When it was begun, in milliseconds since 1970.
    pub created: i64,
}

/// Which file the store is, and how often others have committed to it. Another value means: look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    file: (u64, u64),
    commits: i64,
}

impl Store {
    /// When a hook of this provider last ran for a session, in milliseconds since 1970.
    pub fn last_event(&self, provider: &str) -> Result<Option<i64>, StoreError> {
        let mut statement = self.db.prepare("SELECT id FROM session WHERE provider = ?1")?;
        let ids = statement.query_map([provider], |row| parsed::<SessionId>(row, 0))?;
        let mut last = None;
        for id in ids {
            last = last.max(self.run.session(id?).last_seen());
        }
        Ok(last)
    }

    /// The messages whose id begins with `prefix`, in any case; at most `limit`, newest first.
    pub fn messages_like(&self, prefix: &str, limit: u32) -> Result<Vec<MessageId>, StoreError> {
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(Vec::new());
        }
        // `~` sorts after every character of an id.
        let from = prefix.to_ascii_uppercase();
        let sql = "SELECT id FROM message WHERE id >= ?1 AND id < ?1 || '~' ORDER BY seq DESC LIMIT ?2";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![from, limit], |row| parsed(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A message's thread, oldest first.
    pub fn thread(&self, thread: MessageId) -> Result<Vec<Message>, StoreError> {
        let sql = format!("SELECT {MESSAGE} FROM message m WHERE m.thread = ?1 ORDER BY m.seq");
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map([thread.to_string()], Message::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every attempt that carried a message, oldest first.
    pub fn attempts(&self, id: MessageId) -> Result<Vec<Attempted>, StoreError> {
        let message = send::find(&self.db, id)?.ok_or(StoreError::NoMessage(id))?;
        let mut statement = self.db.prepare_cached(
            "SELECT a.id, a.session, a.surface, a.event, i.part, a.status, a.created
             FROM item i JOIN attempt a ON a.id = i.attempt WHERE i.seq = ?1 ORDER BY a.created, a.id",
        )?;
        let rows = statement.query_map([message.seq], |row| {
            Ok(Attempted {
                id: parsed(row, 0)?,
                session: parsed(row, 1)?,
                surface: row.get(2)?,
                event: row.get(3)?,
                part: row.get(4)?,
                status: row.get(5)?,
                created: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Replies to messages that the command line sent for no session: nobody's inbox has them. At most the `limit`
    /// newest, oldest first.
    pub fn replies_to_people(&self, room: Option<&str>, limit: u32) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE} FROM message m JOIN message q ON q.id = m.reply_to
             WHERE q.via = 'command-line' AND q.sender IS NULL AND (?1 IS NULL OR m.room = ?1)
             ORDER BY m.seq DESC LIMIT ?2"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![room, limit], Message::read)?;
        let mut found = rows.collect::<Result<Vec<_>, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// Messages for one session after a position in the store's order, for following along.
    pub fn received_since(
        &self,
        session: SessionId,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let sql = format!(
            "SELECT {MESSAGE} FROM delivery d JOIN message m USING (seq)
             WHERE d.session = ?1 AND d.seq > ?2 ORDER BY d.seq LIMIT ?3"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![session.to_string(), seq, limit], Message::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Says cheaply whether anything may have changed since the last look, and turns to the present store first if the
    /// file was set aside meanwhile.
    pub fn version(&mut self) -> Result<Version, StoreError> {
        self.refresh()?;
        let commits = self.db.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        Ok(Version { file: self.file_id(), commits })
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::home::Home;
    use session_bridge_core::message::{Kind, Urgency};

    use super::*;
    use crate::{Arrival, Author, Draft, Role, Wanted};

    fn arrive(store: &mut Store, native: &str) -> SessionId {
        let arrival = Arrival {
            provider: "codex",
            short: "codex",
            native,
            host: None,
            one_per_process: false,
            cwd: None,
            start: None,
            claimed: None,
            wanted: Wanted::default(),
        };
        store.arrive(&arrival).unwrap().id
    }

    fn send(store: &mut Store, author: Author, to: &[SessionId], reply_to: Option<MessageId>) -> MessageId {
        let draft = Draft {
            id: MessageId::generate(),
            author,
            room: "default",
            to: "api",
            kind: Kind::Question,
            subject: None,
            body: "which port?",
            in_reply_to: reply_to,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        store.send(&draft, to).unwrap().id
    }

    fn person() -> Author {
        Author::CommandLine { name: "ana".into(), as_session: None }
    }

    #[test]
    fn what_a_person_looks_for_is_found_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&Home::at(dir.path()), Role::Cli).unwrap();
        let api = arrive(&mut store, "n1");
        let web = arrive(&mut store, "n2");
        let question = send(&mut store, person(), &[api], None);
        let other = send(&mut store, person(), &[web], None);
        let answer = send(&mut store, Author::Session(api), &[], Some(question));

        let text = question.to_string();
        assert_eq!(store.messages_like(&text.to_lowercase(), 5).unwrap(), [question]);
        assert!(store.messages_like("", 5).unwrap().is_empty());
        assert!(store.messages_like("%", 5).unwrap().is_empty());
        assert_eq!(store.messages_like(&text[..6], 5).unwrap().len(), 3);

        let ids = |messages: Vec<Message>| messages.into_iter().map(|m| m.id).collect::<Vec<_>>();
        assert_eq!(ids(store.thread(question).unwrap()), [question, answer]);
        assert_eq!(ids(store.replies_to_people(None, 5).unwrap()), [answer]);
        assert!(store.replies_to_people(Some("elsewhere"), 5).unwrap().is_empty());
        assert_eq!(ids(store.received_since(web, 0, 5).unwrap()), [other]);
        assert!(store.attempts(other).unwrap().is_empty());
    }

    #[test]
    fn anothers_commit_is_noticed_and_looking_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let mut mine = Store::open(&home, Role::Cli).unwrap();
        let mut theirs = Store::open(&home, Role::Cli).unwrap();
        let before = mine.version().unwrap();
        theirs.newest_seq().unwrap();
        assert_eq!(mine.version().unwrap(), before);
        arrive(&mut theirs, "n1");
        assert_ne!(mine.version().unwrap(), before);
    }
}
