//! Commands that wait: `ask` and `tail-inbox`.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Store, View};

use crate::env::{TestEnvironment, answer, question};

/// The first message that comes for a session.
fn arrives(store: &mut Store, session: SessionId) -> MessageId {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(entry) = store.inbox(session, View::All, 1).unwrap().pop() {
            return entry.message.id;
        }
        assert!(Instant::now() < until, "nothing came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_question_gets_its_answer() {
    let env = TestEnvironment::new();
    let (api, _) = env.two_sessions();
    let mut store = env.store();
    let asking = env.spawn(&["ask", "api", "which port?", "--timeout", "60s"]);
    let id = arrives(&mut store, api);
    answer(&mut store, api, id, "it is 8080\u{1b}[2J");
    let output = TestEnvironment::finish(asking);
    assert_eq!((output.code, output.stdout.as_str()), (0, "it is 8080[2J\n"));
    assert!(output.stderr.contains("stored"), "{}", output.stderr);
    let resumed = env.run(&["ask", "--resume", &id.to_string(), "--json"]);
    env.settled(|| assert_snapshot!("ask_json", resumed.all()));
    // The answer has no session to go to: the command line's inbox keeps it.
    let inbox = env.run(&["inbox", "--json"]).json();
    assert_eq!(inbox["messages"][0]["in_reply_to"], id.to_string());
}

#[test]
fn a_wait_ends_and_the_question_stays() {
    let env = TestEnvironment::new();
    let (api, _) = env.two_sessions();
    let output = env.run(&["ask", "api", "which port?", "--timeout", "1s"]);
    env.settled(|| assert_snapshot!("ask_timeout", output.all()));
    assert_eq!(env.store().inbox(api, View::Unread, 5).unwrap().len(), 1);
    let json = env.run(&["ask", "api", "and now?", "--timeout", "1s", "--json"]);
    assert_eq!((json.code, json.json()["outcome"].as_str()), (3, Some("timeout")));
}

#[test]
fn a_question_that_expires_ends_the_wait() {
    let env = TestEnvironment::new();
    env.two_sessions();
    let output = env.run(&["ask", "api", "which port?", "--timeout", "60s", "--expires", "1s"]);
    env.settled(|| assert_snapshot!("ask_expired", output.all()));
}

#[test]
fn an_interrupt_names_the_way_back() {
    let env = TestEnvironment::new();
    let (api, _) = env.two_sessions();
    let asking = env.spawn(&["ask", "api", "which port?"]);
    let id = arrives(&mut env.store(), api);
    let pid = rustix::process::Pid::from_child(&asking);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = TestEnvironment::finish(asking);
    assert_eq!(output.code, 130);
    assert!(
        output.stderr.contains(&format!("wait again: session-bridge ask --resume {id}")),
        "{}",
        output.stderr
    );
}

#[test]
fn everyone_is_not_asked() {
    let env = TestEnvironment::new();
    env.two_sessions();
    env.settled(|| assert_snapshot!("ask_everyone", env.run(&["ask", "*", "who?"]).all()));
}

#[test]
fn messages_are_followed_as_they_come() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    question(&mut store, web, api, "before");
    let mut tail = env.spawn(&["tail-inbox", "api", "--json", "--last", "1", "--count", "2"]);
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["body"], "before");
    question(&mut store, api, web, "for somebody else");
    question(&mut store, web, api, "after");
    assert_eq!(next()["body"], "after");
    assert!(tail.wait().unwrap().success());
    let all = env.run(&["tail-inbox", "--last", "3", "--count", "3"]);
    env.settled(|| assert_snapshot!("tail_inbox", all.all()));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let mut tail = env.spawn(&["tail-inbox", "--last", "1"]);
    drop(tail.stdout.take());
    question(&mut store, web, api, "nobody listens");
    question(&mut store, web, api, "still nobody");
    assert_eq!(tail.wait().unwrap().code(), Some(0));
}
