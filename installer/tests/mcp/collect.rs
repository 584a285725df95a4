//! Servers clear away what is old by themselves: one of them, once a day, when it is idle.

use std::path::Path;

use serde_json::json;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Arrival, Author, Clock, Draft, Role, Store, StoreError};

use crate::harness::{World, arrival, soon};

const DAY: i64 = 86_400_000;

/// Two messages of last month: one was withdrawn, the other is unread. And the session that they are for.
fn last_month(world: &World) -> (MessageId, MessageId, SessionId) {
    let then = Clock::fixed(Clock::system().now() - 40 * DAY);
    let mut store = Store::open_with(&world.home(), Role::Cli, then).unwrap();
    let arrival = Arrival { cwd: Some(Path::new("/src/shop")), ..arrival("codex", "thread-a", None) };
    let session = store.arrive(&arrival).unwrap().id;
    let mut send = || {
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "ana".into(), as_session: None },
            room: "default",
            to: "x",
            kind: Kind::Note,
            subject: None,
            body: "long ago",
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        store.send(&draft, &[session]).unwrap().id
    };
    let (gone, unread) = (send(), send());
    store.cancel(gone).unwrap();
    (gone, unread, session)
}

#[test]
fn an_idle_server_clears_away_what_is_old() {
    let world = World::new();
    let (gone, unread, session) = last_month(&world);
    std::fs::write(world.home().settings(), r#"{"limits": {"collect_idle_s": 1}}"#).unwrap();
    let (mut a, _b) = (world.codex("thread-a"), world.codex("thread-b"));
    let store = world.store();
    soon("the old message to go", || matches!(store.message(gone), Err(StoreError::Collected(_))));
    soon("the end", || store.last_collection().unwrap().is_some_and(|last| last.ended.is_some()));
    assert!(store.message(unread).is_ok() && store.session(session).is_ok());
    assert_eq!(a.refused("bridge_read_message", json!({"ids": [gone]})), "message_collected");
    assert_eq!(a.call("bridge_whoami", json!({}))["unread"], json!(1));
}
