//! Declining: a recipient says that it will not act on a message, and the sender is told.

use rusqlite::{OptionalExtension, params};
use session_bridge_core::frame;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::Via;

use crate::collect;
use crate::database::open::Store;
use crate::delivery::attempt;
use crate::delivery::named::named;
use crate::error::StoreError;
use crate::row::State;
use crate::sending::notice::{self, News};
use crate::sending::send;

/// Longest reason in characters.
pub const MAX_REASON_CHARS: usize = 500;

impl Store {
    /// Declines a message for one recipient: its model does by a tool call, or a person does for it. Not while a body of it
    /// is being put out, for a person not before it is known what became of it; and what was answered, or is over
    /// otherwise, stays so.
    pub fn decline(
        &mut self,
        session: SessionId,
        id: MessageId,
        reason: Option<&str>,
        via: Via,
    ) -> Result<(), StoreError> {
        let reason = reason.map(|text| frame::quoted(text.trim())).filter(|text| !text.is_empty());
        let length = reason.as_deref().map_or(0, |text| text.chars().count());
        if length > MAX_REASON_CHARS {
            return Err(StoreError::ReasonTooLong(length));
        }
        let by_person = via != Via::Session;
        let now = self.now();
        let run = self.run.clone();
        self.write(|tx| {
            let message = send::known(tx, id)?;
            let key = params![session.to_string(), message.seq];
            attempt::fold_written(tx, &run.session(session), now)?;
            let known = "SELECT 1 FROM delivery WHERE session = ?1 AND seq = ?2";
            if tx.query_row(known, key, |_| Ok(())).optional()?.is_none() {
                return Err(collect::not_for(tx, &message));
            }
            if !by_person {
                named(tx, session, message.seq, "bridge_decline names it", now)?;
            }
            let (state, body_out) = tx.query_row(
                "SELECT d.state, EXISTS (SELECT 1 FROM item i
                     WHERE i.attempt = d.attempt AND i.seq = d.seq AND i.part = 'body')
                 FROM delivery d WHERE d.session = ?1 AND d.seq = ?2",
                key,
                |row| Ok((State::from_word(&row.get::<_, String>(0)?), row.get::<_, bool>(1)?)),
            )?;
            let under_way = if by_person { state.is_unread() } else { state == State::Stored };
            if under_way && body_out {
                return Err(StoreError::UnderWay(id));
            }
            let evidence = if by_person {
                "by a person at the command line"
            } else {
                "by the model, with bridge_decline"
            };
            if !attempt::advance(tx, session, message.seq, State::Declined, None, Some(evidence), now)? {
                return Err(StoreError::Closed(id, state.as_str()));
            }
            tx.execute(
                "UPDATE delivery SET attempt = NULL, parked = 0, doubt = 0, remark = ?3
                 WHERE session = ?1 AND seq = ?2",
                params![session.to_string(), message.seq, reason],
            )?;
            let news = News::Declined { by_person, reason: reason.as_deref() };
            notice::tell(tx, &run, message.seq, session, news, now)?;
            attempt::settle_bell(tx, &run, session)
        })
    }
}
