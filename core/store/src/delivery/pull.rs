//! Bodies in the result of an MCP call: a surface with an attempt of its own.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use session_bridge_core::id::{AttemptId, MessageId, SessionId};

use crate::collect;
use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::delivery::attempt::{self, NewAttempt, Part};
use crate::delivery::claim::{self, ClaimId, Filter};
use crate::delivery::expire;
use crate::delivery::hear::PULL;
use crate::delivery::named::named;
use crate::delivery::order;
use crate::error::StoreError;
use crate::row::{MESSAGE, Message, State};
use crate::sending::chain;
use crate::sending::send;

/// Which bodies a call asks for.
#[derive(Debug, Clone, Copy)]
pub enum Pull<'a> {
    /// These, by id, as often as asked.
    Read(&'a [MessageId]),
    /// The oldest one that a wait is for. `claim` is the wait's own claim.
    Next(&'a Filter, Option<&'a ClaimId>),
}

/// Bodies for one result.
#[derive(Debug, Clone, Default)]
pub struct Pulled {
    /// The attempt to report on once the result was written; none if nothing new goes out.
    pub attempt: Option<AttemptId>,
    /// The messages.
    pub messages: Vec<Message>,
    /// Those of them that go out now, after younger ones.
    pub late: Vec<MessageId>,
}

impl Store {
    /// Takes bodies for the result of a tool call. `call` is the host's id of the call, by which its later events name
    /// it; `server` is the live server that will write the result.
    pub fn pull(
        &mut self,
        session: SessionId,
        want: Pull<'_>,
        call: Option<&str>,
        server: &str,
    ) -> Result<Pulled, StoreError> {
        let clocks = self.clock.read();
        let now = clocks.wall;
        let run = self.run.clone();
        let folder = run.session(session);
        self.write(|tx| {
            // A start text whose write was noted counts by now: this call is of its conversation.
            attempt::fold_written(tx, &folder, now)?;
            expire::for_session(tx, &run, session, &clocks)?;
            let messages = match want {
                Pull::Read(ids) => {
                    ids.iter().map(|id| readable(tx, session, *id)).collect::<Result<Vec<_>, _>>()?
                }
                Pull::Next(filter, mine) => {
                    let claims = claim::standing(tx, session, now, |server| folder.server_lives(server))?;
                    let others = claims.into_iter().filter(|c| mine.is_none_or(|m| m.as_str() != c.id));
                    // An ask's claim is exact; among open waits the first to look wins.
                    let exact: Vec<Filter> =
                        others.map(|c| c.filter).filter(|f| f.reply_to.is_some()).collect();
                    next(tx, session, filter, &exact)?.into_iter().collect()
                }
            };
            let (mut items, mut late) = (Vec::new(), Vec::new());
            for message in &messages {
                if is_free(tx, session, message.seq)? {
                    items.push((message.seq, Part::Body));
                    if message.seq < order::late_before(tx, session, message.seq)? {
                        late.push(message.id);
                    }
                }
            }
            if items.is_empty() {
                return Ok(Pulled { attempt: None, messages, late });
            }
            let own_answer = matches!(want, Pull::Next(filter, _) if filter.reply_to.is_some());
            chain::pulled(tx, &folder, session, messages.iter().map(|m| m.hop), own_answer, now)?;
            let row = crate::sessions::session::by_id(tx, session)?.ok_or(StoreError::NoSession(session))?;
            let event = format!("tools/call/{}", call.unwrap_or_default());
            let attempt = attempt::open(
                tx,
                &NewAttempt {
                    session,
                    conversation: row.conversation,
                    // Which turn it is, the event that lists the call will say.
                    turn: None,
                    surface: PULL,
                    event: &event,
                    call,
                    server: Some(server),
                    // The server puts the guard above the bodies of a conversation that has not heard it.
                    guards: !row.guarded,
                    // Who reads by id knew it before.
                    by_name: false,
                    items: &items,
                },
                now,
            )?;
            attempt::settle_bell(tx, &run, session)?;
            Ok(Pulled { attempt: Some(attempt), messages, late })
        })
        .inspect(|pulled| {
            if pulled.attempt.is_some() {
                folder.join_turn();
            }
        })
    }

    /// The result was written whole.
    pub fn pull_written(&mut self, attempt: AttemptId) -> Result<(), StoreError> {
        self.end_pull(attempt, attempt::written)
    }

    /// The result was never written: the call was cancelled, or its connection is gone.
    pub fn pull_void(&mut self, attempt: AttemptId) -> Result<(), StoreError> {
        self.end_pull(attempt, |tx, found, _| attempt::void(tx, found))
    }

    fn end_pull(
        &mut self,
        id: AttemptId,
        end: impl FnOnce(&Transaction<'_>, &attempt::Attempt, i64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        self.write(|tx| {
            let Some(found) = attempt::find(tx, id)? else { return Ok(()) };
            end(tx, &found, clocks.wall)?;
            // What the call had under way may have waited with its deadline (rule R4).
            expire::for_session(tx, &run, found.session, &clocks)?;
            attempt::settle_bell(tx, &run, found.session)
        })
    }

    /// A message that this session received or sent; nothing changes by looking.
    pub fn message_for(&self, session: SessionId, id: MessageId) -> Result<Message, StoreError> {
        readable(&self.db, session, id)
    }

    /// The model says that it dealt with these. Only ids that were shown to the session.
    pub fn mark_read(&mut self, session: SessionId, ids: &[MessageId]) -> Result<u32, StoreError> {
        let now = self.now();
        let run = self.run.clone();
        self.write(|tx| {
            attempt::fold_written(tx, &run.session(session), now)?;
            let mut marked = 0;
            for id in ids {
                let message = readable(tx, session, *id)?;
                let shown: bool = tx
                    .query_row(
                        "SELECT shown FROM delivery WHERE session = ?1 AND seq = ?2",
                        params![session.to_string(), message.seq],
                        |row| row.get(0),
                    )
                    .optional()?
                    .ok_or_else(|| collect::not_for(tx, &message))?;
                if !shown {
                    return Err(StoreError::NotShown(*id));
                }
                named(tx, session, message.seq, "bridge_mark_read names it", now)?;
                // A line that would refer to it has nothing more to tell.
                let sql = "UPDATE delivery SET marked = ?3, doubt = iif(doubt = 1, 2, doubt)
                     WHERE session = ?1 AND seq = ?2 AND marked IS NULL";
                marked += u32::try_from(tx.execute(sql, params![session.to_string(), message.seq, now])?)
                    .unwrap_or(0);
            }
            attempt::settle_bell(tx, &run, session)?;
            Ok(marked)
        })
    }
}

/// A message that this session received or sent.
fn readable(tx: &Connection, session: SessionId, id: MessageId) -> Result<Message, StoreError> {
    let message = send::known(tx, id)?;
    let mine: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM delivery WHERE session = ?1 AND seq = ?2)",
        params![session.to_string(), message.seq],
        |row| row.get(0),
    )?;
    if mine || message.sender == Some(session) { Ok(message) } else { Err(collect::not_for(tx, &message)) }
}

fn next(
    tx: &Transaction<'_>,
    session: SessionId,
    filter: &Filter,
    exact: &[Filter],
) -> Result<Option<Message>, StoreError> {
    let sql = format!(
        "SELECT {MESSAGE} FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
         WHERE d.session = ?1 AND {HOT} AND d.state = 'stored' AND d.parked = 0 AND d.attempt IS NULL ORDER BY d.seq"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    for row in statement.query_map([session.to_string()], Message::read)? {
        let message = row?;
        if filter.fits(&message) && !exact.iter().any(|claimed| claimed.fits(&message)) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// Whether the body counts as going out with this call: it is stored, announced or in doubt, and nobody else puts it out. A
/// line that announces it or refers to it may still be under way: who reads by id reads the message that the line is about,
/// mostly in the very turn that brought it, and what becomes of the line matters no more.
fn is_free(tx: &Transaction<'_>, session: SessionId, seq: i64) -> Result<bool, StoreError> {
    let found = tx
        .query_row(
            "SELECT d.state, EXISTS (SELECT 1 FROM item i
                 WHERE i.attempt = d.attempt AND i.seq = d.seq AND i.part = 'body')
             FROM delivery d WHERE d.session = ?1 AND d.seq = ?2",
            params![session.to_string(), seq],
            |row| Ok((State::from_word(&row.get::<_, String>(0)?), row.get::<_, bool>(1)?)),
        )
        .optional()?;
    Ok(found.is_some_and(|(state, body_out)| state.is_unread() && !body_out))
}
