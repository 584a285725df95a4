//! `receipts --follow`.

use std::io::{BufRead as _, BufReader};

use insta::assert_snapshot;
use serde_json::Value;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::process;
use session_bridge_store::{Activity, Author, Clock, Draft, Due, Live, Pull, Ringer, Role, State, Store};

use crate::env::{TestEnvironment, arrive, draft, question};

/// A note that may wait so many milliseconds.
fn note(store: &mut Store, from: SessionId, to: &[SessionId], lifetime_ms: i64) -> MessageId {
    let draft =
        Draft { lifetime_ms: Some(lifetime_ms), ..draft(Author::Session(from), "the schema changed") };
    store.send(&draft, to).unwrap().id
}

#[test]
fn each_step_comes_as_it_happens_and_the_last_one_ends_it() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let id = question(&mut store, web, api, "which port?");
    let mut following = env.spawn(&["receipts", &id.to_string(), "--follow", "--json"]);
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert_eq!((&first["state"], &first["label"]), (&Value::from("stored"), &Value::from("api")));
    assert_eq!(
        (&first["id"], &first["session"]),
        (&Value::from(id.to_string()), &Value::from(api.to_string()))
    );
    let pulled = store.pull(api, Pull::Read(&[id]), Some("call-1"), "server-1").unwrap();
    store.pull_written(pulled.attempt.unwrap()).unwrap();
    let second = next();
    assert_eq!((&second["state"], &second["surface"]), (&Value::from("offered"), &Value::from("mcp-pull")));
    session_bridge::post::reply(&mut store, Author::Session(api), id, "answer", None, "8080").unwrap();
    assert_eq!(next()["state"], Value::from("answered"));
    assert_eq!(following.wait().unwrap().code(), Some(0));
    assert!(lines.next().is_none());
    env.settled(|| assert_snapshot!("follow", env.run(&["receipts", &id.to_string(), "--follow"]).all()));
}

#[test]
fn a_deadline_that_passes_meanwhile_ends_it() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let seen = arrive(&mut store, "codex", "reads-at-once-and-has-a-long-name", &[]);
    let id = note(&mut store, web, &[api, seen], 1_500);
    let pulled = store.pull(seen, Pull::Read(&[id]), Some("call-1"), "server-1").unwrap();
    store.pull_written(pulled.attempt.unwrap()).unwrap();
    store.mark_read(seen, &[id]).unwrap();
    assert_eq!(store.receipts(id).unwrap()[0].state, State::Stored);
    let output = env.run(&["receipts", &id.to_string(), "--follow"]);
    env.settled(|| assert_snapshot!("follow_expired", output.all()));
}

#[test]
fn what_is_held_is_shown_and_waited_for() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id = question(&mut env.store(), web, api, "which port?");
    // A day of nudges through a door that nobody answers.
    let clock = Clock::fixed(env.store().now());
    let mut store = Store::open_with(&env.home(), Role::Cli, clock.clone()).unwrap();
    let host = process::look(std::process::id()).unwrap().key;
    store
        .run()
        .session(api)
        .set_live(Live { host, activity: Activity::Idle, by_user: false, turn: None })
        .unwrap();
    loop {
        match store.wake_due(api, Ringer { door: "a-door", host: None, queues: false }).unwrap() {
            Due::At(at) => clock.advance(at - clock.now()),
            Due::Now(ring) => store.nudged(api, &ring, "a-door").unwrap(),
            Due::Nothing => break,
        }
    }
    let id = id.to_string();
    let output = env.run(&["receipts", &id, "--follow", "--timeout", "1s"]);
    env.settled(|| assert_snapshot!("follow_held", output.all()));
    let lines = env.run(&["receipts", &id, "--follow", "--timeout", "1s", "--json"]).stdout;
    let held: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(held.last().unwrap()["remark"].as_str().unwrap().starts_with("held: a-door"), "{lines}");
}

#[test]
fn an_interrupt_ends_it_with_its_own_status() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id = question(&mut env.store(), web, api, "which port?").to_string();
    let mut following = env.spawn(&["receipts", &id, "--follow"]);
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("stored") {}
    let pid = rustix::process::Pid::from_child(&following);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = TestEnvironment::finish(following);
    assert_eq!(output.code, 130);
    env.settled(|| assert_snapshot!("follow_interrupted", output.stderr));
}

#[test]
fn a_time_limit_is_for_following_and_nobody_is_not_waited_for() {
    let env = TestEnvironment::new();
    let (_, web) = env.two_sessions();
    let id = note(&mut env.store(), web, &[], 60_000).to_string();
    assert_eq!(env.run(&["receipts", &id, "--timeout", "1s"]).code, 2);
    env.settled(|| assert_snapshot!("follow_nobody", env.run(&["receipts", &id, "--follow"]).all()));
    assert_eq!(env.run(&["receipts", &id, "--follow", "--json"]).all(), "exit 0\n");
}
