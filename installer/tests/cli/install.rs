//! `init` and `uninstall` on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use session_bridge_providers::PROVIDERS;

use crate::env::{TestEnvironment, question};

const SETTINGS: &str = "{\n  // kept by nobody: strict JSON has no comments\n}\n";
const CLAUDE: &str = "{\n    \"model\": \"opus\",\n    \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}]}\n}";
const CODEX: &str =
    "# mine\nmodel   = \"any\"   # odd spacing\n\n[mcp_servers.other]\ncommand = \"x\"\n\n# the end\n";

fn with_files() -> TestEnvironment {
    let env = TestEnvironment::with_clis();
    env.write("home/.claude/settings.json", CLAUDE);
    env.write("home/.claude.json", "{\"numStartups\":3}");
    env.write("home/.codex/config.toml", CODEX);
    env
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let env = with_files();
    let before = env.tree();
    env.settled(|| {
        assert_snapshot!("init_dry_run", env.run(&["init", "--all", "--dry-run"]).all());
        assert_snapshot!(
            "init_dry_run_json",
            env.run(&["init", "--provider", "claude-code", "--dry-run", "--json"]).all()
        );
    });
    assert_eq!(env.tree(), before);
    assert!(!env.path("home/.session-bridge").exists());
}

#[test]
fn init_then_uninstall_leaves_every_byte() {
    let env = with_files();
    let before = env.tree();
    let init = env.run(&["init", "--all", "--allow-tools"]);
    env.settled(|| assert_snapshot!("init", init.all()));
    assert_eq!(init.code, 0);
    assert!(env.read("home/.codex/config.toml").starts_with("# mine\nmodel   = \"any\"   # odd spacing\n"));
    assert!(env.read("home/.claude/settings.json").contains("mcp__session-bridge"));
    let installed = env.tree();

    let again = env.run(&["init", "--all"]);
    env.settled(|| assert_snapshot!("init_again", again.all()));
    assert_eq!((again.code, env.tree()), (0, installed));
    env.settled(|| assert_snapshot!("init_again_dry_run", env.run(&["init", "--all", "--dry-run"]).all()));

    env.settled(|| {
        assert_snapshot!(
            "uninstall_dry_run",
            env.run(&["uninstall", "--provider", "claude-code", "--dry-run"]).all()
        );
    });
    question_in(&env);
    let uninstall = env.run(&["uninstall", "--all"]);
    env.settled(|| assert_snapshot!("uninstall", uninstall.all()));
    assert_eq!((uninstall.code, env.tree()), (0, before));
    assert!(!env.path("home/.session-bridge/bin").exists());
    assert!(env.path("home/.session-bridge/store").exists());
    env.settled(|| assert_snapshot!("uninstall_again", env.run(&["uninstall", "--all"]).all()));
}

fn question_in(env: &TestEnvironment) {
    let (api, web) = env.two_sessions();
    question(&mut env.store(), web, api, "stays");
}

#[test]
fn programs_get_one_document() {
    let env = with_files();
    env.settled(|| {
        assert_snapshot!("init_json", env.run(&["init", "--provider", "codex", "--json"]).all());
        assert_snapshot!("list_providers", env.run(&["list-providers"]).all());
        assert_snapshot!("list_providers_json", env.run(&["list-providers", "--json"]).all());
        assert_snapshot!("uninstall_json", env.run(&["uninstall", "--all", "--json"]).all());
    });
}

#[test]
fn the_constant_paths_lead_to_the_programs() {
    let env = TestEnvironment::with_clis();
    assert_eq!(env.run(&["init", "--all"]).code, 0);
    let home = env.path("home/.session-bridge");
    assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    let leads = |name: &str| fs::canonicalize(home.join("bin").join(name)).unwrap();
    assert_eq!(leads("session-bridge"), fs::canonicalize(crate::env::PROGRAM).unwrap());
    assert!(leads("session-bridge-hook").ends_with("session-bridge-hook"));
    // One provider left: the links stay.
    assert_eq!(env.run(&["uninstall", "--provider", "codex"]).code, 0);
    assert!(home.join("bin/session-bridge").exists());
    assert_eq!(env.run(&["uninstall", "--provider", "claude-code"]).code, 0);
    assert!(!home.join("bin").exists());
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let env = TestEnvironment::with_clis();
    let before = env.tree();
    env.settled(|| assert_snapshot!("init_unasked", env.run(&["init"]).all()));
    assert_eq!(env.tree(), before);
    let yes = env.run(&["init", "--yes", "--json"]).json();
    assert_eq!(yes["providers"].as_array().unwrap().len(), 2);
    // A yes to installing is no consent to anything else.
    assert!(!env.read("home/.claude/settings.json").contains("permissions"));
}

#[test]
fn a_person_is_asked_once_and_consents_stand_in_that_question() {
    let env = TestEnvironment::with_clis();
    let before = env.tree();
    let no = env.answer(&["init"], "\n");
    assert!(no.contains("Install the bridge? [y/a/N]") && no.contains("nothing was changed"), "{no}");
    assert_eq!(env.tree(), before);
    let all = env.answer(&["init"], "a\n");
    assert_eq!(all.matches("/N]").count(), 1, "{all}");
    assert!(all.contains("Claude Code may run the bridge's tools"), "{all}");
    assert!(all.contains("the bridge's hooks in Codex CLI count as reviewed by you"), "{all}");
    assert!(env.read("home/.claude/settings.json").contains("mcp__session-bridge"));
    // Whoever has decided is not asked again, and what was agreed to stays.
    let again = env.answer(&["init", "--all"], "");
    assert!(!again.contains("/N]"), "{again}");
    assert!(env.read("home/.claude/settings.json").contains("mcp__session-bridge"));
}

#[test]
fn whoever_named_what_to_install_is_asked_for_the_rest_alone() {
    let env = TestEnvironment::with_clis();
    let asked = env.answer(&["init", "--provider", "claude-code"], "n\n");
    assert!(asked.contains("Agree to more than the installation: Claude Code may run"), "{asked}");
    let settings = env.read("home/.claude/settings.json");
    assert!(settings.contains("session-bridge-hook") && !settings.contains("permissions"), "{settings}");
    assert!(!env.answer(&["init", "--provider", "codex", "--yes"], "").contains("/N]"));
}

#[test]
fn absent_clis_are_named_and_prepared_on_request() {
    let env = TestEnvironment::new();
    env.settled(|| assert_snapshot!("init_nothing_here", env.run(&["init", "--all"]).all()));
    env.program("claude", "echo 2.1.329");
    let all = env.run(&["init", "--all", "--json"]).json();
    let others: Vec<&str> =
        PROVIDERS.iter().map(|p| p.card().id.as_str()).filter(|id| *id != "claude-code").collect();
    assert_eq!(all["not_found"], serde_json::json!(others));
    assert!(!env.path("home/.codex").exists());
    assert_eq!(env.run(&["init", "--provider", "codex"]).code, 0);
    assert!(env.path("home/.codex/hooks.json").exists());
    assert_eq!(env.run(&["init", "--provider", "vim", "--json"]).json()["error"]["code"], "unknown_provider");
}

#[test]
fn one_failure_leaves_the_other_alone() {
    let env = with_files();
    env.write("home/.claude/settings.json", SETTINGS);
    let init = env.run(&["init", "--all"]);
    env.settled(|| assert_snapshot!("init_one_fails", init.all()));
    assert_eq!(init.code, 20);
    assert_eq!(env.read("home/.claude/settings.json"), SETTINGS);
    assert_eq!(env.read("home/.claude.json"), "{\"numStartups\":3}");
    assert!(env.read("home/.codex/config.toml").contains("session-bridge"));
}

#[test]
fn a_failure_of_all_leaves_no_trace() {
    let env = TestEnvironment::with_clis();
    env.write("home/.claude/settings.json", SETTINGS);
    assert_eq!(env.run(&["init", "--provider", "claude-code", "--label", "api"]).code, 20);
    assert!(!env.path("home/.session-bridge/bin").exists());
    assert!(!env.path("home/.session-bridge/settings.json").exists());
}

#[test]
fn labels_roles_and_rooms_are_noted_and_forgotten() {
    let env = TestEnvironment::with_clis();
    let arguments = [
        "init",
        "--provider",
        "codex",
        "--label",
        "api",
        "--role",
        "backend",
        "--role",
        "qa",
        "--room",
        "shop",
    ];
    assert_eq!(env.run(&arguments).code, 0);
    assert_snapshot!(env.read("home/.session-bridge/settings.json"), @r#"
    {
      "providers": {
        "codex": {
          "label": "api",
          "roles": [
            "backend",
            "qa"
          ],
          "room": "shop"
        }
      }
    }
    "#);
    assert_eq!(env.run(&["init", "--provider", "codex", "--label", "back"]).code, 0);
    let settings = env.read("home/.session-bridge/settings.json");
    assert!(settings.contains("\"back\"") && settings.contains("\"shop\""), "{settings}");
    assert_eq!(env.run(&["uninstall", "--all"]).code, 0);
    assert!(!env.path("home/.session-bridge/settings.json").exists());
}

#[test]
fn names_that_look_like_others_are_refused() {
    let env = TestEnvironment::with_clis();
    env.two_sessions();
    // Cyrillic letters with the look of `api`.
    let refused = env.run(&["init", "--all", "--label", "\u{430}\u{440}\u{456}"]);
    env.settled(|| assert_snapshot!("init_look_alike", refused.all()));
    assert_eq!(env.run(&["init", "--all", "--label", "API"]).code, 0);
    assert_eq!(env.run(&["init", "--all", "--role", "../x", "--json"]).code, 2);
}

#[test]
fn a_project_is_installed_beside_the_user() {
    let env = TestEnvironment::with_clis();
    let before = env.tree();
    assert_eq!(env.run(&["init", "--provider", "claude-code"]).code, 0);
    let user = env.tree();
    let project = env.run(&["init", "--provider", "claude-code", "--scope", "project"]);
    env.settled(|| assert_snapshot!("init_project", project.all()));
    assert!(env.path("project/.mcp.json").exists());
    let doctor = env.run(&["doctor", "--json"]).json();
    let entries: Vec<_> =
        doctor["checks"].as_array().unwrap().iter().filter(|c| c["id"] == "entries").collect();
    assert_eq!(entries.len(), 2, "{doctor:#}");
    assert_eq!(env.run(&["uninstall", "--provider", "claude-code"]).code, 0);
    assert_eq!(env.tree(), before);
    assert_ne!(user, before);
}

#[test]
fn what_others_wrote_in_between_stays() {
    let env = with_files();
    assert_eq!(env.run(&["init", "--all"]).code, 0);
    let text = env.read("home/.codex/config.toml");
    env.write("home/.codex/config.toml", &format!("{text}\n[tui]\ntheme = \"dark\"\n"));
    assert_eq!(env.run(&["uninstall", "--all"]).code, 0);
    assert_eq!(env.read("home/.codex/config.toml"), format!("{CODEX}\n[tui]\ntheme = \"dark\"\n"));
}

#[test]
fn a_home_elsewhere_is_handed_on() {
    let mut env = TestEnvironment::with_clis();
    let elsewhere = env.path("elsewhere").display().to_string();
    env.set("SESSION_BRIDGE_HOME", &elsewhere);
    assert_eq!(env.run(&["init", "--all"]).code, 0);
    assert!(env.read("home/.claude.json").contains(&format!("\"SESSION_BRIDGE_HOME\": \"{elsewhere}\"")));
    assert!(env.path("elsewhere/bin/session-bridge").exists());
}
