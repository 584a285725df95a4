//! Part 3: what the hook costs, and how many sends a second this disk confirms. Nothing here is a finding by itself: a slow disk
//! gets a remark.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use session_bridge_core::environment;
use session_bridge_core::event::Moment;

use super::program::{Kill, carry_out};
use super::session::{Session, mark, marks};
use super::world::World;
use crate::report::Failure;

/// Calls that one server gets at once.
const AT_ONCE: usize = 16;
/// Programs that send at the same time.
const SENDERS: usize = 4;
/// How long sends must have been counted for a remark.
const ENOUGH: Duration = Duration::from_millis(400);
/// Fewer durable sends a second than this, by processes, and the disk gets a remark.
const SLOW_SENDS: f64 = 10.0;
/// A hook that takes longer than this at its 99th percentile gets a remark; a person begins to notice.
const SLOW_HOOK_MS: f64 = 100.0;

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) p99: f64,
    /// How many were measured.
    pub(super) runs: usize,
}

/// What was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Speed {
    /// The hook's program, started where there is no bridge's home, so that it ends at once.
    pub(super) program_ms: Spread,
    /// The hook at an event of a session that has no mail.
    pub(super) quiet_ms: Spread,
    /// The hook that puts out a message.
    pub(super) delivering_ms: Spread,
    /// Sends a second by commands, each acknowledged after it was on the disk.
    pub(super) sends_by_commands: f64,
    /// The same by calls of one server, sixteen at once.
    pub(super) sends_by_server: f64,
    /// What is slow here.
    pub(super) remarks: Vec<String>,
    /// What must not be.
    pub(super) findings: Vec<String>,
}

pub(super) fn run(world: &World, tell: impl Fn(String) + Sync) -> Result<Speed, Failure> {
    let mut speed = Speed::default();
    let counted = world.until.saturating_duration_since(Instant::now()) / 5;
    if let Err(why) = measure(world, &mut speed, &tell) {
        world.find(why);
    }
    world.expect_room()?;
    speed.findings = world.findings();
    if speed.sends_by_commands < SLOW_SENDS && counted >= ENOUGH {
        let sends = rate(speed.sends_by_commands);
        speed.remarks.push(format!(
            "this disk is slow to confirm writes ({sends} sends a second): senders wait for it, hooks do not"
        ));
    }
    if speed.quiet_ms.p99 > SLOW_HOOK_MS {
        speed.remarks.push("starting programs takes long on this machine now; the hook is one".to_owned());
    }
    Ok(speed)
}

fn measure(world: &World, speed: &mut Speed, tell: &(impl Fn(String) + Sync)) -> Result<(), String> {
    let began = Instant::now();
    let whole = world.until.saturating_duration_since(began);
    let until = |part: u32| began + whole * part / 5;
    let session = Session::start(world, "speed")?;
    tell("the hook, with nothing to do".to_owned());
    // Turn and turn about, so that what else the machine does meets both.
    let (mut alone, mut quiet) = (Vec::new(), Vec::new());
    fire(world, &session, "first")?;
    while alone.len() < 3 || (Instant::now() < until(1) && !world.is_over()) {
        let turn = format!("quiet-{}", quiet.len());
        alone.push(time_hook(world, &session, &turn, true)?.0);
        quiet.push(time_hook(world, &session, &turn, false)?.0);
    }
    speed.program_ms = spread(alone);
    speed.quiet_ms = spread(quiet);

    tell("the hook, with a message".to_owned());
    let mut store = world.ask(|| world.store())?;
    let mut delivering = Vec::new();
    while delivering.len() < 3 || (Instant::now() < until(3) && !world.is_over()) {
        let n = delivering.len();
        session.put(world, &mut store, &mark(0, n))?;
        let (took, output) = time_hook(world, &session, &format!("turn-{n}"), false)?;
        if marks(&output).is_empty() {
            // Too late in this turn for the hook to speak: the next event has it. Under load that is as it should be.
            fire(world, &session, &format!("again-{n}"))?;
        }
        delivering.push(took);
        fire_end(world, &session, &format!("turn-{n}"))?;
        if world.stop.is_asked() {
            return Ok(());
        }
    }
    speed.delivering_ms = spread(delivering);
    drop(store);

    tell("sends by commands".to_owned());
    speed.sends_by_commands = by_commands(world, &session, until(4))?;
    tell("sends through a server".to_owned());
    speed.sends_by_server = by_server(world, &session, until(5))?;
    Ok(())
}

fn fire(world: &World, session: &Session, turn: &str) -> Result<(), String> {
    session.fire(world, Moment::PromptSubmit, turn, Kill::Never).map(drop)
}

fn fire_end(world: &World, session: &Session, turn: &str) -> Result<(), String> {
    session.fire(world, Moment::AfterTool, turn, Kill::Never)?;
    session.fire(world, Moment::TurnEnd, turn, Kill::Never).map(drop)
}

/// One hook from its start to its end, and what it said. `idle`: where there is no home, so that it is the program alone.
fn time_hook(
    world: &World,
    session: &Session,
    turn: &str,
    idle: bool,
) -> Result<(Duration, Vec<u8>), String> {
    let (words, payload) = session.event(world, Moment::PromptSubmit, turn)?;
    let mut command = world.hook(&words);
    if idle {
        command.env(environment::HOME.name, world.project().join("none"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        drop(std::io::Write::write_all(&mut stdin, payload.as_bytes()));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    Ok((began.elapsed(), output.stdout))
}

fn by_commands(world: &World, to: &Session, until: Instant) -> Result<f64, String> {
    let done = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let (done, failed) = (&done, &failed);
        for n in 0..SENDERS {
            scope.spawn(move || {
                let (named, body) = (to.id.to_string(), mark(9, n));
                while !world.is_over() && Instant::now() < until {
                    let words = ["send-message", &named, &body, "--kind", "status", "--json"];
                    match carry_out(world.command(&words), b"", Kill::Never, &world.stop) {
                        Ok(ended) if ended.status.success() => {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(ended) if ended.killed => {}
                        Ok(ended) => world.refused("send-message", &ended.output),
                        Err(why) => *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(why),
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(why) => Err(why),
        None => Ok(per_second(done.into_inner(), began)),
    }
}

fn by_server(world: &World, to: &Session, until: Instant) -> Result<f64, String> {
    let sender = Session::start(world, "server")?;
    let mut server = sender.server(world)?;
    let (began, mut done) = (Instant::now(), 0);
    while done == 0 || (Instant::now() < until && !world.is_over()) {
        let calls: Vec<Value> =
            (0..AT_ONCE).map(|n| sender.send_call(world, to.id, &mark(8, done + n))).collect();
        let told = server.request_all("tools/call", &calls)?;
        let sent = told.iter().filter(|told| told["structuredContent"]["id"].is_string()).count();
        if sent == 0 {
            return Err(format!("a server did not send: {}", told.first().unwrap_or(&Value::Null)));
        }
        done += sent;
    }
    Ok(per_second(done, began))
}

fn per_second(done: usize, began: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than a float counts exactly")]
    let done = done as f64;
    (done / began.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

fn spread(mut times: Vec<Duration>) -> Spread {
    times.sort_unstable();
    let at = |share: usize| {
        let found = times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        found.map_or(0.0, |time| (time.as_secs_f64() * 1e5).round() / 100.0)
    };
    Spread { median: at(50), p99: at(99), runs: times.len() }
}

/// A rate as people read it.
pub(super) fn rate(sends: f64) -> String {
    if sends < 10.0 { format!("{sends:.1}") } else { format!("{sends:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_and_the_end() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(spread(times), Spread { median: 101.0, p99: 199.0, runs: 200 });
        assert_eq!(spread(Vec::new()), Spread::default());
        assert_eq!((rate(3.25), rate(211.7)), ("3.2".to_owned(), "212".to_owned()));
    }
}
