//! An event of a session: what it proves, what it ends, and what goes out with it.

use rusqlite::Transaction;
use session_bridge_core::echo;
use session_bridge_core::event::{HookEvent, Moment, Start};
use session_bridge_core::id::{AttemptId, SessionId};
use session_bridge_core::provider::{By, Card, Inject, Proof};

use crate::database::open::Store;
use crate::database::schema::{HOT, UNREAD};
use crate::delivery::attempt::{self, Attempt, NewAttempt, Status};
use crate::delivery::beginning;
use crate::delivery::block::{self, Block, Budget, Frame, Waiting};
use crate::delivery::claim;
use crate::delivery::expire;
use crate::delivery::genuine::genuine;
use crate::delivery::order;
use crate::error::StoreError;
use crate::row::{MESSAGE, MESSAGE_COLUMNS, Message};
use crate::run::{Lease, Live, RunFolders};
use crate::sending::chain;
use crate::sessions::rule;
use crate::sessions::session::{self, Session};
use crate::sessions::subagents;
use crate::sessions::turn;
use crate::waking::wake;

/// The surface of MCP results in receipts.
pub(crate) const PULL: &str = "mcp-pull";
/// How many waiting messages one block looks at.
const LOOK: usize = 200;
/// How often one turn is made to go on. Claude Code ends a turn after eight blocks in a row, others' included.
const MAX_CONTINUATIONS: u32 = 5;

/// What a hook has to put out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The text; empty for silence.
    pub text: String,
    /// The attempt to note, if bodies, announcements, references or the guard go out.
    pub attempt: Option<AttemptId>,
    /// The prompt is a nudge of ours that came too late: nothing is left to deliver.
    pub late_nudge: bool,
    /// The session is paused: what waits goes on waiting.
    pub paused: bool,
}

impl Store {
    /// Takes in one event: moves the last note into the store, settles what the event proves, ends what it ends, and
    /// chooses what goes out. The lease must be held; the returned attempt is committed.
    pub fn hear(
        &mut self,
        session: &Session,
        told: &HookEvent<'_>,
        card: &Card,
        _lease: &Lease,
    ) -> Result<Outcome, StoreError> {
        let clocks = self.clock.read();
        let now = clocks.wall;
        let run = self.run.clone();
        let folder = run.session(session.id);
        let live = folder.live();
        let (mut joins, mut began) = (false, None);
        let paused = self.paused(session).is_some();
        let outcome = self.write(|tx| {
            attempt::fold_note(tx, &folder, now)?;
            attempt::sweep_dead(tx, &folder, session.id)?;
            let told = &*genuine(tx, session.id, told)?;
            let mut event = turn::placed(tx, session.id, told, live)?;
            began = turn::unnoted(told, &event, live);
            let answered = turn::answered(tx, session.id, told)?;
            settle(tx, session, &event, card, answered, now)?;
            turn::goes_on(tx, session.id, told, &mut event)?;
            expire::for_session(tx, &run, session.id, &clocks)?;
            let own = subagents::count(tx, session.id, told)?;
            let mut outcome = match card.inject_at(event.moment) {
                // The reader may be a subagent: what it is given, the session never sees.
                Some(_) if !own => Outcome::default(),
                Some(inject) if !paused => {
                    let spoken = speak(tx, &run, session.id, &event, inject, live, now)?;
                    joins = spoken.1;
                    spoken.0
                }
                _ => {
                    chain::heard(tx, session.id, &event, live, std::iter::empty(), now)?;
                    if paused || event.start != Start::Fresh || !card.introduced_by_server() {
                        beginning::postpone(tx, session.id, &event)?;
                    }
                    Outcome::default()
                }
            };
            outcome.paused = paused;
            wake::react(tx, session.id, event.moment, now)?;
            // Where a prompt takes no text, its mail comes later, and its turn goes on.
            if let Some(nudge) = &event.nudge
                && outcome.text.is_empty()
                && card.inject_at(Moment::PromptSubmit).is_some()
            {
                outcome.late_nudge = wake::is_known(tx, session.id, &nudge.wake)?;
            }
            attempt::settle_bell(tx, &run, session.id)?;
            Ok(outcome)
        })?;
        folder.clear_note();
        if let Some((live, turn)) = began {
            folder.touch_live(live.host, |live| Live { turn: Some(turn), ..live });
        }
        if joins {
            folder.join_turn();
        }
        Ok(outcome)
    }
}

/// What an event proves about attempts of its own conversation and turn, unless it is an end without an answer, and what
/// its coming ends.
fn settle(
    tx: &Transaction<'_>,
    session: &Session,
    event: &HookEvent<'_>,
    card: &Card,
    answered: bool,
    now: i64,
) -> Result<(), StoreError> {
    let identity = event.identity();
    let compacted = event.moment == Moment::SessionStart && event.start == Start::Compacted;
    for mut attempt in attempt::alive(tx, session.id)? {
        if attempt.turn.is_none() && lists_call(&attempt, event) {
            // The host has the result, so it was written, whether or not the server has said so yet.
            attempt.turn = event.turn.as_deref().map(str::to_owned);
            attempt::set_turn(tx, &attempt, event.turn.as_deref())?;
            attempt::written(tx, &attempt, now)?;
            attempt.status = Status::Written;
        }
        let same_turn = attempt.turn.as_deref() == event.turn.as_deref();
        if answered && same_turn && attempt.conversation == session.conversation && attempt.event != identity
        {
            attempt.status = prove(tx, &attempt, event, card, now)?;
        }
        if compacted {
            // The turn goes on in a context that was made anew: what nothing proved before may have gone with the old one, and
            // what the old one held no later answer proves to be seen.
            match attempt.status {
                Status::Written => attempt::unknown(tx, &attempt)?,
                Status::Injected => attempt::close(tx, &attempt)?,
                Status::Open | Status::Done => {}
            }
            if attempt.status != Status::Open {
                attempt.status = Status::Done;
            }
        }
        // The end that an attempt went out with does not end what it made go on, should it be told twice.
        let its_own = event.moment == Moment::TurnEnd && attempt.event == identity;
        if !its_own && ends_turn_of(&attempt, event) {
            match attempt.status {
                Status::Injected => attempt::close(tx, &attempt)?,
                Status::Written => attempt::unknown(tx, &attempt)?,
                // Still being put out by a live server: its own write decides. Or proven already.
                Status::Open | Status::Done => {}
            }
        }
    }
    Ok(())
}

/// Moves an attempt as far as an event of its own turn proves it, and says how far that is.
fn prove(
    tx: &Transaction<'_>,
    attempt: &Attempt,
    event: &HookEvent<'_>,
    card: &Card,
    now: i64,
) -> Result<Status, StoreError> {
    let proof = proof_of(card, attempt);
    let shows = |by: &[By]| by.iter().any(|by| proves(*by, attempt, event));
    let evidence = format!("{} of the same turn", event.name);
    let mut status = attempt.status;
    if status == Status::Written && shows(proof.injected) {
        attempt::injected(tx, attempt, &evidence, now)?;
        status = Status::Injected;
    }
    if status == Status::Injected && shows(proof.seen) {
        attempt::seen(tx, attempt, &evidence, now)?;
        status = Status::Done;
    }
    Ok(status)
}

fn proof_of(card: &Card, attempt: &Attempt) -> Proof {
    if attempt.surface == PULL {
        return card.pull;
    }
    card.inject.iter().find(|i| i.moment.as_str() == attempt.surface).map_or(Proof::NONE, |i| i.proof)
}

fn lists_call(attempt: &Attempt, event: &HookEvent<'_>) -> bool {
    attempt.call.as_deref().is_some_and(|call| event.tool_calls.iter().any(|id| id == call))
}

fn proves(by: By, attempt: &Attempt, event: &HookEvent<'_>) -> bool {
    match by {
        By::ModelRequest => event.moment == Moment::ModelRequest && event.echo == Some(attempt.id),
        By::AnyTool => event.moment == Moment::AfterTool,
        By::AfterTool => {
            event.moment == Moment::AfterTool
                && !event.tool_calls.is_empty()
                && !lists_call(attempt, event)
                && !shares_calls(attempt, event)
        }
        By::AfterToolOfCall => event.moment == Moment::AfterTool && lists_call(attempt, event),
        By::TurnEnd => event.moment == Moment::TurnEnd,
        By::ContinuedTurnEnd => event.moment == Moment::TurnEnd && event.continued,
        _ => false,
    }
}

/// Whether the attempt went out with an event that reported one of the same tool calls.
fn shares_calls(attempt: &Attempt, event: &HookEvent<'_>) -> bool {
    let mut parts = attempt.event.split('/').skip(1);
    parts.any(|part| event.tool_calls.iter().any(|id| id == part))
}

/// Whether after this event nothing can prove the attempt any more: its turn ended, or another one began.
fn ends_turn_of(attempt: &Attempt, event: &HookEvent<'_>) -> bool {
    let other_turn =
        event.turn.is_some() && attempt.turn.is_some() && attempt.turn.as_deref() != event.turn.as_deref();
    match event.moment {
        // A call that no event listed belongs to a turn before this prompt.
        Moment::PromptSubmit => other_turn || attempt.turn.is_none(),
        Moment::TurnEnd | Moment::Interrupt => true,
        Moment::SessionEnd => !event.continues,
        _ => other_turn,
    }
}

/// Chooses what goes out with an event, and records the attempt. Says as well whether mail joins a turn that goes on.
fn speak(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: SessionId,
    event: &HookEvent<'_>,
    inject: &Inject,
    live: Option<Live>,
    now: i64,
) -> Result<(Outcome, bool), StoreError> {
    let max_bytes = inject.max_bytes - if inject.comes_back { echo::BYTES } else { 0 };
    // What was folded and settled just now may have changed it.
    let session = session::by_id(tx, session)?.ok_or(StoreError::NoSession(session))?;
    let taken = take(tx, run, &session, event, Budget { max_bytes, bodies: inject.bodies }, now)?;
    chain::heard(tx, session.id, event, live, taken.hops.iter().copied(), now)?;
    let joins = !taken.hops.is_empty() && chain::joins(event);
    let mut outcome = offer(tx, &session, event, inject, taken, now)?;
    if let (true, Some(attempt)) = (inject.comes_back, outcome.attempt) {
        outcome.text = echo::marked(attempt, &outcome.text);
    }
    Ok((outcome, joins))
}

fn take(
    tx: &Transaction<'_>,
    run: &RunFolders,
    session: &Session,
    event: &HookEvent<'_>,
    budget: Budget,
    now: i64,
) -> Result<Block, StoreError> {
    let folder = run.session(session.id);
    let claims = claim::standing(tx, session.id, now, |server| folder.server_lives(server))?;
    let heard = if is_for_people(event) { "true" } else { rule::UNMUTED };
    let sql = format!(
        "SELECT {MESSAGE}, d.doubt, d.wakes FROM delivery d INDEXED BY delivery_hot JOIN message m USING (seq)
         WHERE d.session = ?1 AND {HOT} AND d.attempt IS NULL AND {heard} ORDER BY d.seq LIMIT {LOOK}"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map([session.id.to_string()], |row| {
        Ok(Waiting {
            message: Message::read(row)?,
            doubt: row.get::<_, i64>(MESSAGE_COLUMNS)? == 1,
            wakes: row.get(MESSAGE_COLUMNS + 1)?,
            late: false,
        })
    })?;
    let mut waiting = rows.collect::<Result<Vec<_>, _>>()?;
    waiting.retain(|w| !claims.iter().any(|claim| claim.filter.fits(&w.message)));
    if let Some(first) = waiting.first() {
        let before = order::late_before(tx, session.id, first.message.seq)?;
        for w in &mut waiting {
            w.late = w.message.seq < before;
        }
    }
    if event.moment == Moment::TurnEnd && !may_go_on(tx, session, event, &waiting)? {
        return Ok(Block::default());
    }
    let start = if event.moment == Moment::SessionStart { Some(event.start) } else { session.owes };
    let parked = if start.is_some() || !waiting.is_empty() { parked(tx, session.id)? } else { 0 };
    let frame = Frame {
        introduce: start.map(|start| beginning::introduction(tx, session, start)).transpose()?,
        owed: start.map(|start| beginning::owed(tx, session.id, start)).transpose()?.unwrap_or_default(),
        guarded: session.guarded,
        parked,
        fence: None,
    };
    Ok(block::compose(&waiting, budget, &frame))
}

/// Whether this is a moment for mail that may neither start nor prolong a turn nor come in its middle: a session's start,
/// which shows headers, or the prompt of a person.
fn is_for_people(event: &HookEvent<'_>) -> bool {
    match event.moment {
        Moment::SessionStart => true,
        Moment::PromptSubmit => event.nudge.is_none() && event.echo.is_none(),
        _ => false,
    }
}

/// Whether a turn that would end goes on: for unshown mail of a kind that may wake its reader, a few times, and only in
/// a turn with a name, without which nothing could be proven.
fn may_go_on(
    tx: &Transaction<'_>,
    session: &Session,
    event: &HookEvent<'_>,
    waiting: &[Waiting],
) -> Result<bool, StoreError> {
    let news = waiting.iter().any(|w| !w.doubt && w.wakes);
    match event.turn.as_deref() {
        Some(turn) if news => Ok(attempt::continuations(tx, session.id, turn)? < MAX_CONTINUATIONS),
        _ => Ok(false),
    }
}

fn parked(tx: &Transaction<'_>, session: SessionId) -> Result<usize, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM delivery INDEXED BY delivery_unread
         WHERE session = ?1 AND parked = 1 AND {UNREAD} AND doubt <> 1"
    );
    let count: i64 = tx.prepare_cached(&sql)?.query_row([session.to_string()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn offer(
    tx: &Transaction<'_>,
    session: &Session,
    event: &HookEvent<'_>,
    inject: &Inject,
    block: Block,
    now: i64,
) -> Result<Outcome, StoreError> {
    let guards = (!session.guarded || session.owes.is_some()) && !block.text.is_empty();
    if block.items.is_empty() && !guards {
        return Ok(Outcome { text: block.text, ..Outcome::default() });
    }
    let attempt = attempt::open(
        tx,
        &NewAttempt {
            session: session.id,
            conversation: session.conversation,
            turn: event.turn.as_deref(),
            surface: event.moment.as_str(),
            event: &event.identity(),
            call: None,
            server: None,
            guards,
            by_name: inject.proof.injected.is_empty(),
            items: &block.items,
        },
        now,
    )?;
    Ok(Outcome { text: block.text, attempt: Some(attempt), ..Outcome::default() })
}
