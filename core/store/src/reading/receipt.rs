//! Receipts: what happened to a message, per recipient, with the evidence for each step.

use rusqlite::{Transaction, params};
use serde::Serialize;
use session_bridge_core::id::{MessageId, SessionId};

use crate::collect;
use crate::database::open::Store;
use crate::database::schema::HOT;
use crate::delivery::attempt;
use crate::delivery::expire;
use crate::error::StoreError;
use crate::row::{Message, State, parsed, parsed_or_none};
use crate::sending::send;
use crate::sessions::pause::Pause;
use crate::sessions::rule;

/// One recipient's state and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The recipient.
    pub session: SessionId,
    /// Its label now.
    pub label: String,
    /// Its provider.
    pub provider: String,
    /// The state.
    pub state: State,
    /// It went out, but nobody can tell whether it arrived; the recipient was or will be told its id.
    pub doubt: bool,
    /// It was announced and waits to be read by id.
    pub parked: bool,
    /// When its model said that it dealt with it, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked: Option<i64>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<MessageId>,
    /// Why it is held or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Every step, oldest first.
    pub steps: Vec<Step>,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The state that was reached.
    pub state: State,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Where it went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
    /// What proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Store {
    /// The receipts of a message, one per recipient, by label. What is shown is durable first.
    pub fn receipts(&mut self, id: MessageId) -> Result<Vec<Receipt>, StoreError> {
        let clocks = self.clock.read();
        let run = self.run.clone();
        let message = send::known(&self.db, id)?;
        let under_way: bool = self.db.query_row(
            "SELECT EXISTS (SELECT 1 FROM delivery WHERE seq = ?1 AND state = 'stored' AND attempt IS NOT NULL)",
            [message.seq],
            |row| row.get(0),
        )?;
        if under_way || expire::is_due(&self.db, message.seq, &clocks)? {
            self.tidy(|tx| {
                for session in recipients(tx, message.seq)? {
                    attempt::fold_written(tx, &run.session(session), clocks.wall)?;
                }
                expire::for_message(tx, &run, message.seq, &clocks)
            })?;
        }
        self.make_durable()?;
        let mut statement = self.db.prepare_cached(
            "SELECT d.session, s.label, s.provider, d.state, d.doubt, d.parked, d.marked, d.answer, d.remark
             FROM delivery d JOIN session s ON s.id = d.session WHERE d.seq = ?1 ORDER BY s.label, s.id",
        )?;
        let rows = statement.query_map([message.seq], |row| {
            Ok(Receipt {
                session: parsed(row, 0)?,
                label: row.get(1)?,
                provider: row.get(2)?,
                state: State::from_word(&row.get::<_, String>(3)?),
                doubt: row.get::<_, i64>(4)? > 0,
                parked: row.get(5)?,
                marked: row.get(6)?,
                answer: parsed_or_none(row, 7)?,
                remark: row.get(8)?,
                steps: Vec::new(),
            })
        })?;
        let mut receipts = rows.collect::<Result<Vec<_>, _>>()?;
        for receipt in &mut receipts {
            if receipt.state == State::Stored
                && let Some(why) = self.why_held(&message, receipt)?
            {
                receipt.remark = Some(why);
            }
            receipt.steps = self.steps(message.seq, receipt.session)?;
        }
        Ok(receipts)
    }

    /// How many recipients of a message have no receipt any more: they read or declined it long ago, or ended after it was put
    /// out to them.
    pub fn cleared_receipts(&self, id: MessageId) -> Result<u32, StoreError> {
        collect::cleared(&self.db, send::known(&self.db, id)?.seq)
    }

    /// Sessions that have something to do and no bell: none, unless somebody removed files. Looked at under the write
    /// lock, so that no sender is half-way; with `mend` their bells are rung.
    pub fn unheard(&mut self, mend: bool) -> Result<Vec<SessionId>, StoreError> {
        let run = self.run.clone();
        self.write(|tx| {
            let mut statement = tx.prepare(&format!(
                "SELECT DISTINCT session FROM delivery INDEXED BY delivery_hot WHERE {HOT}"
            ))?;
            let rows = statement.query_map([], |row| parsed::<SessionId>(row, 0))?;
            let mut unheard = Vec::new();
            for row in rows {
                let session = row?;
                if !run.session(session).bell_stands() {
                    unheard.push(session);
                    if mend {
                        attempt::settle_bell(tx, &run, session)?;
                    }
                }
            }
            Ok(unheard)
        })
    }

    /// What a person keeps the delivery back by. Looked up, not noted: it ends when they end it.
    fn why_held(&self, message: &Message, receipt: &Receipt) -> Result<Option<String>, StoreError> {
        if let Some(pause) = Pause::of(&self.home, &receipt.provider, receipt.session) {
            return Ok(Some(pause.remark()));
        }
        let muted = !receipt.parked && rule::is_muted(&self.db, receipt.session, message)?;
        Ok(muted.then(|| rule::MUTED.to_owned()))
    }

    fn steps(&self, seq: i64, session: SessionId) -> Result<Vec<Step>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT state, at, surface, evidence FROM step WHERE seq = ?1 AND session = ?2 ORDER BY at, id",
        )?;
        let rows = statement.query_map(params![seq, session.to_string()], |row| {
            Ok(Step {
                state: State::from_word(&row.get::<_, String>(0)?),
                at: row.get(1)?,
                surface: row.get(2)?,
                evidence: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn recipients(tx: &Transaction<'_>, seq: i64) -> Result<Vec<SessionId>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT session FROM delivery WHERE seq = ?1")?;
    let rows = statement.query_map([seq], |row| parsed(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
