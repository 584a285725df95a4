//! The marketplace folder: made by the program, kept in the repository, and named where it is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::Value;
use session_bridge_providers::PROVIDERS;

use crate::env::TestEnvironment;

fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
            }
        }
    }
    files
}

/// The committed copy is what the program makes; with `UPDATE_DOCS=1` it is written anew.
#[test]
fn the_committed_folder_is_what_the_program_makes() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("manifests/marketplace");
    let env = TestEnvironment::new();
    let dir = env.path("made");
    let made = env.run(&["plugin", "emit-manifest", "--dir", dir.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    let made = tree(&dir);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // It may not be there yet.
        drop(fs::remove_dir_all(&kept));
        for (path, text) in &made {
            let path = kept.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        return;
    }
    let stale = "manifests/marketplace is out of date; run: UPDATE_DOCS=1 cargo test -p session-bridge --test cli plugin";
    assert!(kept.is_dir() && tree(&kept) == made, "{stale}");
    for text in made.values() {
        assert!(!text.contains(env.root().to_str().unwrap()), "nobody's path is in it: {text}");
    }
}

/// What starts our programs says for which CLI; a moved or missing program ends in silence.
#[test]
fn every_hook_names_its_cli_and_harms_nobody() {
    let env = TestEnvironment::new();
    let dir = env.path("made");
    env.run(&["plugin", "emit-manifest", "--dir", dir.to_str().unwrap()]);
    for provider in PROVIDERS {
        let card = provider.card();
        let Some(plugin) = provider.plugin() else { continue };
        assert!(plugin.install.iter().all(|command| command.starts_with(card.binaries[0])));
        let lines: Vec<String> = tree(&dir)
            .into_iter()
            .filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("hooks")))
            .flat_map(|(_, text)| commands(&serde_json::from_str(&text).unwrap()))
            .filter(|line| line.contains(&format!(" {} ", card.id)))
            .collect();
        assert_eq!(lines.len(), card.hooks.len(), "{}", card.id);
        for line in lines {
            for shell in ["sh", "bash"] {
                let output = std::process::Command::new(shell)
                    .args(["-c", &line])
                    .env("HOME", env.path("home"))
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{line}");
                assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{line}: {output:?}");
            }
        }
    }
}

fn commands(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, field)| match field.as_str() {
                Some(command) if key == "command" => vec![command.to_owned()],
                _ => commands(field),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn another_home_is_named_with_its_path() {
    let mut env = TestEnvironment::new();
    let home = env.path("else where");
    env.set("SESSION_BRIDGE_HOME", home.to_str().unwrap());
    assert_eq!(env.run(&["plugin", "emit-manifest"]).code, 0);
    assert_eq!(env.run(&["plugin", "link"]).code, 0);
    let files = tree(&home.join("plugin"));
    let hooks: Value = serde_json::from_str(&files[Path::new("session-bridge/hooks/hooks.json")]).unwrap();
    for line in commands(&hooks) {
        assert!(line.contains(&format!("exec '{}/bin/session-bridge-hook'", home.display())), "{line}");
        // A shell understands it, and the hook finds that home: an empty payload is noted in its log.
        let status = std::process::Command::new("sh")
            .args(["-c", &line])
            .env_clear()
            .env("HOME", env.path("home"))
            .stdin(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }
    assert!(home.join("log/hook.log").is_file());
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let env = TestEnvironment::new();
    env.write("mine/notes", "mine");
    let dir = env.path("mine");
    let refused = env.run(&["plugin", "emit-manifest", "--dir", dir.to_str().unwrap()]);
    env.settled(|| assert_snapshot!("plugin_refused", refused.all()));
    assert_eq!(tree(&dir).len(), 1);
}

#[test]
fn doctor_and_uninstall_name_the_plugin() {
    let env = TestEnvironment::with_clis();
    let emitted = env.run(&["plugin", "emit-manifest"]);
    env.settled(|| assert_snapshot!("plugin_emit", emitted.all()));
    let again = env.run(&["plugin", "emit-manifest", "--json"]).json();
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["state"] == "unchanged"));
    env.write("home/.claude/settings.json", r#"{"enabledPlugins":{"session-bridge@session-bridge":true}}"#);
    let plugin_of = |report: &Value| -> Vec<Value> {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().filter(|check| check["id"] == "plugin").cloned().collect()
    };
    let broken = env.run(&["doctor", "--json"]).json();
    assert_eq!(plugin_of(&broken)[0]["level"], "fail", "{broken}");
    assert_eq!(plugin_of(&broken)[0]["help"], "session-bridge plugin link");
    let linked = env.run(&["plugin", "link"]);
    env.settled(|| assert_snapshot!("plugin_link", linked.all()));
    let alone = env.run(&["doctor", "--json"]).json();
    assert_eq!(plugin_of(&alone)[0]["level"], "note", "{alone}");
    assert!(alone["ok"] == true, "{alone}");

    assert_eq!(env.run(&["init", "--all"]).code, 0);
    let both = env.run(&["doctor", "--json"]).json();
    assert!(plugin_of(&both)[0]["summary"].as_str().unwrap().contains("as well"), "{both}");
    let gone = env.run(&["uninstall", "--all"]);
    let told = "! Claude Code still has the bridge as a plugin; to take that out:\n    \
                claude plugin uninstall session-bridge@session-bridge\n    \
                claude plugin marketplace remove session-bridge\n";
    assert!(gone.code == 0 && gone.stdout.contains(told), "{gone:?}");
    assert!(env.path("home/.session-bridge/bin/session-bridge").exists(), "the plugin needs it");
}
