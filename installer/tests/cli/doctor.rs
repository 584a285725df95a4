//! `doctor` on machines that are well, and on others.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::env::TestEnvironment;

fn check(document: &Value, id: &str) -> Value {
    let found = document["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("{id}: {document:#}")).clone()
}

#[test]
fn nothing_installed_is_said_with_the_way_on() {
    let env = TestEnvironment::with_clis();
    let doctor = env.run(&["doctor"]);
    env.settled(|| assert_snapshot!("doctor_nothing", doctor.all()));
    assert_eq!(doctor.code, 1);
    assert!(!env.path("home/.session-bridge").exists());
}

#[test]
fn every_entry_and_both_programs_are_tried() {
    let env = TestEnvironment::with_clis();
    env.two_sessions();
    assert_eq!(env.run(&["init", "--provider", "claude-code"]).code, 0);
    let doctor = env.run(&["doctor", "--provider", "claude-code", "--json"]).json();
    for id in ["link", "hook", "mcp", "store", "version", "entries", "surfaces"] {
        assert_eq!(check(&doctor, id)["level"], "ok", "{doctor:#}");
    }
    assert_eq!(doctor["ok"], true);
    let text = env.run(&["doctor", "--provider", "claude-code"]);
    env.settled(|| assert_snapshot!("doctor_well", text.all()));
    assert_eq!(text.code, 0);
    env.settled(|| {
        assert_snapshot!(
            "doctor_well_json",
            env.run(&["doctor", "--provider", "claude-code", "--json"]).all()
        );
    });
}

#[test]
fn damage_is_named_and_repaired() {
    let env = TestEnvironment::with_clis();
    assert_eq!(env.run(&["init", "--provider", "claude-code"]).code, 0);
    let whole = env.read("home/.claude/settings.json");
    let damaged = whole.replace("\"timeout\": 5", "\"timeout\": 600");
    assert_ne!(damaged, whole);
    env.write("home/.claude/settings.json", &damaged);
    fs::remove_file(env.path("home/.claude.json")).unwrap();
    fs::remove_file(env.path("home/.session-bridge/bin/session-bridge-hook")).unwrap();

    let doctor = env.run(&["doctor", "--provider", "claude-code"]);
    env.settled(|| assert_snapshot!("doctor_damaged", doctor.all()));
    assert_eq!(doctor.code, 1);
    let fixed = env.run(&["doctor", "--provider", "claude-code", "--fix"]);
    env.settled(|| assert_snapshot!("doctor_fixed", fixed.all()));
    assert_eq!((fixed.code, env.read("home/.claude/settings.json")), (0, whole));
}

#[test]
fn a_version_that_nobody_verified_is_a_remark() {
    let env = TestEnvironment::new();
    for (said, found, standing) in [
        ("9.9.9 (Claude Code)", "9.9.9, newer than verified", "newer"),
        ("1.0.2 (Claude Code)", "1.0.2, older than verified", "older"),
        ("nightly 2.x", "not among the verified versions", "unknown"),
    ] {
        env.program("claude", &format!("echo '{said}'"));
        assert_eq!(env.run(&["init", "--all"]).code, 0);
        let doctor = env.run(&["doctor", "--provider", "claude-code", "--json"]).json();
        let checks = doctor["checks"].as_array().unwrap().iter();
        let mut versions = checks.filter(|c| c["group"] == "Claude Code" && c["id"] == "version");
        let version = versions.next().unwrap();
        assert_eq!(version["level"], "note", "{doctor:#}");
        assert!(version["summary"].as_str().unwrap().contains(found), "{doctor:#}");
        assert_eq!(check(&doctor, "surfaces")["level"], "note");
        assert_eq!(doctor["providers"][0]["standing"], standing);
        assert_eq!(doctor["ok"], true, "it works all the same: {doctor:#}");
    }
}

#[test]
fn a_store_that_is_damaged_is_named() {
    let env = TestEnvironment::new();
    env.two_sessions();
    let path = env.store().path().to_owned();
    fs::write(&path, vec![7_u8; 8192]).unwrap();
    for beside in ["-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{beside}", path.display())));
    }
    let doctor = env.run(&["doctor", "--json"]).json();
    assert_eq!(check(&doctor, "store")["level"], "fail", "{doctor:#}");
}

#[test]
fn a_damaged_store_is_named_set_aside_and_salvaged() {
    let env = TestEnvironment::with_clis();
    env.two_sessions();
    assert_eq!(env.run(&["broadcast", "still waiting", "--as", "web"]).code, 0);
    let path = env.store().path().to_owned();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name = 'claim_session'")
        .unwrap();
    drop(db);
    let doctor = env.run(&["doctor", "--json"]).json();
    assert_eq!(check(&doctor, "store")["level"], "fail", "{doctor:#}");
    assert_eq!(check(&doctor, "store")["help"], "session-bridge doctor --fix");

    // Others work on while the repair waits.
    let home = env.home();
    let fixing = std::thread::scope(|scope| {
        let fixing = scope.spawn(|| env.run(&["doctor", "--fix", "--json"]));
        while session_bridge_store::Store::open(&home, session_bridge_store::Role::Cli).unwrap().path()
            == path
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let during = env.run(&["doctor", "--json"]).json();
        assert_eq!(check(&during, "salvage")["level"], "fail", "{during:#}");
        assert_eq!(env.run(&["broadcast", "sent meanwhile", "--as", "web"]).code, 0);
        fixing.join().unwrap()
    });
    let fixed = fixing.json();
    assert_eq!(check(&fixed, "salvage")["summary"], "salvaged 1 messages and 1 deliveries", "{fixed:#}");
    let inbox = env.run(&["inbox", "api", "--json"]).all();
    assert_eq!(inbox.matches("\"kind\"").count(), 2, "{inbox}");
    assert!(path.exists(), "nothing of the old store is removed");
}

#[test]
fn settings_that_count_as_absent_are_named() {
    let env = TestEnvironment::with_clis();
    assert_eq!(env.run(&["init", "--provider", "claude-code"]).code, 0);
    for (text, level, why) in [
        (r#"{"limits": {"hops": 4}}"#, "ok", "is read"),
        (r#"{"limits": {"hops": 0}}"#, "warn", "limits.hops is 0; it can be 1 to 100"),
        ("{", "warn", "counts as absent"),
    ] {
        env.write("home/.session-bridge/settings.json", text);
        let doctor = env.run(&["doctor", "--provider", "claude-code", "--json"]);
        let found = check(&doctor.json(), "settings");
        assert_eq!(found["level"], level, "{found}");
        assert!(found["summary"].as_str().unwrap().contains(why), "{found}");
    }
}
