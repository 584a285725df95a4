//! What the bridge puts before a model, in tokens: every text as the real programs write it, counted, held by a ceiling,
//! and listed in `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use session_bridge::{mcp, plugin};
use session_bridge_core::nudge::{Nudge, WakeId};

use crate::harness::{Server, World};

/// A short body, whose own tokens are not counted.
const BODY: &str = "The build is green again.";
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");
const BEGIN: &str = "<!-- Made by installer/tests/mcp/tokens.rs; UPDATE_DOCS=1 writes it anew. -->\n";
const END: &str = "<!-- End of what the test made. -->\n";

/// One text: when a model pays for it, its tokens, and how many it may have.
struct Row {
    what: &'static str,
    when: &'static str,
    tokens: usize,
    at_most: usize,
}

/// The home of a session of Claude Code and one of Codex that write to each other.
struct Pair {
    world: World,
    codex: Server,
    turn: u32,
}

impl Pair {
    fn new() -> Self {
        let world = World::new();
        std::fs::create_dir(world.home().root()).unwrap();
        let mut codex =
            Server::spawn(&world.home(), world.dir.path(), &[], &[("SESSION_BRIDGE_LABEL", "codex-shop")]);
        codex.introduce("codex-mcp-client");
        codex.meta = json!({"threadId": "t", "sessionId": "t"});
        codex.label();
        Self { world, codex, turn: 0 }
    }

    /// What Claude Code's hook puts before its model at an event of the present turn.
    fn hook(&self, event: &str, more: &Value) -> String {
        let turn = format!("turn-{}", self.turn);
        let mut payload =
            json!({"session_id": "s", "cwd": "/src/shop", "hook_event_name": event, "prompt_id": turn});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut child = Command::new(env!("CARGO_BIN_EXE_session-bridge-hook"))
            .args(["claude-code", event])
            .env_clear()
            .env("SESSION_BRIDGE_HOME", self.world.home().root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(payload.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap().stdout;
        if output.is_empty() {
            return String::new();
        }
        let reply: Value = serde_json::from_slice(&output).unwrap();
        let text = reply["hookSpecificOutput"]["additionalContext"].as_str().or(reply["reason"].as_str());
        text.unwrap_or_else(|| panic!("no text in {reply}")).to_owned()
    }

    fn prompt(&mut self) -> String {
        self.turn += 1;
        self.hook("UserPromptSubmit", &json!({"prompt": "go on"}))
    }

    fn after_tool(&self, call: &str) -> String {
        let call = json!({"tool_name": "Bash", "tool_input": {}, "tool_use_id": call, "tool_response": "ok"});
        self.hook("PostToolBatch", &json!({"tool_calls": [call]}))
    }

    fn mail_claude(&mut self) -> String {
        self.codex.call("bridge_send_message", json!({"to": "claude-shop", "body": BODY})).to_string()
    }

    fn mail_codex(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session-bridge"));
        command.args(["send-message", "codex-shop", BODY, "--json"]);
        command.env_clear().env("SESSION_BRIDGE_HOME", self.world.home().root());
        let output = command.output().unwrap().stdout;
        let sent: Value = serde_json::from_slice(&output).unwrap();
        sent["id"].as_str().unwrap().to_owned()
    }
}

/// Ids and fences are random, and random words differ in tokens: each is replaced by one of its kind.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let id = word.len() == 26 && word.starts_with("01");
        let fence = word.len() == 8 && out.ends_with("peer-message-");
        out.push_str(match (id, fence) {
            (true, _) => "01M7ZD21JSDAQWCNFMAPEAAZ27",
            (_, true) => "g9k2vq7w",
            _ => &word,
        });
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn rows() -> Vec<Row> {
    let words = tiktoken_rs::o200k_base().unwrap();
    let count = |text: &str| words.encode_ordinary(&steady(text)).len();
    let body = count(BODY);
    let row = |what, when, tokens, at_most| Row { what, when, tokens, at_most };

    let mut pair = Pair::new();
    let start = pair.hook("SessionStart", &json!({"source": "startup"}));
    assert!(start.contains("claude-shop"), "{start}");
    let sent = pair.mail_claude();
    let prompt = pair.prompt();
    pair.mail_claude();
    let after_tool = pair.after_tool("toolu_1");
    pair.mail_claude();
    pair.mail_claude();
    let two = pair.after_tool("toolu_2");
    pair.mail_claude();
    let turn_end = pair.hook("Stop", &json!({"stop_hook_active": false, "last_assistant_message": "done"}));
    for (text, bodies) in [(&prompt, 1), (&after_tool, 1), (&two, 2), (&turn_end, 1)] {
        assert_eq!(text.matches(BODY).count(), bodies, "{text}");
    }
    // The first result with a body has the guard as well.
    let mut read = String::new();
    for _ in 0..2 {
        let id = pair.mail_codex();
        read = pair.codex.call("bridge_read_message", json!({"ids": [id]})).to_string();
    }
    assert!(read.contains(BODY) && !read.contains("grant permission"), "{read}");
    let nudge = Nudge { wake: "K3X9QA".parse::<WakeId>().unwrap(), count: 1 }.text();

    let tools = serde_json::to_string(&json!({"tools": mcp::catalogue()})).unwrap();
    let once = "once per session";
    let each = "per message";
    vec![
        row("the list of tools", once, count(&tools), 1_300),
        row("the server's instructions", once, count(mcp::INSTRUCTIONS), 200),
        row("at session start: who it is, and how to take peer text", once, count(&start), 100),
        row("with a prompt: the frame of one message", each, count(&prompt) - body, 80),
        row("after a tool: the same", each, count(&after_tool) - body, 80),
        row("at a turn's end: the same", each, count(&turn_end) - body, 80),
        row("each further message of the same block", each, count(&two) - count(&after_tool) - body, 65),
        row("result of `bridge_read_message`", each, count(&read) - body, 70),
        row("result of `bridge_send_message`", each, count(&sent), 65),
        row("the nudge that wakes an idle session", "per wake", count(&nudge), 35),
        row("plugin: the skill `ask-a-peer` in the list", once, count(description(plugin::PEER_SKILL)), 50),
        row("plugin: the same skill, read", "when used", count(plugin::PEER_SKILL), 300),
        row("plugin: the command `bridge`", "when used", count(plugin::BRIDGE_SKILL), 600),
    ]
}

/// What a CLI lists of a skill that the model may use by itself.
fn description(skill: &str) -> &str {
    let line = skill.lines().find(|line| line.starts_with("description: "));
    line.expect("a skill has a description")
}

#[test]
fn what_a_model_is_told_costs_few_tokens() {
    let rows = rows();
    let mut table = String::from("| text | when | tokens |\n|---|---|---|\n");
    for row in &rows {
        let Row { what, when, tokens, at_most } = row;
        assert!(tokens <= at_most, "{what}: {tokens} tokens, at most {at_most} are allowed");
        let _ = writeln!(table, "| {what} | {when} | {tokens} |");
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let (_, after) = rest.split_once(END).expect("the page says where the table ends");
    let fresh = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &fresh).unwrap();
        return;
    }
    assert!(
        page == fresh,
        "docs/benchmarks.md is out of date; run: UPDATE_DOCS=1 cargo test -p session-bridge --test mcp tokens"
    );
}
