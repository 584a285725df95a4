//! `gc`: what is cleared away, what stays, and what is said of it.

use insta::assert_snapshot;
use serde_json::Value;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Via;
use session_bridge_store::{Author, Clock, Draft, Role, Store};

use crate::env::{TestEnvironment, answer, arrive, draft, question};

/// So many days pass: everything that is in the store happened as much earlier.
fn pass(env: &TestEnvironment, days: i64) {
    let db = rusqlite::Connection::open(env.store().path()).unwrap();
    for change in [
        "message SET created = created - ?1",
        "step SET at = at - ?1",
        "delivery SET marked = marked - ?1",
        "attempt SET created = created - ?1",
        "wake SET closed = closed - ?1",
        "rung SET at = at - ?1",
        "session SET started = started - ?1, ended = ended - ?1",
    ] {
        db.execute(&format!("UPDATE {change}"), [days * 86_400_000]).unwrap();
    }
}

/// A question that was answered and read, one that is unread, one that is open, and a session that ended: all of last month.
fn last_month(env: &TestEnvironment) -> [MessageId; 3] {
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let old = arrive(&mut store, "codex", "old", &[]);
    store.end(old, "over").unwrap();
    let done = question(&mut store, web, api, "which port?");
    let reply = answer(&mut store, api, done, "8080");
    store.decline(web, reply, None, Via::CommandLine).unwrap();
    let open = question(&mut store, web, api, "which host?");
    let pulled = store.pull(api, session_bridge_store::Pull::Read(&[open]), None, "server-1").unwrap();
    store.pull_written(pulled.attempt.unwrap()).unwrap();
    // As if it had been seen, and nobody had said anything of it.
    let db = rusqlite::Connection::open(store.path()).unwrap();
    db.execute("UPDATE delivery SET attempt = NULL, state = iif(state = 'offered', 'seen', state)", [])
        .unwrap();
    db.execute("UPDATE attempt SET status = 'done'", []).unwrap();
    // What became of the answer is told to its sender, who declined.
    let unread = question(&mut store, api, web, "unread");
    db.execute(
        "UPDATE delivery SET state = 'declined' WHERE seq IN (SELECT seq FROM message WHERE kind = 'system')",
        [],
    )
    .unwrap();
    pass(env, 31);
    [done, open, unread]
}

fn settled(env: &TestEnvironment, check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9.]+ (KiB|MiB)", "[SIZE]");
    settings.bind(|| env.settled(check));
}

#[test]
fn what_is_old_and_read_goes_and_the_rest_is_named() {
    let env = TestEnvironment::new();
    settled(&env, || assert_snapshot!("gc_empty", env.run(&["gc"]).all()));
    let [done, open, unread] = last_month(&env);
    settled(&env, || {
        assert_snapshot!("gc_dry", env.run(&["gc", "--dry-run"]).all());
        assert_snapshot!("gc_never", env.run(&["gc", "--older-than", "never"]).all());
    });
    assert_eq!(env.run(&["receipts", &done.to_string()]).code, 0, "nothing was changed");
    settled(&env, || {
        assert_snapshot!("gc", env.run(&["gc"]).all());
        assert_snapshot!("gc_again", env.run(&["gc"]).all());
        assert_snapshot!("gc_receipts", env.run(&["receipts", &done.to_string()]).all());
    });
    for stays in [open, unread] {
        assert_eq!(env.run(&["receipts", &stays.to_string()]).code, 0);
    }
    for words in
        [&["reply", &done.to_string(), "x"][..], &["read", &done.to_string()], &["cancel", &done.to_string()]]
    {
        let told = env.run(&[words, &["--json"]].concat());
        assert_eq!(
            (told.code, told.json()["error"]["code"].as_str()),
            (2, Some("message_collected")),
            "{words:?}"
        );
    }
    let list = env.run(&["list-sessions", "--all", "--json"]).stdout;
    assert!(!list.contains("\"old\""), "{list}");
}

#[test]
fn the_setting_says_how_long_mail_is_kept() {
    let env = TestEnvironment::new();
    last_month(&env);
    env.write("home/.session-bridge/settings.json", r#"{"limits": {"retention_days": 0}}"#);
    let kept = env.run(&["gc", "--json"]).json();
    assert_eq!((&kept["older_than_s"], &kept["removed"]["messages"]), (&Value::Null, &0.into()));
    env.write("home/.session-bridge/settings.json", r#"{"limits": {"retention_days": 60}}"#);
    assert_eq!(env.run(&["gc", "--json"]).json()["removed"]["messages"], 0);
    assert_ne!(env.run(&["gc", "--older-than", "30d", "--json"]).json()["removed"]["messages"], 0);
    let wrong = env.run(&["gc", "--older-than", "soon", "--json"]);
    assert_eq!((wrong.code, wrong.json()["error"]["code"].as_str()), (2, Some("usage")));
}

#[test]
fn of_a_message_to_several_the_parts_go_that_are_over() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let third = arrive(&mut store, "codex", "third", &[]);
    let draft = Draft { to: "*", ..draft(Author::Session(api), "lunch") };
    let id = store.send(&draft, &[web, third]).unwrap().id.to_string();
    store.decline(web, draft.id, None, Via::CommandLine).unwrap();
    pass(&env, 31);
    let line = "1 delivery of a message that stays";
    let dry = env.run(&["gc", "--dry-run"]).all();
    assert!(dry.contains(line), "{dry}");
    assert_eq!(env.run(&["receipts", &id, "--json"]).json()["cleared"], 0);
    let done = env.run(&["gc"]).all();
    assert!(done.contains(line), "{done}");
    let left = env.run(&["receipts", &id, "--json"]).json();
    assert_eq!((left["receipts"].as_array().unwrap().len(), &left["cleared"]), (1, &1.into()));
    for words in
        [&["receipts", &id][..], &["inspect", &id], &["receipts", &id, "--follow", "--timeout", "1s"]]
    {
        let told = env.run(words).all();
        assert!(
            told.contains("1 recipient read or declined it long ago, or ended after it was put out"),
            "{told}"
        );
    }
    let told = env.run(&["decline", &id, "--as", &web.to_string(), "--json"]);
    assert_eq!(told.json()["error"]["code"], "message_collected", "{told:?}");
}

/// A damaged store that was set aside and salvaged a month ago.
fn set_aside(env: &TestEnvironment) {
    env.two_sessions();
    let path = env.store().path().to_owned();
    std::fs::write(&path, "no database").unwrap();
    let then = Clock::fixed(Clock::system().now() - 31 * 86_400_000);
    assert_eq!(Store::set_aside(&env.home(), &then).unwrap(), Some(path));
    then.advance(60_000);
    Store::open_with(&env.home(), Role::Cli, then).unwrap().salvage().unwrap();
}

#[test]
fn a_store_that_was_set_aside_goes_only_when_somebody_says_so() {
    let env = TestEnvironment::new();
    set_aside(&env);
    settled(&env, || assert_snapshot!("gc_aside", env.run(&["gc"]).all()));
    let dry = env.run(&["gc", "--remove-set-aside", "--dry-run", "--json"]).json();
    assert_eq!(dry["set_aside"]["there"].as_array().unwrap().len(), 1);
    let young = env.run(&["gc", "--remove-set-aside", "--older-than", "60d", "--json"]).json();
    assert_eq!(young["set_aside"]["removed"], serde_json::json!([]));
    settled(&env, || assert_snapshot!("gc_aside_removed", env.run(&["gc", "--remove-set-aside"]).all()));
    assert!(!env.path("home/.session-bridge/store/bridge-1.db").exists());
    assert_eq!(env.run(&["list-sessions"]).code, 0);
}

/// For `docs/json.md`.
pub(crate) fn documents() -> Vec<Value> {
    let env = TestEnvironment::new();
    last_month(&env);
    let aside = TestEnvironment::new();
    set_aside(&aside);
    vec![
        env.run(&["gc", "--dry-run", "--json"]).json(),
        env.run(&["gc", "--json"]).json(),
        aside.run(&["gc", "--json"]).json(),
        aside.run(&["gc", "--older-than", "never", "--json"]).json(),
    ]
}
