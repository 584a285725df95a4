//! What the server says of itself, and what cannot bring it down.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge::mcp;

use crate::harness::{Server, World};

fn server(world: &World) -> Server {
    Server::spawn(&world.home(), world.dir.path(), &[], &[])
}

#[test]
fn it_introduces_itself() {
    let world = World::new();
    let mut answer = server(&world).introduce("claude-code");
    assert_eq!(answer["result"]["serverInfo"]["version"].take(), json!(env!("CARGO_PKG_VERSION")));
    insta::assert_json_snapshot!("initialize", answer["result"]);
}

#[test]
fn its_tools_are_these() {
    insta::assert_json_snapshot!("tools", mcp::catalogue());
    let world = World::new();
    let listed = world.codex("t").request("tools/list", json!({}));
    assert_eq!(listed["result"]["tools"], serde_json::to_value(mcp::catalogue()).unwrap());
}

#[test]
fn every_tool_is_harmless_and_says_so() {
    for tool in mcp::catalogue() {
        let hints = tool.annotations.unwrap();
        assert_eq!(
            (hints.destructive_hint, hints.open_world_hint),
            (Some(false), Some(false)),
            "{}",
            tool.name
        );
        assert!(tool.output_schema.is_none(), "{}", tool.name);
        for argument in ["sender", "from_session", "as", "session_id"] {
            assert!(
                tool.input_schema["properties"].get(argument).is_none(),
                "{} takes {argument}",
                tool.name
            );
        }
    }
}

/// The page that people read is made from what models read.
#[test]
fn the_page_of_the_tools_is_current() {
    let mut page = String::from(
        "<!-- Made by a test from the server's own list: INSTA_UPDATE=always cargo test -p session-bridge --test mcp -->\n\n\
         # MCP tools\n\nThe sender is never an argument: it is the session that calls.\n",
    );
    for tool in mcp::catalogue() {
        describe(&mut page, &tool);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mcp-tools.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::write(path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == page, "docs/mcp-tools.md is out of date");
}

fn describe(page: &mut String, tool: &rmcp::model::Tool) {
    let hints = tool.annotations.as_ref().unwrap();
    let _ = write!(page, "\n## `{}`\n\n{}", tool.name, tool.description.as_ref().unwrap());
    let said = [(hints.read_only_hint, "Changes nothing."), (hints.idempotent_hint, "Safe to repeat.")];
    for (_, words) in said.iter().filter(|(hint, _)| *hint == Some(true)) {
        let _ = write!(page, " {words}");
    }
    page.push('\n');
    let required = tool.input_schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    for (i, (name, schema)) in tool.input_schema["properties"].as_object().unwrap().iter().enumerate() {
        if i == 0 {
            page.push_str("\n| argument | type | meaning |\n|---|---|---|\n");
        }
        let words = schema.get("enum").and_then(Value::as_array);
        let words = words.map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
        let kind = words.unwrap_or_else(|| schema["type"].as_str().unwrap().to_owned());
        let must = if required.contains(&json!(name)) { ", required" } else { "" };
        let meaning = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(page, "| `{name}` | {kind}{must} | {meaning} |");
    }
}

#[test]
fn a_probe_before_the_handshake_is_no_method_and_the_handshake_follows() {
    let world = World::new();
    let mut server = server(&world);
    server.send(&json!({"jsonrpc": "2.0", "id": "server-discover-probe-1", "method": "server/discover", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.329"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }}}));
    assert_eq!(server.answer(&json!("server-discover-probe-1"))["error"]["code"], json!(-32601));
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "claude-code", "version": "2.1.329"}});
    assert_eq!(server.request("initialize", params)["result"]["protocolVersion"], json!("2025-11-25"));
}

#[test]
fn a_version_without_handshake_is_answered_with_one_that_has_it() {
    let world = World::new();
    let params = json!({"protocolVersion": "2026-07-28", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    let answer = server(&world).request("initialize", params);
    assert_eq!(answer["result"]["protocolVersion"], json!("2025-11-25"));
}

#[test]
fn garbage_at_any_time_ends_nothing() {
    let world = World::new();
    let mut server = server(&world);
    let garbage = |server: &mut Server| {
        for line in [
            "",
            "garbage",
            "{",
            "[]",
            "null",
            "{\"jsonrpc\":\"2.0\"}",
            "\u{0}\u{1b}[2J",
            "{\"jsonrpc\":\"2.0\",\"id\":1}",
        ] {
            server.raw(line);
        }
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/unheard-of"}));
        server.send(&json!({"jsonrpc": "2.0", "id": 999, "result": {}}));
        server.send(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12345}}),
        );
        server.raw(&format!("\"{}\"", "x".repeat(3_000_000)));
    };
    garbage(&mut server);
    server.introduce("codex-mcp-client");
    garbage(&mut server);
    assert_eq!(server.request("no/such/method", json!({}))["error"]["code"], json!(-32601));
    assert_eq!(server.request("tools/call", json!({"name": "no_such_tool"}))["error"]["code"], json!(-32602));
    assert_eq!(server.request("ping", json!({}))["result"], json!({}));
    server.meta = json!({"threadId": "t", "sessionId": "t"});
    assert!(server.label().starts_with("codex-"));
    server.close();
}

#[test]
fn it_ends_with_its_host_and_leaves_no_sign_of_life() {
    let world = World::new();
    server(&world).close();
    let mut server = world.codex("t");
    let id = server.call("bridge_whoami", json!({}))["id"].as_str().unwrap().parse().unwrap();
    let folder = world.store().run().session(id);
    assert!(folder.any_server_lives());
    server.close();
    assert!(!folder.any_server_lives());
    let left = std::fs::read_dir(folder.path()).unwrap().flatten();
    assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("server-")));
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_server_does_nothing() {
    let world = World::new();
    let mut server = world.codex("t");
    server.label();
    let switches = |pid: u32| -> Vec<Value> {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let status = threads.filter_map(|t| std::fs::read_to_string(t.path().join("status")).ok());
        let count = |text: String| text.lines().find(|l| l.starts_with("voluntary_ctxt")).map(str::to_owned);
        status.filter_map(count).map(Value::from).collect()
    };
    std::thread::sleep(Duration::from_millis(500));
    let before = switches(server.child.id());
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(before, switches(server.child.id()), "a thread woke without a call");
}

/// Some hosts give their servers sockets instead of pipes.
#[test]
fn it_speaks_over_sockets_too() {
    use std::io::{BufRead, BufReader, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    let world = World::new();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let (answers, out) = UnixStream::pair().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_session-bridge"))
        .arg("mcp")
        .env_clear()
        .env("SESSION_BRIDGE_HOME", world.home().root())
        .stdin(OwnedFd::from(theirs))
        .stdout(OwnedFd::from(out))
        .spawn()
        .unwrap();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
        {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "claude-code", "version": "1"}}});
    ours.write_all(format!("{hello}\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(answers).read_line(&mut line).unwrap();
    assert!(line.contains("\"serverInfo\""), "{line}");
    drop(ours);
    assert!(child.wait().unwrap().success());
}
