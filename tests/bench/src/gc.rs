//! What clearing away costs: a store of old messages, and a hook that wants to write all the time meanwhile.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use session_bridge_core::home::Home;
use session_bridge_core::id::SessionId;
use session_bridge_store::{Role, Store};

use crate::Programs;
use crate::cases::World;
use crate::measure::percentile;

/// What was measured.
pub(crate) struct Cleared {
    messages: usize,
    took: Duration,
    before: u64,
    after: u64,
    writes: Writes,
    /// The longest time that a transaction of the collection held the lock, in milliseconds.
    held: f64,
}

/// What a process did that writes as a hook does.
#[derive(Default)]
struct Writes {
    /// How long each write took, its wait for the lock included.
    took: Vec<Duration>,
    /// Why writes were given up, mostly for the lock that did not become free within a hook's deadline, and after how many
    /// seconds.
    late: Vec<(&'static str, u64)>,
}

/// Fills a store with messages that were seen long ago, and clears it.
pub(crate) fn clear(programs: &Programs, messages: usize) -> Result<Cleared> {
    let world = World::new(programs, messages)?;
    add_traces(&Store::open(&world.bridge(), Role::Cli)?)?;
    let bytes = Store::open(&world.bridge(), Role::Cli)?.bytes();
    let (home, reader, over) = (world.bridge(), world.reader(), AtomicBool::new(false));
    let (took, held, writes) = std::thread::scope(|scope| -> Result<_> {
        let hook = scope.spawn(|| write(&home, reader, &over));
        let began = Instant::now();
        let done = Command::new(&programs.main)
            .args(["gc", "--json"])
            .env("SESSION_BRIDGE_HOME", world.home())
            .output();
        let took = began.elapsed();
        over.store(true, Ordering::Relaxed);
        let done = done?;
        ensure!(done.status.success(), "gc failed: {}", String::from_utf8_lossy(&done.stderr));
        let said: Value = serde_json::from_slice(&done.stdout)?;
        let held = said["longest_lock_ms"].as_f64().context("no longest transaction")?;
        Ok((took, held, hook.join().ok().context("a writer panicked")??))
    })?;
    let after = Store::open(&world.bridge(), Role::Cli)?.bytes();
    Ok(Cleared { messages, took, before: bytes, after, writes, held })
}

/// What a delivery by a hook leaves beside its message: four steps, an attempt and its item.
fn add_traces(store: &Store) -> Result<()> {
    let db = rusqlite::Connection::open(store.path())?;
    Ok(db.execute_batch(
        "BEGIN;
         INSERT INTO step (session, seq, state, at, surface, evidence)
             SELECT d.session, d.seq, s.column1, 0, 'prompt', 'Stop of the same turn'
             FROM delivery d CROSS JOIN (VALUES ('stored'), ('offered'), ('injected'), ('seen')) s;
         INSERT INTO attempt (id, session, conversation, turn, surface, event, status, created)
             SELECT m.id, d.session, 1, m.id, 'prompt', m.id, 'done', 0 FROM message m JOIN delivery d USING (seq);
         INSERT INTO item (attempt, seq, part) SELECT id, seq, 'body' FROM message;
         COMMIT;",
    )?)
}

/// Writes as a hook does, again and again, until the other is done.
fn write(home: &Home, reader: SessionId, over: &AtomicBool) -> Result<Writes> {
    let mut store = Store::open(home, Role::Hook)?;
    let (mut writes, start) = (Writes::default(), Instant::now());
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        match store.set_summary(reader, Some("at work")) {
            Ok(()) => writes.took.push(began.elapsed()),
            Err(error) => writes.late.push((error.code(), start.elapsed().as_secs())),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(writes)
}

/// The table.
#[expect(clippy::print_stdout, reason = "figures are the output")]
pub(crate) fn print(cleared: &Cleared) {
    let Cleared { messages, took, before, after, writes, held } = cleared;
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let [median, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(&writes.took, share) / 1e3);
    println!("| `gc` of {messages} old messages | |\n|---|---|");
    println!("| time | {:.0} s |", took.as_secs_f64());
    println!("| the store before | {:.1} MiB |", mib(*before));
    println!("| the store after | {:.1} MiB |", mib(*after));
    println!("| writes of a hook meanwhile | {} |", writes.took.len());
    println!("| median of a write | {median:.1} ms |");
    println!("| p99 of a write | {p99:.1} ms |");
    println!("| longest write | {most:.1} ms |");
    println!("| longest transaction of `gc` | {held:.0} ms |");
    println!("| writes that were given up after 50 ms | {} |", writes.late.len());
    for (why, second) in &writes.late {
        println!("\n{why} after {second} s");
    }
}
