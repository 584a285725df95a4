//! Part 1: `kill -9` at random points of sending, offering, acknowledging and answering. In the end every message whose id
//! was printed is in the store, and came out once or waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use session_bridge_core::event::Moment;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{State, Store, View};

use super::claim::{Truth, beyond};
use super::program::{Ended, Kill, Pace, carry_out};
use super::random::Random;
use super::session::{Session, mark, marks};
use super::world::World;
use crate::report::Failure;

/// Sessions that read, each with a hook at every event.
const READERS: usize = 2;
/// Events by which a reader that nobody kills any more takes what waits, if time is left.
const LAST_TURNS: usize = 12;
/// One of so many pieces of the part's time is left for those and for the audit.
const REST: u32 = 5;

/// What was done and found.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Crashes {
    /// Programs that were started.
    pub(super) programs: usize,
    /// Of those, killed.
    pub(super) kills: usize,
    /// Messages whose id was printed.
    pub(super) acknowledged: usize,
    /// Of those to a reader: came out.
    pub(super) shown: usize,
    /// Of those to a reader: wait.
    pub(super) waiting: usize,
    /// What must not be.
    pub(super) findings: Vec<String>,
}

struct Acknowledged {
    id: MessageId,
    /// The session that it is for; of an answer the store alone knows.
    to: Option<SessionId>,
}

/// What everybody notes.
struct Notes<'w> {
    world: &'w World,
    acknowledged: Mutex<Vec<Acknowledged>>,
    shown: Mutex<Vec<(String, SessionId)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn run(world: &World, tell: impl Fn(String) + Sync) -> Result<Crashes, Failure> {
    let notes = Notes { world, acknowledged: Mutex::default(), shown: Mutex::default() };
    let done = play(&notes, &tell);
    world.expect_room()?;
    if let Err(why) = done {
        world.find(why);
    }
    let mut result = Crashes {
        programs: world.programs.load(Ordering::Relaxed),
        kills: world.kills.load(Ordering::Relaxed),
        acknowledged: lock(&notes.acknowledged).len(),
        ..Crashes::default()
    };
    if !world.stop.is_asked()
        && let Err(failure) = audit(&notes, &mut result)
    {
        world.expect_room()?;
        // A store that cannot be read any more is what this part looks for.
        world.find(format!("the store cannot be looked at: {} [{}]", failure.message, failure.code));
    }
    result.findings = world.findings();
    Ok(result)
}

fn play(notes: &Notes<'_>, tell: &(impl Fn(String) + Sync)) -> Result<(), String> {
    let world = notes.world;
    let readers =
        (0..READERS).map(|n| Session::start(world, &format!("reader-{n}"))).collect::<Result<Vec<_>, _>>()?;
    let sender = Session::start(world, "sender")?;
    let ids: Vec<SessionId> = readers.iter().map(|reader| reader.id).collect();
    // What is left of the time is for what waits.
    let now = std::time::Instant::now();
    let until = now + world.until.saturating_duration_since(now) * (REST - 1) / REST;
    let over = || world.is_over() || std::time::Instant::now() >= until;
    std::thread::scope(|scope| {
        let (ids, sender, over) = (&ids, &sender, &over);
        let mut workers = vec![
            scope.spawn(move || sends(notes, ids, None, 0, over, tell)),
            scope.spawn(move || sends(notes, ids, Some(sender.id), 1, over, tell)),
            scope.spawn(move || answers(notes, 2, over)),
            scope.spawn(move || serves(notes, sender, ids, 3, over)),
        ];
        for (n, reader) in readers.iter().enumerate() {
            workers.push(scope.spawn(move || {
                reads(notes, reader, n, over)?;
                rests(notes, reader)
            }));
        }
        let mut ends = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.try_for_each(|end| end.unwrap_or_else(|_| Err("a worker panicked".to_owned())))
    })
}

impl Notes<'_> {
    fn acknowledge(&self, id: MessageId, to: Option<SessionId>, tell: &impl Fn(String)) {
        lock(&self.acknowledged).push(Acknowledged { id, to });
        let kills = self.world.kills.load(Ordering::Relaxed);
        tell(format!("{kills} kills, {} messages", lock(&self.acknowledged).len()));
    }

    /// Counts a run, and complains of one that hangs.
    fn note(&self, what: &str, ended: &Ended, pace: &mut Pace) {
        if ended.killed && !ended.hung {
            self.world.kills.fetch_add(1, Ordering::Relaxed);
        } else if ended.status.success() {
            pace.learn(ended.took);
        }
        if ended.hung {
            self.world.find(format!("`{what}` did not end"));
        }
    }
}

/// One body. Most are short, some fill a block.
fn body(whose: usize, n: usize, random: &mut Random) -> String {
    let words = if random.one_in(8) { 300 } else { 1 + random.below(20) };
    format!("{}\n{}", mark(whose, n), random.words(words))
}

/// The id that a command printed as JSON.
fn printed(output: &[u8]) -> Option<MessageId> {
    serde_json::from_slice::<Value>(output).ok()?["id"].as_str()?.parse().ok()
}

/// Commands that send, one after another.
fn sends(
    notes: &Notes<'_>,
    to: &[SessionId],
    from: Option<SessionId>,
    whose: usize,
    over: &(impl Fn() -> bool + Sync),
    tell: &(impl Fn(String) + Sync),
) -> Result<(), String> {
    let (mut random, mut pace) = (Random::new(notes.world.seed, 10 + whose as u64), Pace::default());
    let from = from.map(|from| from.to_string());
    for n in 0.. {
        // The first is sent however slow the machine is: nobody kills it.
        if over() && (n > 0 || notes.world.stop.is_asked()) {
            break;
        }
        let to = to[random.below(to.len())];
        let (named, text) = (to.to_string(), body(whose, n, &mut random));
        let mut words = vec!["send-message", &named, &text, "--json"];
        if let Some(from) = &from {
            words.extend(["--as", from]);
        }
        let kill = pace.kill(&mut random);
        let ended = carry_out(notes.world.command(&words), b"", kill, &notes.world.stop)?;
        notes.note("send-message", &ended, &mut pace);
        match printed(&ended.output) {
            Some(id) => notes.acknowledge(id, Some(to), tell),
            None if !ended.killed => notes.world.refused("send-message", &ended.output),
            None => {}
        }
    }
    Ok(())
}

/// Commands that answer, as the session that got the message.
fn answers(notes: &Notes<'_>, whose: usize, over: &impl Fn() -> bool) -> Result<(), String> {
    let (mut random, mut pace) = (Random::new(notes.world.seed, 20), Pace::default());
    for n in 0.. {
        if over() {
            break;
        }
        let picked = {
            let known = lock(&notes.acknowledged);
            known
                .get(random.below(known.len()))
                .and_then(|one| Some((one.id.to_string(), one.to?.to_string())))
        };
        let Some((id, me)) = picked else {
            std::thread::yield_now();
            continue;
        };
        let text = body(whose, n, &mut random);
        let words = ["reply", &id, "--as", &me, "--json", &text];
        let kill = pace.kill(&mut random);
        let ended = carry_out(notes.world.command(&words), b"", kill, &notes.world.stop)?;
        notes.note("reply", &ended, &mut pace);
        match printed(&ended.output) {
            Some(id) => lock(&notes.acknowledged).push(Acknowledged { id, to: None }),
            None if !ended.killed => notes.world.refused("reply", &ended.output),
            None => {}
        }
    }
    Ok(())
}

/// Servers that send for their session until they are killed, one after another.
fn serves(
    notes: &Notes<'_>,
    session: &Session,
    to: &[SessionId],
    whose: usize,
    over: &impl Fn() -> bool,
) -> Result<(), String> {
    let mut random = Random::new(notes.world.seed, 30);
    let mut n = 0;
    while !over() {
        let mut server = session.server(notes.world)?;
        // Some are killed in the middle of a call, at a point that the last call tells the length of.
        let mut usual = std::time::Duration::from_millis(20);
        for _ in 0..=random.below(8) {
            if over() {
                break;
            }
            let to = to[random.below(to.len())];
            let call = session.send_call(notes.world, to, &body(whose, n, &mut random));
            n += 1;
            let kill = random.one_in(4).then(|| random.within(usual + usual / 4));
            let began = std::time::Instant::now();
            match server.request_killed("tools/call", &call, kill) {
                Ok(told) => {
                    if let Some(id) = told["structuredContent"]["id"].as_str().and_then(|id| id.parse().ok())
                    {
                        lock(&notes.acknowledged).push(Acknowledged { id, to: Some(to) });
                        usual = began.elapsed();
                    }
                }
                Err(_) if kill.is_some() => {}
                Err(why) => notes.world.find(format!("the server failed: {why}")),
            }
            if kill.is_some() {
                notes.world.kills.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    }
    Ok(())
}

/// Turns of a reader, whose hooks are killed.
fn reads(notes: &Notes<'_>, reader: &Session, whose: usize, over: &impl Fn() -> bool) -> Result<(), String> {
    let mut random = Random::new(notes.world.seed, 40 + whose as u64);
    let mut pace = Pace::default();
    for n in 0.. {
        let turn = format!("turn-{n}");
        for moment in [Moment::PromptSubmit, Moment::AfterTool, Moment::TurnEnd] {
            if over() {
                return Ok(());
            }
            hook(notes, reader, moment, &turn, pace.kill(&mut random), &mut pace)?;
        }
    }
    Ok(())
}

/// Nobody is killed any more: what still waits comes out, as far as there is time.
fn rests(notes: &Notes<'_>, reader: &Session) -> Result<(), String> {
    let store = notes.world.ask(|| notes.world.store())?;
    for n in 0..LAST_TURNS {
        let turn = format!("last-{n}");
        for moment in [Moment::PromptSubmit, Moment::AfterTool] {
            if notes.world.is_over() || !store.run().session(reader.id).bell_stands() {
                return Ok(());
            }
            hook(notes, reader, moment, &turn, Kill::Never, &mut Pace::default())?;
        }
    }
    Ok(())
}

fn hook(
    notes: &Notes<'_>,
    reader: &Session,
    moment: Moment,
    turn: &str,
    kill: Kill,
    pace: &mut Pace,
) -> Result<(), String> {
    let ended = reader.fire(notes.world, moment, turn, kill)?;
    notes.note("session-bridge-hook", &ended, pace);
    if !ended.killed && !ended.status.success() {
        notes.world.find(format!("the hook ended with {}", ended.status));
    }
    lock(&notes.shown).extend(marks(&ended.output).into_iter().map(|mark| (mark, reader.id)));
    Ok(())
}

/// What must hold, whoever was killed.
fn audit(notes: &Notes<'_>, result: &mut Crashes) -> Result<(), Failure> {
    let world = notes.world;
    let mut store = world.store()?;
    for problem in store.integrity()? {
        world.find(format!("the store is damaged: {problem}"));
    }
    for session in store.unheard(false)? {
        world.find(format!("session {session} has mail and no bell"));
    }
    let shown = lock(&notes.shown);
    let mut times: BTreeMap<&(String, SessionId), usize> = BTreeMap::new();
    for one in shown.iter() {
        *times.entry(one).or_default() += 1;
    }
    for ((mark, _), count) in times.iter().filter(|(_, count)| **count > 1) {
        world.find(format!("the message {mark} came out {count} times"));
    }
    let bodies: BTreeMap<MessageId, String> =
        store.since(None, 0, u32::MAX)?.into_iter().map(|message| (message.id, message.body)).collect();
    let mut unread: BTreeMap<SessionId, BTreeSet<MessageId>> = BTreeMap::new();
    for message in lock(&notes.acknowledged).iter() {
        let Some(mark) = bodies.get(&message.id).and_then(|body| body.lines().next()) else {
            world.find(format!("message {} was acknowledged and is lost", message.id));
            continue;
        };
        let receipts = store.receipts(message.id)?;
        if message.to.is_some_and(|to| receipts.iter().all(|receipt| receipt.session != to)) {
            world.find(format!("message {} is not on its way to its session", message.id));
        }
        for receipt in receipts {
            if let std::collections::btree_map::Entry::Vacant(free) = unread.entry(receipt.session) {
                free.insert(unread_of(&mut store, receipt.session)?);
            }
            let came_out = times.contains_key(&(mark.to_owned(), receipt.session));
            let waits = unread.get(&receipt.session).is_some_and(|ids| ids.contains(&message.id));
            let answered = receipt.state == State::Answered;
            if message.to.is_some() {
                result.shown += usize::from(came_out);
                result.waiting += usize::from(!came_out && waits);
            }
            if !came_out && !waits && !answered {
                world.find(format!(
                    "message {} was acknowledged, never came out and does not wait",
                    message.id
                ));
            }
            if answered && receipt.answer.is_none_or(|answer| !bodies.contains_key(&answer)) {
                world.find(format!("message {} counts as answered, and there is no answer", message.id));
            }
            let truth = Truth { came_out, turn_went_on: came_out };
            if let Some(claim) = beyond(&receipt, truth) {
                world.find(format!("message {}: {claim}", message.id));
            }
        }
    }
    Ok(())
}

fn unread_of(store: &mut Store, session: SessionId) -> Result<BTreeSet<MessageId>, Failure> {
    let entries = store.inbox(session, View::Unread, u32::MAX)?;
    Ok(entries.into_iter().map(|entry| entry.message.id).collect())
}
