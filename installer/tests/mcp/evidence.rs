//! Server and hook of one session: a body goes out once, and what proves it counts.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, World, soon};

/// Runs the real hook as Codex does, in one turn of `thread-b`.
fn hook(world: &World, event: &str, more: &Value) -> String {
    let mut payload = json!({
        "session_id": "thread-b", "turn_id": "turn-1", "cwd": world.dir.path(), "hook_event_name": event,
        "model": "m", "permission_mode": "default",
    });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut child = Command::new(env!("CARGO_BIN_EXE_session-bridge-hook"))
        .args(["codex", event])
        .env_clear()
        .env("SESSION_BRIDGE_HOME", world.home().root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(payload.to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

fn prompt(world: &World) -> String {
    hook(world, "UserPromptSubmit", &json!({"prompt": "go on"}))
}

fn after_tool(world: &World, call: &str) -> String {
    let more = json!({"tool_name": "x", "tool_input": {}, "tool_response": {}, "tool_use_id": call});
    hook(world, "PostToolUse", &more)
}

fn stop(world: &World) -> String {
    hook(world, "Stop", &json!({"stop_hook_active": false, "last_assistant_message": "done"}))
}

fn state(server: &mut Server, id: &Value) -> Value {
    server.call("bridge_get_receipts", json!({"message_id": id}))["receipts"][0]["state"].clone()
}

#[test]
fn a_pulled_body_is_injected_by_its_call_s_event_and_seen_at_the_turn_s_end() {
    let world = World::new();
    // Without a home, the hook of an uninstalled bridge does nothing.
    drop(world.store());
    prompt(&world);
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let two = b.label();
    a.label();
    let id = a.call("bridge_send_message", json!({"to": two, "body": "x"}))["id"].clone();
    let call = b.begin_call("bridge_read_message", json!({"ids": [id]}));
    b.outcome(call);
    soon("offered", || state(&mut a, &id) == json!("offered"));
    after_tool(&world, "call_of_another_tool");
    assert_eq!(state(&mut a, &id), json!("offered"), "another call's event proves nothing");
    after_tool(&world, &format!("call_{call}"));
    assert_eq!(state(&mut a, &id), json!("injected"));
    assert_eq!(prompt(&world), "", "the body was shown; the hook does not repeat it");
    stop(&world);
    assert_eq!(state(&mut a, &id), json!("seen"));
}

#[test]
fn the_hook_leaves_alone_what_an_open_wait_is_for() {
    let world = World::new();
    // Without a home, the hook of an uninstalled bridge does nothing.
    drop(world.store());
    hook(&world, "UserPromptSubmit", &json!({"prompt": "begin"}));
    let (mut a, mut b) = (world.codex("thread-a"), world.codex("thread-b"));
    let two = b.label();
    let one = a.label();
    let asked = b.begin_call("bridge_ask", json!({"to": one, "question": "which port?", "timeout": 60}));
    let mut question = Value::Null;
    soon("the question", || {
        question = a.call("bridge_list_inbox", json!({}))["messages"][0]["id"].clone();
        !question.is_null()
    });
    // The server stops: its answer comes while nobody can look, and the hook of a parallel tool comes first.
    let pid = i32::try_from(b.child.id()).unwrap();
    signal(pid, "-STOP");
    a.call("bridge_reply", json!({"message_id": question, "body": "8080"}));
    a.call("bridge_send_message", json!({"to": two, "body": "other news"}));
    let shown = prompt(&world);
    signal(pid, "-CONT");
    assert!(shown.contains("other news") && !shown.contains("8080"), "{shown}");
    assert!(b.outcome(asked)["text"].as_str().unwrap().contains("8080"));
}

fn signal(pid: i32, which: &str) {
    assert!(Command::new("kill").args([which, &pid.to_string()]).status().unwrap().success());
}
