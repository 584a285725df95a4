//! A server is as old as its session: what it does when a newer release was installed meanwhile, what it logs, and how
//! `doctor` tells.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use session_bridge_core::log::Log;

use crate::harness::{Server, World};

fn doctor(world: &World) -> Vec<Value> {
    let out = Command::new(env!("CARGO_BIN_EXE_session-bridge"))
        .args(["doctor", "--json"])
        .env_clear()
        .env("HOME", world.dir.path())
        .env("SESSION_BRIDGE_HOME", world.home().root())
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&out.stdout).unwrap();
    document["checks"].as_array().unwrap().clone()
}

fn of<'a>(checks: &'a [Value], id: &str) -> Vec<&'a Value> {
    checks.iter().filter(|check| check["id"] == id).collect()
}

fn make_newer(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("ALTER TABLE message ADD COLUMN colour TEXT; PRAGMA user_version = 99").unwrap();
}

#[test]
fn a_server_goes_on_reading_a_store_that_a_newer_release_took_over() {
    let world = World::new();
    let (mut old, mut peer) = (world.codex("t-1"), world.codex("t-2"));
    let (label, other) = (old.label(), peer.label());
    let sent = peer.call("bridge_send_message", json!({"to": label, "body": "before", "kind": "note"}));
    let store = world.store();
    let path = store.path().to_owned();
    drop(store);
    make_newer(&path);
    let before = dump(&path);

    let id = sent["id"].as_str().unwrap();
    assert_eq!(old.call("bridge_whoami", json!({}))["label"], json!(label));
    let listed = old.call("bridge_list_sessions", json!({}));
    assert!(listed.to_string().contains(&other), "{listed}");
    let inbox = old.call("bridge_list_inbox", json!({}));
    assert!(inbox.to_string().contains(id), "{inbox}");
    peer.call("bridge_get_receipts", json!({"message_id": id}));

    for (tool, arguments) in [
        ("bridge_send_message", json!({"to": other, "body": "the-secret", "kind": "note"})),
        ("bridge_broadcast", json!({"body": "the-secret"})),
        ("bridge_ask", json!({"to": other, "question": "the-secret?"})),
        ("bridge_reply", json!({"message_id": id, "body": "the-secret"})),
        ("bridge_read_message", json!({"ids": [id]})),
        ("bridge_set_summary", json!({"summary": "the-secret"})),
    ] {
        let call = old.begin_call(tool, arguments);
        let answer = old.answer(&json!(call));
        let told = &answer["result"]["structuredContent"];
        assert_eq!(told["code"], "store_newer", "{tool}: {answer}");
        assert!(told["next"].as_str().unwrap().contains("restart this session"), "{tool}: {told}");
    }
    // A server that starts now binds no new session, and says why.
    let mut late = world.codex("t-3");
    assert_eq!(late.refused("bridge_whoami", json!({})), "store_newer");
    for server in [old, peer, late] {
        server.close();
    }
    assert_eq!(dump(&path), before, "nobody wrote");
    let log = fs::read_to_string(Log::Server.path(&world.home())).unwrap();
    assert!(log.contains(" failed codex ") && log.contains("[store_newer]"), "{log}");
    assert!(!log.contains("the-secret"), "no entry holds a message's text: {log}");
}

/// Every row of every table.
fn dump(path: &Path) -> Vec<String> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let row: Vec<rusqlite::types::Value> = (0..columns).map(|n| row.get(n).unwrap()).collect();
            rows.push(format!("{table} {row:?}"));
        }
    }
    rows
}

#[test]
fn doctor_names_servers_whose_program_was_replaced_or_deleted() {
    let world = World::new();
    let program = world.dir.path().join("session-bridge");
    let install = || {
        let fresh = world.dir.path().join("fresh");
        fs::copy(env!("CARGO_BIN_EXE_session-bridge"), &fresh).unwrap();
        fs::rename(&fresh, &program).unwrap();
    };
    install();
    let mut server = Server::spawn_program(&program, &world.home(), world.dir.path(), &[], &[]);
    server.introduce("codex-mcp-client");
    server.meta = json!({"threadId": "t-1", "sessionId": "t-1"});
    let whoami = server.call("bridge_whoami", json!({}));
    let well = doctor(&world);
    let checks = of(&well, "server");
    assert_eq!((checks.len(), &checks[0]["level"]), (1, &json!("ok")), "{checks:?}");

    install();
    let told = doctor(&world);
    let checks = of(&told, "server");
    assert_eq!((checks.len(), &checks[0]["level"]), (1, &json!("warn")), "{checks:?}");
    let summary = checks[0]["summary"].as_str().unwrap();
    for part in [
        whoami["label"].as_str().unwrap(),
        whoami["id"].as_str().unwrap(),
        &format!("process {}", server.child.id()),
        "replaced",
    ] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    assert!(checks[0]["help"].as_str().unwrap().contains("restart"));

    fs::remove_file(&program).unwrap();
    let told = doctor(&world);
    assert!(of(&told, "server")[0]["summary"].as_str().unwrap().contains("deleted"), "{told:?}");
    // It goes on with its own program, and is forgotten once it ends.
    assert_eq!(server.label(), whoami["label"].as_str().unwrap());
    server.close();
    assert!(of(&doctor(&world), "server").is_empty());
}

#[test]
fn doctor_names_servers_of_another_release_or_another_installation() {
    let world = World::new();
    let mut server = world.codex("t-1");
    server.label();
    let folder = world.home().run().join("servers");
    let note = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&note).unwrap();
    let summary = |checks: &[Value]| of(checks, "server")[0]["summary"].as_str().unwrap().to_owned();

    fs::create_dir_all(world.home().root().join("bin")).unwrap();
    fs::write(world.home().main_program(), "another program").unwrap();
    let told = summary(&doctor(&world));
    assert!(told.contains("another program than the installed one"), "{told}");
    // The note of an older release, written into the same file: its lock is what tells that the server lives.
    fs::write(&note, text.replacen(&format!("\n{}\n", env!("CARGO_PKG_VERSION")), "\n0.0.9\n", 1)).unwrap();
    let told = summary(&doctor(&world));
    assert!(told.contains("is of release 0.0.9"), "{told}");
}

#[test]
fn each_call_is_logged_when_somebody_asks_for_it_without_what_it_says() {
    let world = World::new();
    let mut quiet = world.codex("t-0");
    quiet.label();
    assert_eq!(
        quiet.refused("bridge_send_message", json!({"to": "nobody", "body": "x", "kind": "note"})),
        "unknown_recipient"
    );
    quiet.close();
    let path = Log::Server.path(&world.home());
    assert!(!path.exists(), "a mistake of the caller's is no failure");

    let env = [("SESSION_BRIDGE_LOG", "debug")];
    let mut server = Server::spawn(&world.home(), world.dir.path(), &[], &env);
    server.introduce("codex-mcp-client");
    server.meta = json!({"threadId": "t-1", "sessionId": "t-1"});
    let id = server.call("bridge_whoami", json!({}))["id"].as_str().unwrap().to_owned();
    server.refused("bridge_send_message", json!({"to": "the-secret", "body": "the-secret", "kind": "note"}));
    server.refused("bridge_send_message", json!({"to": 7, "body": ["the-secret"]}));
    let pid = server.child.id();
    server.close();
    let log = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    for line in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[1..5], [pid.to_string().as_str(), "debug", "codex", id.as_str()], "{line}");
    }
    assert!(lines[0].contains("bridge_whoami: done in "), "{log}");
    assert!(
        lines[1].contains("refused [unknown_recipient]") && lines[2].contains("[bad_arguments]"),
        "{log}"
    );
    assert!(!log.contains("the-secret"), "{log}");
}
