//! What the server says of itself, and what cannot bring it down.

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

/// Every session of every user pays these in each request.
#[test]
fn it_costs_few_tokens() {
    let words = tiktoken_rs::o200k_base().unwrap();
    let tools = serde_json::to_string(&json!({"tools": mcp::catalogue()})).unwrap();
    let tools = words.encode_ordinary(&tools).len();
    let instructions = words.encode_ordinary(mcp::INSTRUCTIONS).len();
    assert!(tools < 1800, "tools/list: {tools} tokens");
    assert!(instructions < 200, "instructions: {instructions} tokens");
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
