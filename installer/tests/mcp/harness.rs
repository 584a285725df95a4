//! The real server as a child process, with this test as its host.

#![expect(clippy::needless_pass_by_value, reason = "`json!` literals are handed over")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::event::Start;
use session_bridge_core::home::Home;
use session_bridge_core::process::{self, ProcessKey};
use session_bridge_store::{Arrival, Role, Store, Wanted};

/// A bridge's home that nobody else uses.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn home(&self) -> Home {
        Home::at(self.dir.path().join("bridge"))
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.home(), Role::Cli).unwrap()
    }

    /// A server of a Codex thread, introduced and ready.
    pub(crate) fn codex(&self, thread: &str) -> Server {
        let mut server = Server::spawn(&self.home(), self.dir.path(), &[], &[]);
        server.introduce("codex-mcp-client");
        server.meta = json!({"threadId": thread, "sessionId": thread});
        server
    }

    /// A server of Claude Code whose host process is this test.
    pub(crate) fn claude(&self, env: &[(&str, &str)]) -> Server {
        let mut server = Server::spawn(&self.home(), self.dir.path(), &[], env);
        server.introduce("claude-code");
        server
    }
}

/// This test, as a host process.
pub(crate) fn here() -> ProcessKey {
    process::look(std::process::id()).unwrap().key
}

/// What an event or call says of a session whose process may host others as well.
pub(crate) fn arrival<'a>(provider: &'a str, native: &'a str, host: Option<ProcessKey>) -> Arrival<'a> {
    Arrival {
        provider,
        short: provider,
        native,
        host,
        one_per_process: false,
        cwd: None,
        start: None,
        claimed: None,
        wanted: Wanted::default(),
    }
}

/// What Claude Code's hook says of a beginning.
pub(crate) fn claude_arrival(native: &str, host: ProcessKey, start: Start) -> Arrival<'_> {
    let any = arrival("claude-code", native, Some(host));
    Arrival { short: "claude", one_per_process: true, start: Some(start), ..any }
}

pub(crate) struct Server {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    early: VecDeque<Value>,
    next_id: i64,
    /// What the host adds to each call.
    pub(crate) meta: Value,
}

impl Server {
    pub(crate) fn spawn(home: &Home, cwd: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::spawn_program(env!("CARGO_BIN_EXE_session-bridge").as_ref(), home, cwd, args, env)
    }

    pub(crate) fn spawn_program(
        program: &Path,
        home: &Home,
        cwd: &Path,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(program)
            .arg("mcp")
            .args(args)
            .env_clear()
            .env("SESSION_BRIDGE_HOME", home.root())
            .envs(env.iter().copied())
            .current_dir(cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("the server writes JSON lines only");
                if tx.send(value).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines, early: VecDeque::new(), next_id: 0, meta: json!({}) }
    }

    pub(crate) fn introduce(&mut self, client: &str) -> Value {
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}});
        let answer = self.request("initialize", params);
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer
    }

    pub(crate) fn raw(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input was not closed");
        stdin
            .write_all(line.as_bytes())
            .and_then(|()| stdin.write_all(b"\n"))
            .and_then(|()| stdin.flush())
            .unwrap();
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.raw(&message.to_string());
    }

    /// Sends a request and returns its id.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(&json!(id))
    }

    /// The response to a request.
    pub(crate) fn answer(&mut self, id: &Value) -> Value {
        self.find(Duration::from_secs(30), |m| m["id"] == *id && m.get("method").is_none())
            .unwrap_or_else(|| panic!("no answer to {id}"))
    }

    /// The first message that fits, of those not yet taken, within some time.
    pub(crate) fn find(&mut self, within: Duration, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        if let Some(at) = self.early.iter().position(&fits) {
            return self.early.remove(at);
        }
        let deadline = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) if fits(&message) => return Some(message),
                Ok(message) => self.early.push_back(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    pub(crate) fn begin_call(&mut self, tool: &str, arguments: Value) -> i64 {
        let mut meta = self.meta.clone();
        meta["callId"] = json!(format!("call_{}", self.next_id + 1));
        self.begin("tools/call", json!({"name": tool, "arguments": arguments, "_meta": meta}))
    }

    /// A call's structured content; fails the test if the tool refused.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin_call(tool, arguments);
        self.outcome(id)
    }

    pub(crate) fn outcome(&mut self, id: i64) -> Value {
        let answer = self.answer(&json!(id));
        let result = &answer["result"];
        assert_eq!(result["isError"], json!(false), "{answer}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"], "both forms say the same");
        text
    }

    /// The code of a refusal; checks that it says what to do, in both forms.
    pub(crate) fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let id = self.begin_call(tool, arguments);
        let answer = self.answer(&json!(id));
        let result = &answer["result"];
        assert_eq!(result["isError"], json!(true), "{answer}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        for field in ["code", "message", "next"] {
            assert!(text[field].as_str().is_some_and(|t| !t.is_empty()), "{field} of {text}");
        }
        text["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn cancel(&mut self, id: i64) {
        self.send(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}),
        );
    }

    pub(crate) fn label(&mut self) -> String {
        self.call("bridge_whoami", json!({}))["label"].as_str().unwrap().to_owned()
    }

    /// Closes standard input, as a host does, and waits for the end.
    pub(crate) fn close(mut self) {
        self.stdin = None;
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "the server outlives its host");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `done`, for what happens a moment after a response was written.
pub(crate) fn soon(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
