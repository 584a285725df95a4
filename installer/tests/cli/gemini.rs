//! What only Gemini CLI has: consent inside an entry, switches that keep hooks or tools from running, and no door.

use serde_json::{Value, json};

use crate::env::{TestEnvironment, arrive};

const SETTINGS: &str = "home/.gemini/settings.json";

fn installed(flags: &[&str]) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.program("gemini", "echo 0.61.0");
    let init = env.run(&[&["init", "--provider", "gemini-cli", "--yes"], flags].concat());
    assert_eq!(init.code, 0, "{}", init.all());
    env
}

fn entry(env: &TestEnvironment) -> Value {
    serde_json::from_str::<Value>(&env.read(SETTINGS)).unwrap()["mcpServers"]["session-bridge"].clone()
}

#[test]
fn consent_stands_in_the_entry_and_holds_until_uninstall() {
    let env = installed(&[]);
    assert_eq!(entry(&env).get("trust"), None);
    assert_eq!(env.run(&["init", "--provider", "gemini-cli", "--yes", "--allow-tools"]).code, 0);
    assert_eq!(entry(&env)["trust"], json!(true));
    let again = env.run(&["init", "--provider", "gemini-cli", "--yes"]);
    assert!(again.all().contains("Nothing to change"), "{}", again.all());
    assert!(!again.all().contains("--allow-tools"), "a step that is done is not named: {}", again.all());
    assert_eq!(entry(&env)["trust"], json!(true));
    let doctor = env.run(&["doctor", "--provider", "gemini-cli"]);
    assert_eq!(doctor.code, 0, "{}", doctor.all());
    assert!(doctor.all().contains("no door: mail for an idle session waits"), "{}", doctor.all());
    env.run(&["uninstall", "--provider", "gemini-cli"]);
    assert!(!env.path(SETTINGS).exists());
    assert_eq!(env.run(&["init", "--provider", "gemini-cli", "--yes"]).code, 0);
    assert_eq!(entry(&env).get("trust"), None, "it was taken back");
}

#[test]
fn a_switch_that_is_off_is_named_and_left_alone() {
    let env = installed(&[]);
    let off = env.read(SETTINGS).replacen('{', "{ // mine\n  \"hooksConfig\": { \"enabled\": false },", 1);
    env.write(SETTINGS, &off);
    let doctor = env.run(&["doctor", "--provider", "gemini-cli", "--fix"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.all().contains("`hooksConfig.enabled` is false"), "{}", doctor.all());
    assert_eq!(env.read(SETTINGS), off);
}

#[test]
fn an_idle_session_is_shown_as_one_that_nothing_wakes() {
    let env = TestEnvironment::new();
    arrive(&mut env.store(), "gemini-cli", "planner", &[]);
    arrive(&mut env.store(), "claude-code", "builder", &[]);
    let text = env.run(&["list-sessions"]).all();
    assert_eq!(text.matches("idle, no door").count(), 1, "{text}");
    let sessions = env.run(&["list-sessions", "--json"]).json()["sessions"].clone();
    let wakes = |label: &str| {
        let found = sessions.as_array().unwrap().iter().find(|session| session["label"] == label);
        found.unwrap()["wakes"].clone()
    };
    assert_eq!((wakes("planner"), wakes("builder")), (json!(false), json!(true)));
}
