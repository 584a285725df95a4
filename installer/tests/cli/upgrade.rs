//! A store that a newer release took over, and what `doctor` says of logs and overrides.

use std::fs;

use serde_json::Value;
use session_bridge_core::id::SessionId;
use session_bridge_core::log::{About, Level, Log};
use session_bridge_store::{Arrival, Wanted};

use crate::env::{TestEnvironment, question};

fn newer(env: &TestEnvironment, change: &str) {
    let path = env.store().path().to_owned();
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(change).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
}

fn code(env: &TestEnvironment, arguments: &[&str]) -> String {
    let out = env.run(&[arguments, &["--json"]].concat());
    assert_ne!(out.code, 0, "{arguments:?}: {out:?}");
    let error = &out.json()["error"];
    assert!(!error["help"].as_str().unwrap_or_default().is_empty(), "{out:?}");
    error["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_newer_store_is_read_by_every_command_and_written_by_none() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id = question(&mut env.store(), web, api, "which port?").to_string();
    newer(&env, "ALTER TABLE session ADD COLUMN mood TEXT; CREATE TABLE later (x)");
    let before = fs::read(env.store().path()).unwrap();

    for arguments in [
        &["list-sessions"][..],
        &["inbox", "api"],
        &["read", &id],
        &["receipts", &id],
        &["inspect", &id],
        &["inspect", "api"],
        &["whoami"],
        &["list-providers"],
        &["version"],
    ] {
        let out = env.run(arguments);
        assert_eq!(out.code, 0, "{arguments:?}: {out:?}");
    }
    assert!(env.run(&["inbox", "api"]).stdout.contains("Ports"));
    for arguments in [
        &["send-message", "api", "hello"][..],
        &["broadcast", "hello"],
        &["ask", "api", "hello?", "--timeout", "1s"],
        &["reply", &id, "8080", "--as", "api"],
        &["cancel", &id],
    ] {
        assert_eq!(code(&env, arguments), "store_newer", "{arguments:?}");
    }
    let refused = env.run(&["send-message", "api", "hello"]);
    assert!(refused.stderr.contains("restart this session"), "{refused:?}");
    let doctor = env.run(&["doctor", "--fix", "--json"]).json();
    let store = doctor["checks"].as_array().unwrap().iter().find(|check| check["id"] == "store").unwrap();
    assert_eq!(store["level"], "fail", "{doctor:#}");
    assert!(store["summary"].as_str().unwrap().contains("[store_newer]"), "{store}");
    assert_eq!(fs::read(env.store().path()).unwrap(), before, "not a byte was written");
}

#[test]
fn what_a_newer_store_keeps_elsewhere_is_said_to_be_out_of_reach() {
    let env = TestEnvironment::new();
    env.two_sessions();
    newer(&env, "ALTER TABLE session RENAME COLUMN summary TO headline");
    assert_eq!(code(&env, &["list-sessions"]), "store_unreadable");
}

#[test]
fn doctor_names_the_logs_and_counts_recent_failures() {
    let env = TestEnvironment::new();
    drop(env.store());
    let look = || {
        let doctor = env.run(&["doctor", "--json"]).json();
        let checks = doctor["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["id"] == "log").unwrap()
    };
    let folder = env.home().log().display().to_string();
    let well = look();
    assert_eq!(well["level"], "ok");
    assert!(well["summary"].as_str().unwrap().contains(&folder));
    for log in [Log::Hook, Log::Server] {
        log.write(&env.home(), Level::Failed, About::default(), "the store is busy");
        log.write(&env.home(), Level::Debug, About::default(), "done");
    }
    let told = look();
    assert_eq!(told["level"], "note");
    assert!(told["summary"].as_str().unwrap().starts_with("2 failures within a day"), "{told}");
    assert!(told["detail"].as_str().unwrap().ends_with("the store is busy"), "{told}");
}

#[test]
fn doctor_names_sessions_that_carry_another_ones_id() {
    let env = TestEnvironment::new();
    let claimed = Some(SessionId::generate());
    let mut store = env.store();
    let mut arrive = |native, one_per_process| {
        let arrival = Arrival {
            provider: "claude-code",
            short: "claude",
            native,
            host: None,
            one_per_process,
            cwd: None,
            start: None,
            claimed,
            wanted: Wanted::default(),
        };
        store.arrive(&arrival).unwrap()
    };
    let holder = arrive("n-1", true);
    let second = arrive("n-2", true);
    let shared = arrive("n-3", false);
    let doctor = env.run(&["doctor", "--json"]).json();
    let told: Vec<&Value> =
        doctor["checks"].as_array().unwrap().iter().filter(|check| check["id"] == "override").collect();
    assert_eq!(told.len(), 2, "{doctor:#}");
    let said = |session: &str| {
        let said = told.iter().map(|check| check["summary"].as_str().unwrap());
        said.into_iter().find(|text| text.starts_with(session)).unwrap().to_owned()
    };
    assert!(said(&second.label).ends_with(&format!("that id is {}'s", holder.label)));
    assert!(said(&shared.label).contains("serves several sessions"));
}
