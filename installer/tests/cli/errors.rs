//! What is said when something does not work, and with which status.

use insta::assert_snapshot;

use crate::env::TestEnvironment;

#[test]
fn a_failure_has_a_code_a_sentence_and_help() {
    let env = TestEnvironment::new();
    env.two_sessions();
    env.settled(|| {
        assert_snapshot!("error", env.run(&["send-message", "apy", "x"]).all());
        assert_snapshot!("error_json", env.run(&["send-message", "apy", "x", "--json"]).all());
    });
}

#[test]
fn wrong_usage_is_two() {
    let env = TestEnvironment::new();
    assert_eq!(env.run(&["nonsense"]).code, 2);
    assert_eq!(env.run(&["send-message"]).code, 2);
    assert_eq!(env.run(&["send-message", "--json"]).json()["error"]["code"], "usage");
    assert_eq!(env.run(&["--help"]).code, 0);
    assert_eq!(env.run(&["--version"]).code, 0);
    assert_eq!(env.run(&["ask", "api", "x", "--timeout", "soon"]).code, 2);
}

#[test]
fn a_predecessors_folder_is_refused() {
    let env = TestEnvironment::new();
    env.write("home/.session-bridge/inbox/x.json", "{}");
    let output = env.run(&["list-sessions"]);
    env.settled(|| assert_snapshot!("error_foreign", output.all()));
    assert_eq!(output.code, 20);
}

#[test]
fn no_home_is_said() {
    let mut env = TestEnvironment::new();
    env.set("HOME", "");
    assert_eq!(env.run(&["list-sessions", "--json"]).json()["error"]["code"], "no_home");
}

#[test]
fn a_session_id_that_is_none_is_said() {
    let mut env = TestEnvironment::new();
    env.set("SESSION_BRIDGE_SESSION_ID", "me");
    assert_eq!(env.run(&["whoami", "--json"]).json()["error"]["code"], "bad_session_id");
    env.set("SESSION_BRIDGE_SESSION_ID", "01M7Z4KQ06EES7BTF2G7MQFN9Z");
    assert_eq!(env.run(&["whoami", "--json"]).json()["error"]["code"], "unknown_session");
}

#[test]
fn output_for_programs_has_no_colours() {
    let mut env = TestEnvironment::new();
    env.set("CLICOLOR_FORCE", "1");
    env.two_sessions();
    assert!(env.run(&["list-sessions"]).stdout.contains('\u{1b}'));
    assert!(!env.run(&["list-sessions", "--json"]).stdout.contains('\u{1b}'));
    env.set("NO_COLOR", "1");
    let plain = TestEnvironment::new();
    assert!(!plain.run(&["list-sessions"]).stdout.contains('\u{1b}'));
}
