//! Servers that live for hours while their store is damaged and set aside.

use std::io::Write as _;

use serde_json::json;
use session_bridge_store::{Clock, Store};

use crate::harness::World;

#[test]
fn servers_that_hold_the_old_store_go_on_with_the_present_one() {
    let world = World::new();
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let (_, two) = (a.label(), b.label());
    let path = world.store().path().to_owned();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name = 'claim_session'")
        .unwrap();
    drop(db);
    assert_eq!(Store::set_aside(&world.home(), &Clock::system()).unwrap(), Some(path.clone()));
    let sent = a.call("bridge_send_message", json!({"to": two, "body": "which port?"}));
    let present = world.store();
    assert_ne!(present.path(), path);
    assert!(present.message(sent["id"].as_str().unwrap().parse().unwrap()).is_ok());
    assert_eq!(b.call("bridge_list_inbox", json!({}))["unread"], json!(1));
}

#[test]
fn garbage_under_a_running_server_is_never_acknowledged() {
    let world = World::new();
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let (one, two) = (a.label(), b.label());
    let path = world.store().path().to_owned();
    for file in [path.clone(), path.with_extension("db-wal")] {
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(file).unwrap();
        file.write_all(&[0xa5; 16 * 1024]).unwrap();
    }
    let refused = a.refused("bridge_send_message", json!({"to": two, "body": "into the void"}));
    assert!(refused.starts_with("store_"), "{refused}");
    assert_eq!(Store::set_aside(&world.home(), &Clock::system()).unwrap(), Some(path));
    assert_eq!((a.label(), b.label()), (one.clone(), two.clone()), "they are found again");
    let sent = a.call("bridge_send_message", json!({"to": two, "body": "which port?"}));
    assert_eq!(sent["status"], json!("stored"));
    let inbox = b.call("bridge_list_inbox", json!({}));
    assert_eq!((&inbox["unread"], &inbox["messages"][0]["from"]), (&json!(1), &json!(one)));
}
