//! What only Grok Build has: namesakes, a rule for consent, and a door that stands open while its agent watches.

use serde_json::json;

use crate::env::{TestEnvironment, arrive};

const CONFIG: &str = "home/.grok/config.toml";
const HOOKS: &str = "home/.grok/hooks/session-bridge.json";

fn with_program(says: &str) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.program("grok", &format!("echo '{says}'"));
    env
}

#[test]
fn an_older_program_of_that_name_is_refused_and_named() {
    let env = with_program("1.0.1");
    env.write(CONFIG, "# theirs\n");
    for arguments in [["init", "--provider", "grok", "--json"], ["init", "--all", "--dry-run", "--json"]] {
        let init = env.run(&arguments);
        assert_eq!(init.code, 20, "{}", init.all());
        assert!(init.all().contains("other_program"), "{}", init.all());
    }
    assert_eq!(env.read(CONFIG), "# theirs\n");
    assert!(!env.path(HOOKS).exists());

    // It came after the bridge was installed for the right one.
    let env = with_program("grok 1.0.41 (4220f3b224a6)");
    assert_eq!(env.run(&["init", "--provider", "grok"]).code, 0);
    env.program("grok", "echo 1.0.1");
    let doctor = env.run(&["doctor", "--provider", "grok"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.all().contains("an older community CLI of the same name"), "{}", doctor.all());
}

#[test]
fn consent_is_a_rule_of_its_own() {
    let env = with_program("grok 1.0.41 (4220f3b224a6)");
    let before = "[permission]\nallow = [\"Bash(ls)\"] # mine\n";
    env.write(CONFIG, before);
    assert_eq!(env.run(&["init", "--provider", "grok"]).code, 0);
    assert!(!env.read(CONFIG).contains("MCPTool"));
    assert_eq!(env.run(&["init", "--provider", "grok", "--allow-tools"]).code, 0);
    let rule = "allow = [\"Bash(ls)\", \"MCPTool(session-bridge__*)\"] # mine";
    assert!(env.read(CONFIG).contains(rule), "{}", env.read(CONFIG));
    let doctor = env.run(&["doctor", "--provider", "grok"]);
    assert_eq!(doctor.code, 0, "{}", doctor.all());
    assert_eq!(env.run(&["uninstall", "--provider", "grok"]).code, 0);
    assert_eq!(env.read(CONFIG), before);
    assert!(!env.path("home/.grok/hooks").exists());
}

#[test]
fn a_session_wakes_while_its_agent_watches() {
    let env = TestEnvironment::new();
    let mut store = env.store();
    let id = arrive(&mut store, "grok", "planner", &[]);
    let wakes = || env.run(&["list-sessions", "--json"]).json()["sessions"][0]["wakes"].clone();
    assert!(env.run(&["list-sessions"]).all().contains("idle, no door"));
    assert_eq!(wakes(), json!(false));
    let watch = store.run().session(id).try_watch().unwrap();
    assert!(watch.is_some());
    assert!(!env.run(&["list-sessions"]).all().contains("no door"));
    assert_eq!(wakes(), json!(true));
}

#[test]
fn only_its_agent_can_watch_for_a_session() {
    let env = TestEnvironment::new();
    arrive(&mut env.store(), "grok", "planner", &[]);
    arrive(&mut env.store(), "codex", "builder", &[]);
    for label in ["planner", "builder"] {
        let watch = env.run(&["watch", label, "--json"]);
        assert_eq!(watch.code, 2, "{}", watch.all());
        assert_eq!(watch.json()["error"]["code"], "nothing_to_watch");
    }
    assert_eq!(env.run(&["watch", "nobody", "--json"]).json()["error"]["code"], "unknown_recipient");
}
