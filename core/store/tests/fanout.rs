//! Messages to many sessions, and senders that die between two parts of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{BATCH, arrival, draft, world};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Draft, Role, Store, StoreError};

const HOME: &str = "FANOUT_TEST_HOME";
const MANY: usize = 150;

fn recipients(store: &mut Store) -> Vec<SessionId> {
    (0..MANY).map(|n| store.arrive(&arrival(&BATCH, &format!("r{n}"), None)).unwrap().id).collect()
}

fn broadcast(store: &mut Store, from: SessionId, to: &[SessionId]) -> Result<MessageId, StoreError> {
    let draft = Draft { to: "*", ..draft(from, "to all") };
    store.send(&draft, to).map(|sent| sent.id)
}

/// Not a test of its own: a sender that broadcasts until it is killed.
#[test]
fn worker() {
    let Ok(home) = std::env::var(HOME) else { return };
    let mut store = Store::open(&Home::at(home), Role::Cli).unwrap();
    let me = store.arrive(&arrival(&BATCH, "sender", None)).unwrap().id;
    let to = recipients(&mut store);
    loop {
        broadcast(&mut store, me, &to).unwrap();
    }
}

fn start(home: &Home) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker", "--nocapture"])
        .env(HOME, home.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn waiting(home: &Home) -> usize {
    let db = rusqlite::Connection::open(home.store().join("bridge-1.db")).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM fanout", [], |row| row.get(0)).unwrap();
    usize::try_from(rows).unwrap()
}

#[test]
fn everybody_gets_it_before_the_sender_is_told() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let to = recipients(&mut w.store);
    let id = broadcast(&mut w.store, a.id, &to).unwrap();
    assert_eq!(w.store.receipts(id).unwrap().len(), MANY);
    assert!(to.iter().all(|id| w.store.run().session(*id).bell_stands()));
    assert_eq!(waiting(w.store.home()), 0);
}

#[test]
fn what_stopped_between_two_parts_is_finished_by_the_next_one() {
    let mut w = world();
    let a = w.session(&BATCH, "a");
    let to = recipients(&mut w.store);
    // A bell that cannot be rung: the second part fails, the first is committed.
    let mut sorted = to[64..].to_vec();
    sorted.sort_by_key(SessionId::to_string);
    let folder = w.store.run().session(sorted[10]);
    std::fs::remove_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path(), b"in the way").unwrap();
    broadcast(&mut w.store, a.id, &to).unwrap_err();
    let rang = |w: &common::World| to.iter().filter(|id| w.store.run().session(**id).bell_stands()).count();
    assert_eq!((rang(&w) >= 64, waiting(w.store.home())), (true, MANY - 64));
    assert!(!w.store.run().session(sorted[80]).bell_stands());

    std::fs::remove_file(folder.path()).unwrap();
    let home = w.store.home().clone();
    drop(Store::open(&home, Role::Hook).unwrap());
    assert_eq!(waiting(&home), MANY - 128, "a hook does one part");
    drop(Store::open(&home, Role::Cli).unwrap());
    assert_eq!((rang(&w), waiting(&home)), (MANY, 0));
    assert_eq!(w.store.unheard(false).unwrap(), []);
}

#[test]
fn killed_senders_leave_nothing_half_sent() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let mut store = Store::open(&home, Role::Cli).unwrap();
    recipients(&mut store);
    let mut interrupted = 0;
    for round in 0..12_u64 {
        let before = store.newest_seq().unwrap();
        let mut sender = start(&home);
        while store.newest_seq().unwrap() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round * 7));
        sender.kill().unwrap();
        sender.wait().unwrap();
        interrupted += usize::from(waiting(&home) > 0);
        let mut next = Store::open(&home, Role::Cli).unwrap();
        assert_eq!(waiting(&home), 0);
        let sent = next.since(None, 0, 100_000).unwrap();
        for message in sent.iter().rev().take(3) {
            assert_eq!(next.receipts(message.id).unwrap().len(), MANY);
        }
        assert_eq!(next.unheard(false).unwrap(), []);
    }
    assert!(interrupted > 0, "no kill fell between two parts");
}
