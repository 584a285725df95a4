//! A damaged store: nobody writes into it any more, nothing that it still tells is lost, and hooks stay silent meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

mod common;

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use common::{BATCH, World, arrival, draft, world};
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Kind;
use session_bridge_store::{Draft, ErrorKind, Role, RuleKind, State, Store, StoreError};

/// Longer than any writer waits.
const LATER_MS: i64 = 20_000;

fn overwrite(path: &Path, from: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(bytes).unwrap();
}

fn truncate(path: &Path, to: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(to).unwrap();
}

/// Ends the connection, so that everything is in the database file, and damages that.
fn damaged(w: World, damage: impl FnOnce(&Path)) -> (tempfile::TempDir, session_bridge_store::Clock) {
    let path = w.store.path().to_owned();
    let World { dir, clock, store } = w;
    drop(store);
    damage(&path);
    (dir, clock)
}

fn reopen(dir: tempfile::TempDir, clock: session_bridge_store::Clock) -> World {
    let home = session_bridge_core::home::Home::at(dir.path());
    let store = Store::open_with(&home, Role::Cli, clock.clone()).unwrap();
    World { dir, clock, store }
}

fn set_aside(w: &World) -> bool {
    Store::set_aside(w.store.home(), &w.clock).unwrap().is_some()
}

fn home(dir: &tempfile::TempDir) -> session_bridge_core::home::Home {
    session_bridge_core::home::Home::at(dir.path())
}

/// A database with a page that nobody owns: the check finds fault, every table reads.
fn with_a_fault(w: &World) {
    let db = rusqlite::Connection::open(w.store.path()).unwrap();
    db.execute_batch("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name = 'claim_session'")
        .unwrap();
}

/// Else its next event would register it a second time, and what waits for it would wait for nobody.
#[test]
fn a_session_whose_alias_was_lost_is_the_same_session_all_the_same() {
    let mut w = world();
    let session = w.store.arrive(&arrival(&BATCH, "n", None)).unwrap();
    with_a_fault(&w);
    let db = rusqlite::Connection::open(w.store.path()).unwrap();
    db.execute("DELETE FROM alias", []).unwrap();
    drop(db);
    assert!(set_aside(&w));
    w.store.refresh().unwrap();
    assert_eq!(w.store.arrive(&arrival(&BATCH, "n", None)).unwrap().id, session.id);
}

#[test]
fn a_whole_store_stays_where_it_is() {
    let w = world();
    assert!(!set_aside(&w));
    assert!(w.store.unsalvaged().unwrap().is_empty());
}

#[test]
fn what_reads_comes_over_with_its_id_state_and_bell() {
    let mut w = world();
    let (a, b, c) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"), w.session(&BATCH, "c"));
    let seen = w.send(&a, &b, Kind::Note, "seen before");
    w.prompt(&BATCH, &b, "t1");
    w.stop(&BATCH, &b, "t1");
    let under_way = w.send(&a, &b, Kind::Note, "under way");
    w.prompt(&BATCH, &b, "t2");
    let stored = w.send(&a, &c, Kind::Question, "still waiting");
    w.store.set_rule(RuleKind::Block, a.id, Some(b.id)).unwrap();
    with_a_fault(&w);
    assert!(set_aside(&w));
    let mut w = reopen(w.dir, w.clock);
    let refused = w.try_send(&a, &[b.id], Kind::Note, "x", None).unwrap_err();
    assert_eq!(refused.code(), "blocked", "what a person refused stays refused");
    assert_eq!(w.store.unsalvaged().unwrap().len(), 1);
    assert_eq!(w.store.salvage().unwrap_err().kind(), ErrorKind::Busy, "somebody may still write to it");
    assert_eq!(w.session(&BATCH, "c").id, c.id, "addresses go on to work");
    let between = w.send(&a, &c, Kind::Note, "sent between");
    w.prompt(&BATCH, &c, "t1");
    w.stop(&BATCH, &c, "t1");
    assert!(!w.rings(&c), "the present store has nothing more for it");

    w.clock.advance(LATER_MS);
    let salvaged = w.store.salvage().unwrap();
    assert_eq!((salvaged.messages, salvaged.deliveries), (3, 3), "{salvaged:?}");
    assert!(w.rings(&c) && w.rings(&b), "salvaged mail rings");
    assert_eq!(w.state(seen).0, State::Seen);
    assert_eq!(w.state(under_way), (State::Stored, true, true), "what was under way is in doubt");
    assert_eq!(w.state(between).0, State::Seen);
    let states: Vec<State> = w.store.receipts(seen).unwrap()[0].steps.iter().map(|s| s.state).collect();
    assert_eq!(states, [State::Stored, State::Offered, State::Injected, State::Seen]);
    let order: Vec<i64> = [stored, between].iter().map(|id| w.store.message(*id).unwrap().seq).collect();
    assert!(order[0] < order[1], "the order of sending stays");
    assert!(w.prompt(&BATCH, &c, "t2").text.contains("still waiting"));
    let reference = w.prompt(&BATCH, &b, "t3").text;
    assert!(reference.contains(&under_way.to_string()) && !reference.contains("under way"));

    let again = w.store.salvage().unwrap();
    assert_eq!((again.sessions, again.messages, again.deliveries), (0, 0, 0));
    assert!(w.store.unsalvaged().unwrap().is_empty());
}

#[test]
fn a_server_that_holds_the_old_file_sends_into_the_present_one() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let mut server = Store::open_with(w.store.home(), Role::Server, w.clock.clone()).unwrap();
    with_a_fault(&w);
    assert!(set_aside(&w));
    let id = MessageId::generate();
    server.send(&Draft { id, ..draft(a.id, "kept") }, &[b.id]).unwrap();
    let present = Store::open_with(w.store.home(), Role::Cli, w.clock.clone()).unwrap();
    assert_ne!(present.path(), w.store.path());
    assert_eq!(present.message(id).unwrap().body, "kept");
    assert_eq!(server.path(), present.path());
    assert!(w.store.refresh().unwrap(), "another holder turns to it, too");
    assert!(w.rings(&b));
}

/// The pointer moves between the commit and the check: the message is in both files, once for everybody.
#[test]
fn a_message_in_both_files_is_one_message() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    let id = MessageId::generate();
    w.store.send(&Draft { id, ..draft(a.id, "kept") }, &[b.id]).unwrap();
    with_a_fault(&w);
    assert!(set_aside(&w));
    let mut w = reopen(w.dir, w.clock);
    w.store.send(&Draft { id, ..draft(a.id, "kept") }, &[b.id]).unwrap();
    w.prompt(&BATCH, &b, "t1");
    w.stop(&BATCH, &b, "t1");
    w.clock.advance(LATER_MS);
    assert_eq!(w.store.salvage().unwrap().messages, 0);
    assert_eq!(w.state(id).0, State::Seen);
    assert!(w.prompt(&BATCH, &b, "t2").text.is_empty());
}

#[test]
fn garbage_and_cut_off_files_are_named_and_replaced() {
    let garbage = |path: &Path| overwrite(path, 0, &[0xa5; 8192]);
    let empty = |path: &Path| truncate(path, 0);
    let gone = |path: &Path| std::fs::remove_file(path).unwrap();
    for damage in [&garbage as &dyn Fn(&Path), &empty, &gone] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
        w.send(&a, &b, Kind::Note, "lost for good");
        let (dir, clock) = damaged(w, damage);
        for role in [Role::Hook, Role::Server, Role::Cli] {
            let error = Store::open_with(&home(&dir), role, clock.clone()).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
        assert!(Store::set_aside(&home(&dir), &clock).unwrap().is_some());
        assert!(Store::set_aside(&home(&dir), &clock).unwrap().is_none(), "once");
        let mut w = reopen(dir, clock);
        assert_eq!(w.session(&BATCH, "b").id, b.id, "the run folder still knows who it is");
        w.clock.advance(LATER_MS);
        let salvaged = w.store.salvage().unwrap();
        assert_eq!(salvaged.messages, 0);
        assert_eq!(
            salvaged.lost.len() + w.store.unsalvaged().unwrap().len(),
            usize::from(w.store.path().with_file_name("bridge-1.db").exists())
        );
        let a = w.session(&BATCH, "a");
        let id = w.send(&a, &b, Kind::Note, "goes on");
        assert!(w.prompt(&BATCH, &b, "t").text.contains("goes on"));
        assert_eq!(w.state(id).0, State::Offered);
    }
}

#[test]
fn a_log_that_is_overwritten_under_its_writer_is_noticed() {
    let mut w = world();
    let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
    w.send(&a, &b, Kind::Note, "this is safe");
    overwrite(&w.store.path().with_extension("db-wal"), 0, &[0xa5; 64]);
    let refused = w.store.send(&draft(a.id, "kept"), &[b.id]).unwrap_err();
    assert_eq!(refused.code(), "store_damaged");
}

#[test]
fn damage_in_the_middle_costs_what_stood_there() {
    for cut in [false, true] {
        let mut w = world();
        let (a, b) = (w.session(&BATCH, "a"), w.session(&BATCH, "b"));
        let ids: Vec<MessageId> =
            (0..300).map(|n| w.send(&a, &b, Kind::Note, &format!("{n} {}", "x".repeat(1500)))).collect();
        let (dir, clock) = damaged(w, |path| {
            let size = std::fs::metadata(path).unwrap().len();
            if cut {
                truncate(path, size / 2 / 4096 * 4096);
            } else {
                // Where a body stands, wherever the layout puts it.
                let bytes = std::fs::read(path).unwrap();
                let body = bytes.windows(8).position(|part| part == b"150 xxxx").unwrap() as u64;
                overwrite(path, body / 4096 * 4096, &[0x5a; 3 * 4096]);
            }
        });
        assert!(Store::set_aside(&home(&dir), &clock).unwrap().is_some());
        let mut w = reopen(dir, clock);
        w.clock.advance(LATER_MS);
        let salvaged = w.store.salvage().unwrap();
        assert!(salvaged.messages >= 100 && !salvaged.lost.is_empty(), "{salvaged:?}");
        let kept = ids.iter().filter(|id| w.store.message(**id).is_ok()).count();
        assert_eq!(u32::try_from(kept).unwrap(), salvaged.messages);
        assert_eq!(w.store.unheard(false).unwrap(), []);
        assert_eq!(w.store.integrity().unwrap(), Vec::<String>::new());
        w.store.arrive(&arrival(&BATCH, "b", None)).unwrap();
        assert!(cut || w.rings(&b));
    }
}

#[test]
fn an_unreadable_pointer_leads_to_the_newest_file() {
    let w = world();
    with_a_fault(&w);
    assert!(set_aside(&w));
    std::fs::write(w.dir.path().join("store/generation"), b"\0\0").unwrap();
    let w = reopen(w.dir, w.clock);
    assert!(w.store.path().ends_with("bridge-2.db"));
}
