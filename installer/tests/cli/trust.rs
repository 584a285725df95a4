//! Trust in Codex's hooks, with a stand-in that speaks the app server's protocol from prepared answers.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::env::TestEnvironment;

/// Answers `hooks/list` from a file; a write makes the file with trusted hooks the answer, and is kept.
const CODEX: &str = r#"
[ "$1" = --version ] && { echo 'codex-cli 0.169.0'; exit 0; }
[ "$1" = app-server ] || exit 9
while read -r line; do
  id=${line#*\"id\":}; id=${id%%,*}
  case "$line" in
    *'"initialize"'*) echo '{"method":"configWarning","params":{}}'; echo "{\"id\":$id,\"result\":{\"codexHome\":\"x\"}}" ;;
    *'"hooks/list"'*)
      if [ -e "$HOME/written" ]; then from=trusted; else from=untrusted; fi
      read -r data < "$HOME/$from.json"; echo "{\"id\":$id,\"result\":$data}" ;;
    *'"config/batchWrite"'*)
      echo "$line" > "$HOME/written"; while read -r more; do echo "$more" >> "$HOME/.codex/config.toml"; done < "$HOME/state.toml"
      echo "{\"id\":$id,\"result\":{\"status\":\"ok\"}}" ;;
  esac
done
"#;

pub(crate) fn machine() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.program("codex", CODEX);
    env.write("home/.codex/config.toml", "model = \"any\"\n");
    let file = env.path("home/.codex/hooks.json").display().to_string();
    let ours = env.path("home/.session-bridge/bin/session-bridge-hook").display().to_string();
    let hook = |event: &str, command: String, status: &str| {
        json!({ "key": format!("{file}:{event}:0:0"), "eventName": event, "command": command, "sourcePath": file,
                "currentHash": format!("sha256:{event}"), "trustStatus": status })
    };
    let list = |status: &str| -> Value {
        json!({ "data": [{ "cwd": "/", "hooks": [
            hook("user_prompt_submit", format!("{ours} codex UserPromptSubmit"), status),
            hook("stop", format!("{ours} codex Stop"), status),
            hook("foreign", "/usr/bin/notify".to_owned(), "untrusted"),
        ]}]})
    };
    env.write("home/untrusted.json", &format!("{}\n", list("untrusted")));
    env.write("home/trusted.json", &format!("{}\n", list("trusted")));
    let key =
        |event: &str| format!("[hooks.state.\"{file}:{event}:0:0\"]\ntrusted_hash = \"sha256:{event}\"\n");
    env.write(
        "home/state.toml",
        &format!("\n[hooks.state]\n\n{}\n{}", key("user_prompt_submit"), key("stop")),
    );
    env
}

#[test]
fn consent_is_noted_for_our_hooks_alone_and_undone() {
    let env = machine();
    let before = env.read("home/.codex/config.toml");
    let init = env.run(&["init", "--provider", "codex", "--trust-codex-hooks"]);
    env.settled(|| assert_snapshot!("init_trust", init.all()));
    assert_eq!(init.code, 0);
    let written: Value = serde_json::from_str(&env.read("home/written")).unwrap();
    let value = written["params"]["edits"][0]["value"].as_object().unwrap();
    assert_eq!(value.len(), 2, "{written}");
    assert!(value.keys().all(|key| !key.contains("foreign")));
    assert!(env.read("home/.codex/config.toml").contains("trusted_hash"));
    assert_eq!(env.run(&["uninstall", "--all"]).code, 0);
    assert_eq!(env.read("home/.codex/config.toml"), before);
}

#[test]
fn without_consent_the_step_is_named() {
    let env = machine();
    let init = env.run(&["init", "--provider", "codex"]);
    assert!(init.stdout.contains("Hooks need review"), "{}", init.stdout);
    assert!(!env.path("home/written").exists());
    let doctor = env.run(&["doctor", "--provider", "codex", "--json"]).json();
    let review =
        doctor["checks"].as_array().unwrap().iter().find(|check| check["id"] == "review").unwrap().clone();
    assert_eq!(review["level"], "warn");
    assert!(review["help"].as_str().unwrap().contains("--trust-codex-hooks"));
}

#[test]
fn a_host_that_does_not_answer_is_no_disaster() {
    let env = TestEnvironment::new();
    env.program("codex", "exit 3");
    let init = env.run(&["init", "--provider", "codex", "--trust-codex-hooks"]);
    env.settled(|| assert_snapshot!("init_trust_fails", init.all()));
    assert_eq!(init.code, 1);
    assert!(env.path("home/.codex/hooks.json").exists());
}
