//! Surroundings and files that are not as they should be: each with a code and a way out, and nothing is changed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use serde_json::Value;

use crate::env::{Output, PROGRAM, TestEnvironment};

fn code(output: &Output) -> String {
    assert_ne!(output.code, 0, "{output:?}");
    let document = output.json();
    let error =
        if document["error"].is_object() { &document["error"] } else { &document["providers"][0]["error"] };
    assert!(error["help"].as_str().is_some_and(|help| !help.is_empty()), "{document:#}");
    error["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_home_whose_path_is_no_text_is_refused() {
    let env = TestEnvironment::with_clis();
    let before = env.tree();
    let mut path = env.path("bridge-").into_os_string().into_vec();
    path.push(0xff);
    let home = OsString::from_vec(path);
    for arguments in [&["init", "--all", "--json"][..], &["init", "--all", "--dry-run", "--json"]] {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .env("HOME", env.path("home"))
            .env("PATH", env.path("bin"))
            .env("SESSION_BRIDGE_HOME", &home)
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["code"], "home_not_text", "{document:#}");
    }
    assert_eq!(env.tree(), before);
    assert!(!std::path::Path::new(&home).exists());
}

#[test]
fn a_predecessors_folder_is_not_moved_into() {
    let env = TestEnvironment::with_clis();
    env.write("home/.session-bridge/inbox/x.json", "{}");
    let before = env.tree();
    for arguments in [&["init", "--all"][..], &["send-message", "api", "x"], &["inbox"], &["demo"]] {
        let output = env.run(&[arguments, &["--json"]].concat());
        if arguments != ["demo"] {
            assert_eq!(code(&output), "foreign_layout", "{arguments:?}");
        }
    }
    let doctor = env.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("[foreign_layout]") && doctor.stdout.contains("SESSION_BRIDGE_HOME"));
    assert_eq!(env.tree(), before);
    let names: Vec<_> = fs::read_dir(env.home().root()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["inbox"], "nothing of ours was put there");
}

#[test]
fn configuration_that_may_not_be_changed_is_left_alone() {
    let env = TestEnvironment::with_clis();
    env.write("home/.claude/settings.json", "{}");
    let path = env.path("home/.claude/settings.json");
    let init = &["init", "--provider", "claude-code", "--json"];
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let before = env.tree();
    assert_eq!(code(&env.run(init)), "config_denied");
    assert_eq!(env.tree(), before);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    // Only the superuser can give a file away; for others, whose it is is looked at by the same function.
    if fs::metadata(&path).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        let output = env.run(init);
        assert_eq!(code(&output), "config_denied");
        assert!(output.stdout.contains("belongs to another user"), "{output:?}");
        assert_eq!(env.tree(), before);
    }
    assert!(!env.home().root().join("ledger/claude-code.json").exists(), "nothing is noted as ours");
}

#[test]
fn a_damaged_store_is_named_with_its_repair() {
    let env = TestEnvironment::new();
    env.two_sessions();
    let path = env.store().path().to_owned();
    fs::write(&path, "not a database").unwrap();
    for arguments in [
        &["list-sessions"][..],
        &["send-message", "api", "x"],
        &["broadcast", "x"],
        &["inbox", "api"],
        &["whoami"],
        &["inspect", "api"],
    ] {
        let output = env.run(&[arguments, &["--json"]].concat());
        assert_eq!(code(&output), "store_damaged", "{arguments:?}");
        assert!(output.stdout.contains("session-bridge doctor --fix"), "{output:?}");
    }
    assert_eq!(fs::read(path).unwrap(), b"not a database", "only the repair touches it");
}

#[test]
fn a_consent_without_its_host_says_so() {
    let env = TestEnvironment::new();
    env.program("claude", "echo '2.1.329 (Claude Code)'");
    let output = env.run(&["init", "--all", "--trust-codex-hooks"]);
    assert_eq!(output.code, 0);
    assert!(output.stderr.contains("--trust-codex-hooks does nothing here"), "{output:?}");
    let both = TestEnvironment::with_clis();
    let output = both.run(&["init", "--all", "--trust-codex-hooks", "--dry-run"]);
    assert!(!output.stderr.contains("does nothing"), "{output:?}");
}

#[test]
fn a_person_is_told_versions_and_what_is_created() {
    let env = TestEnvironment::with_clis();
    env.program("codex", "exit 3");
    env.write("home/.claude/settings.json", "{}");
    let said = env.answer(&["init"], "n\n");
    for line in [
        "Claude Code  2.1.329  verified",
        "edit    ~/.claude/settings.json  6 hooks",
        "create  ~/.claude.json ",
        "Codex CLI             does not tell its version",
        "create  ~/.codex/hooks.json ",
    ] {
        assert!(plain(&said).contains(line), "{line}: {said}");
    }
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn a_mark_that_makes_codex_skip_its_hooks_is_named() {
    let env = TestEnvironment::with_clis();
    env.write("home/.codex/hooks.json", "\u{feff}{}");
    assert_eq!(env.run(&["init", "--provider", "codex"]).code, 0);
    assert!(env.read("home/.codex/hooks.json").starts_with('\u{feff}'), "somebody else's byte stays");
    let look = || {
        let doctor = env.run(&["doctor", "--provider", "codex", "--json"]).json();
        let checks = doctor["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["id"] == "byte-order-mark")
    };
    assert_eq!(look().unwrap()["level"], "warn");
    let text = env.read("home/.codex/hooks.json");
    env.write("home/.codex/hooks.json", text.trim_start_matches('\u{feff}'));
    assert_eq!(look(), None);
}
