//! Senders and readers killed at random: nothing acknowledged is lost, no body is shown twice, no mail is left without a
//! bell, order is kept.
//!
//! The workers are this test binary itself, started again with a role in the environment.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{BATCH, arrival, draft, event};
use session_bridge_core::event::{Moment, Start};
use session_bridge_core::frame::LATE;
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Letter, Note, Role, Store, View};

const ROLE: &str = "CRASH_TEST_ROLE";
const HOME: &str = "CRASH_TEST_HOME";
const READERS: usize = 3;

/// Not a test of its own: the body of a worker process.
#[test]
fn worker() {
    let (Ok(role), Ok(home)) = (std::env::var(ROLE), std::env::var(HOME)) else { return };
    let home = Home::at(home);
    if let Some(reader) = role.strip_prefix("reader-") { read(&home, reader) } else { send(&home, &role) }
}

/// Sends for ever; each acknowledged message is one line in the sender's own file, written after the flush.
fn send(home: &Home, name: &str) {
    let mut store = Store::open(home, Role::Cli).unwrap();
    let me = store.arrive(&arrival(&BATCH, name, None)).unwrap();
    let to: Vec<SessionId> =
        (0..READERS).map(|i| store.arrive(&arrival(&BATCH, &format!("r{i}"), None)).unwrap().id).collect();
    let mut acknowledged = append(&home.root().join(format!("sent-{name}")));
    // One by one, and several together.
    for first in (0..).step_by(5) {
        let bodies: Vec<_> =
            (first..first + 5).map(|n| format!("body of {name}-{} {n}", std::process::id())).collect();
        let letter = |n: usize| Letter {
            draft: draft(me.id, &bodies[n]),
            recipients: vec![to[(first + n) % READERS]],
        };
        let alone = letter(0);
        let mut outcomes = vec![store.send(&alone.draft, &alone.recipients)];
        outcomes.extend(store.send_all(&[1, 2, 3, 4].map(letter)));
        for sent in outcomes.into_iter().flatten() {
            writeln!(acknowledged, "{}", sent.id).unwrap();
        }
    }
}

/// Hears one prompt and one turn end, as two hook processes would, then ends; the supervisor starts the next.
fn read(home: &Home, native: &str) {
    let turn = MessageId::generate().to_string();
    for moment in [Moment::PromptSubmit, Moment::TurnEnd] {
        let mut store = Store::open(home, Role::Hook).unwrap();
        let Ok(session) = store.arrive(&arrival(&BATCH, native, Some(Start::Resumed))) else { return };
        let folder = store.run().session(session.id);
        let Ok(Some(lease)) = folder.try_lease() else { return };
        let Ok(outcome) = store.hear(&session, &event(moment, Some(&turn), &[]), &BATCH, &lease) else {
            return;
        };
        if let Some(attempt) = outcome.attempt {
            folder.set_note(Note::Writing(attempt), &lease).unwrap();
            let mut shown = append(&home.root().join(format!("shown-{native}")));
            shown.write_all(format!("{}\u{0}", outcome.text).as_bytes()).unwrap();
            folder.set_note(Note::Written { attempt, in_time: true }, &lease).unwrap();
        }
    }
}

fn append(path: &Path) -> std::fs::File {
    std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn start(home: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker", "--nocapture"])
        .env(ROLE, role)
        .env(HOME, home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_senders_and_readers_lose_nothing_and_repeat_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let mut roles: Vec<String> = (0..3).map(|i| format!("s{i}")).collect();
    roles.extend((0..READERS).map(|i| format!("reader-r{i}")));
    let mut running: BTreeMap<String, Child> =
        roles.iter().map(|role| (role.clone(), start(dir.path(), role))).collect();
    let mut random = 0x9e37_79b9_u32;
    let (began, mut kills) = (Instant::now(), 0);
    let mut audit = Store::open(&home, Role::Cli).unwrap();
    while kills < 300 && began.elapsed() < Duration::from_secs(60) {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_micros(u64::from(random >> 19)));
        let role = &roles[(random >> 8) as usize % roles.len()];
        let child = running.get_mut(role).unwrap();
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
        *child = start(dir.path(), role);
        if kills % 20 == 0 {
            assert_eq!(audit.unheard(false).unwrap(), [], "mail without a bell after {kills} kills");
        }
    }
    for child in running.values_mut() {
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(kills >= 100, "only {kills} kills in time");
    assert_eq!(audit.integrity().unwrap(), Vec::<String>::new());
    // Nobody dies from here on: what still waits comes out.
    for reader in 0..READERS {
        let session = audit.arrive(&arrival(&BATCH, &format!("r{reader}"), None)).unwrap();
        for _ in 0..2000 {
            read(&home, &format!("r{reader}"));
            if !audit.run().session(session.id).bell_stands() {
                break;
            }
        }
        assert!(!audit.run().session(session.id).bell_stands(), "reader {reader} never comes to rest");
    }
    // A reader that was killed while it wrote a body, and again while it wrote the reference to it, leaves the message
    // announced: it is unread, in the inbox, and read by id.
    let mut unread = BTreeSet::new();
    for reader in 0..READERS {
        let session = audit.arrive(&arrival(&BATCH, &format!("r{reader}"), None)).unwrap();
        let entries = audit.inbox(session.id, View::Unread, u32::MAX).unwrap();
        unread.extend(entries.iter().map(|entry| entry.message.id.to_string()));
    }
    check_what_was_shown(dir.path(), &unread);
}

fn check_what_was_shown(home: &Path, unread: &BTreeSet<String>) {
    let mut shown = String::new();
    for reader in 0..READERS {
        let text = std::fs::read_to_string(home.join(format!("shown-r{reader}"))).unwrap_or_default();
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("body of ")) {
            let (sender, n) = line.split_once(' ').unwrap();
            let n: u64 = n.parse().unwrap();
            assert!(last.insert(sender, n).is_none_or(|before| before < n), "{line} came after a later one");
            assert_eq!(text.matches(&format!("body of {sender} {n}\n")).count(), 1, "{line} was shown twice");
        }
        assert!(!text.contains(LATE), "hooks alone put nothing out of order, so nothing is late");
        shown.push_str(&text);
    }
    let mut acknowledged = 0;
    for sender in 0..3 {
        for id in std::fs::read_to_string(home.join(format!("sent-s{sender}"))).unwrap_or_default().lines() {
            // The last line may be torn by the kill; it was not acknowledged then.
            if id.len() == 26 {
                acknowledged += 1;
                assert!(shown.contains(id) || unread.contains(id), "{id} was acknowledged and is lost");
            }
        }
    }
    assert!(acknowledged > 100, "only {acknowledged} messages were sent");
}
