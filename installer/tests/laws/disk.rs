//! A disk that fills up at any point of `init` or `send-message`: a clear error with a code, or success; files old or
//! new, the message there or not, and never something between.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use session_bridge_core::home::Home;
use session_bridge_store::{Arrival, Role, Store, Wanted};

use crate::cage::{self, Disk};

fn program(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-bridge"));
    command.args(arguments).env("HOME", home).env("SESSION_BRIDGE_HOME", home.join(".session-bridge"));
    command
}

/// The code of a failure, or none of a success.
fn code(output: &Output) -> Option<String> {
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (!output.status.success()).then(|| {
        let told = document.to_string();
        let codes = ["store_full", "store_failed", "store_io", "config_io", "file_io"];
        codes
            .iter()
            .find(|code| told.contains(&format!("\"{code}\"")))
            .map_or(told.clone(), ToString::to_string)
    })
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let at = path.strip_prefix(root).unwrap().to_owned();
            if at == Path::new(".session-bridge") {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(at, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn init_leaves_old_or_new_files_on_a_disk_that_fills_up() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir_all(home.join(".claude")).unwrap();
    fs::create_dir_all(home.join(".codex")).unwrap();
    let large = "x".repeat(9000);
    fs::write(home.join(".claude/settings.json"), json!({ "note": large }).to_string()).unwrap();
    fs::write(home.join(".codex/config.toml"), format!("note = \"{large}\"\n")).unwrap();
    let init = program(&home, &["init", "--all", "--json"]);
    let result = dir.path().join("result");
    let before = files(&home);
    let all = cage::run(&init, &home, Disk::Full { free_kib: 4000 }, &result, b"");
    assert_eq!(code(&all), None, "{all:?}");
    let after = files(&result);
    assert_ne!(after, before);

    let mut failed = 0;
    for step in 0_u32.. {
        let output = cage::run(&init, &home, Disk::Full { free_kib: step * 4 }, &result, b"");
        for (path, bytes) in files(&result) {
            let is_old_or_new = before.get(&path) == Some(&bytes) || after.get(&path) == Some(&bytes);
            assert!(is_old_or_new, "{} KiB: {} is neither: {output:?}", step * 4, path.display());
        }
        assert!(before.keys().all(|path| result.join(path).exists()), "{output:?}");
        match code(&output) {
            None => break,
            Some(code) => {
                assert!(
                    ["config_io", "file_io"].contains(&code.as_str()),
                    "{} KiB: {code}: {output:?}",
                    step * 4
                );
                failed += 1;
            }
        }
    }
    assert!(failed > 5, "the disk was full at {failed} places only");
}

#[test]
fn a_message_is_stored_or_refused_on_a_disk_that_fills_up() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir_all(&home).unwrap();
    let mut store = Store::open(&Home::at(home.join(".session-bridge")), Role::Cli).unwrap();
    // Nobody rings its door beside us.
    let arrival = Arrival {
        provider: "claude-code",
        short: "claude",
        native: "n-1",
        host: None,
        one_per_process: false,
        cwd: None,
        start: None,
        claimed: None,
        wanted: Wanted { label: Some("api".parse().unwrap()), ..Wanted::default() },
    };
    store.arrive(&arrival).unwrap();
    drop(store);
    let body = "x".repeat(20_000);
    let send = program(&home, &["send-message", "api", "--json"]);
    let result = dir.path().join("result");
    let (mut stored, mut refused) = (0, 0);
    for step in 0..60_u32 {
        let trouble = Disk::Full { free_kib: step * 4 };
        let output = cage::run(&send, &home, trouble, &result, body.as_bytes());
        let store = Store::open(&Home::at(result.join(".session-bridge")), Role::Cli).unwrap();
        assert!(store.integrity().unwrap().is_empty(), "{trouble:?}");
        match code(&output) {
            None => {
                let id = serde_json::from_slice::<Value>(&output.stdout).unwrap()["id"].clone();
                let id = id.as_str().unwrap().parse().unwrap();
                assert_eq!(store.message(id).unwrap().body, body, "{trouble:?}");
                stored += 1;
            }
            Some(code) => {
                assert!(
                    ["store_full", "store_io"].contains(&code.as_str()),
                    "{trouble:?}: {code}: {output:?}"
                );
                assert_eq!(store.newest_seq().unwrap(), 0, "{trouble:?}: refused and stored");
                refused += 1;
            }
        }
        if stored == 3 {
            break;
        }
    }
    assert!(stored > 0 && refused > 5, "stored {stored}, refused {refused}");
}
