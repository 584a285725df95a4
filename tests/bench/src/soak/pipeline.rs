//! A pipeline: each agent takes work from the one before it and hands it on to the next, through its own server and hooks.
//!
//! ```text
//! cargo run --release -p session-bridge-bench pipeline [--agents 30] [--messages 150] [--programs DIR]
//! ```
//!
//! An agent's turn is a prompt, a wait for the next message, a message to the next agent, and an end, each with its
//! hooks. A hop lasts from the call that sends to the result that shows. The status is 0 if nothing failed.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Barrier, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use session_bridge_chaos::script::Scene;
use session_bridge_providers::PROVIDERS;

use super::session::Life;
use super::{Options, World};
use crate::measure::percentile;

/// A wait that brings nothing so often, of a minute each, is a finding.
const WAITS: usize = 5;

/// What the agents share.
struct Line {
    agents: usize,
    messages: usize,
    /// How many may be under way.
    at_once: usize,
    /// The pieces of work that are on their way to an agent: which one, and when it was sent, by mark.
    sent: Mutex<BTreeMap<u64, (usize, Instant)>>,
    under_way: Mutex<usize>,
    done: Condvar,
    began: Mutex<BTreeMap<usize, Instant>>,
    hops: Mutex<Vec<Duration>>,
    whole: Mutex<Vec<Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs it with one message under way at a time, then with eight.
#[expect(clippy::print_stdout, reason = "figures are the output")]
pub(crate) fn pipeline(words: &[&str]) -> Result<ExitCode> {
    let mut options = Options { sessions: 30, messages: 150, ..Options::read(&[])? };
    options.take(words)?;
    let world = &World::new(options)?;
    println!(
        "| {} agents, {} messages | p50 | p99 |\n|---|---|---|",
        world.options.sessions, world.options.messages
    );
    for at_once in [1, 8] {
        let line = run(world, at_once)?;
        for (name, took) in [("a hop", line.hops), ("end to end", line.whole)] {
            let took = took.into_inner().unwrap_or_else(PoisonError::into_inner);
            let [p50, p99] = [0.5, 0.99].map(|share| percentile(&took, share) / 1e3);
            println!("| {name}, {at_once} under way | {p50:.1} ms | {p99:.1} ms |");
        }
    }
    world.look_at_logs();
    let errors = [world.board.take_errors(), world.board.missing()].concat();
    for error in &errors {
        println!("{error}");
    }
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(world: &World, at_once: usize) -> Result<Line> {
    let line = Line {
        agents: world.options.sessions,
        messages: world.options.messages,
        at_once,
        sent: Mutex::default(),
        under_way: Mutex::default(),
        done: Condvar::new(),
        began: Mutex::default(),
        hops: Mutex::default(),
        whole: Mutex::default(),
    };
    let ready = &Barrier::new(line.agents);
    let agent = |number: usize| -> Result<()> {
        let life = Life::new(world, number, PROVIDERS[number % PROVIDERS.len()]);
        let mut life = life.and_then(|mut life| life.begin(Scene::Start).map(|()| life));
        ready.wait();
        let worked = life.as_mut().map_or(Ok(()), |life| work(&line, life, number));
        let mut life = life?;
        worked.and_then(|()| life.end()).with_context(|| format!("agent {number}"))
    };
    std::thread::scope(|scope| -> Result<()> {
        let agent = &agent;
        let all: Vec<_> = (0..line.agents).map(|number| scope.spawn(move || agent(number))).collect();
        for one in all {
            one.join().ok().context("an agent panicked")??;
        }
        Ok(())
    })?;
    Ok(line)
}

/// One agent, until all has gone through it.
fn work(line: &Line, life: &mut Life<'_>, number: usize) -> Result<()> {
    for piece in 0..line.messages {
        life.prompt()?;
        let piece = if number == 0 {
            line.enter(piece);
            piece
        } else {
            line.arrived(take(life)?)?
        };
        if number + 1 == line.agents {
            line.leave(piece)?;
        } else {
            let (to, marked, mark) =
                life.board().write_to(number, number + 1).context("the next one is there")?;
            lock(&line.sent).insert(mark, (piece, Instant::now()));
            let body = format!("{marked} the next step of piece {piece} is yours");
            let sent = life.call("bridge_send_message", json!({"to": to, "body": body}), false)?;
            ensure!(sent.is_some(), "not sent");
        }
        life.hook(Scene::End, None)?;
    }
    Ok(())
}

/// The next message, from a wait or from a hook that was faster, and when it was there.
fn take(life: &mut Life<'_>) -> Result<(u64, Instant)> {
    for _ in 0..WAITS {
        if let Some(next) = life.next() {
            return Ok(next);
        }
        life.call("bridge_wait_for_message", json!({"timeout": 60}), false)?;
    }
    life.next().context("nothing came")
}

impl Line {
    fn enter(&self, piece: usize) {
        let under_way = lock(&self.under_way);
        let full = |under_way: &mut usize| *under_way >= self.at_once;
        let mut under_way = self.done.wait_while(under_way, full).unwrap_or_else(PoisonError::into_inner);
        *under_way += 1;
        lock(&self.began).insert(piece, Instant::now());
    }

    fn arrived(&self, (mark, at): (u64, Instant)) -> Result<usize> {
        let (piece, sent) = lock(&self.sent).remove(&mark).context("nobody sent that")?;
        lock(&self.hops).push(at.saturating_duration_since(sent));
        Ok(piece)
    }

    fn leave(&self, piece: usize) -> Result<()> {
        let began = lock(&self.began).remove(&piece).context("it never began")?;
        lock(&self.whole).push(began.elapsed());
        *lock(&self.under_way) -= 1;
        self.done.notify_all();
        Ok(())
    }
}
