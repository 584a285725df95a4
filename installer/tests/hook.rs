//! The real hook binary: what it delivers, and that nothing makes it harm its host (invariant I6).

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::process;
use session_bridge_store::{Activity, Author, Draft, Due, Live, Pause, Presence, Ringer, Role, State, Store};

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> Home {
        Home::at(self.dir.path().join("bridge"))
    }

    fn store(&self) -> Store {
        Store::open(&self.home(), Role::Cli).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session-bridge-hook"));
        command.env_clear().env("SESSION_BRIDGE_HOME", self.home().root()).args(args);
        command
    }

    fn hook(&self, args: &[&str], stdin: &[u8]) -> Output {
        run(&mut self.command(args), stdin)
    }

    fn claude(&self, event: &str, more: &Value) -> String {
        let mut payload = json!({"session_id": "s-1", "cwd": "/src/shop", "hook_event_name": event});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let out = self.hook(&["claude-code", event], payload.to_string().as_bytes());
        assert_silent_success(&out, false);
        String::from_utf8(out.stdout).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home().log().join("hook.log")).unwrap_or_default()
    }

    fn send(&self, body: &str) -> MessageId {
        let mut store = self.store();
        let to: Vec<SessionId> = store.sessions(None, false).unwrap().iter().map(|v| v.session.id).collect();
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "u".into(), as_session: None },
            room: "default",
            to: "x",
            kind: Kind::Note,
            subject: None,
            body,
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        store.send(&draft, &to).unwrap().id
    }

    fn state(&self, id: MessageId) -> State {
        self.store().receipts(id).unwrap()[0].state
    }
}

fn run(command: &mut Command, stdin: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn assert_silent_success(out: &Output, silent: bool) {
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    if silent {
        assert_eq!(String::from_utf8_lossy(&out.stdout), "");
    }
}

#[test]
fn a_session_is_registered_delivered_to_and_ended() {
    let bench = Bench::new();
    drop(bench.store());
    let start: Value =
        serde_json::from_str(&bench.claude("SessionStart", &json!({"source": "startup"}))).unwrap();
    let text = start["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    assert!(text.contains("`claude-shop`") && text.contains("peer-message"), "{text}");

    let id = bench.send("the port is 8443");
    let prompt = bench.claude("UserPromptSubmit", &json!({"prompt_id": "p1", "prompt": "go"}));
    let prompt: Value = serde_json::from_str(&prompt).unwrap();
    let text = prompt["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    assert!(text.contains("the port is 8443") && text.contains("via=\"command line\""), "{text}");
    let subagent = json!({"prompt_id": "p1", "agent_id": "sub", "tool_calls": []});
    assert_eq!(bench.claude("PostToolBatch", &subagent), "");
    assert_eq!(bench.state(id), State::Offered, "a subagent's event settles nothing");
    assert_eq!(bench.claude("Stop", &json!({"prompt_id": "p1"})), "");
    assert_eq!(bench.state(id), State::Seen);
    assert_eq!(bench.claude("UserPromptSubmit", &json!({"prompt_id": "p2", "prompt": "go"})), "");

    bench.claude("SessionEnd", &json!({"reason": "prompt_input_exit"}));
    assert_eq!(bench.store().sessions(None, true).unwrap()[0].presence, Presence::Ended);
    assert_eq!(bench.log(), "");
}

#[test]
fn a_late_nudge_is_dropped_and_ends_no_turn_that_it_came_in() {
    let bench = Bench::new();
    drop(bench.store());
    let presence = || bench.store().sessions(None, false).unwrap()[0].presence;
    bench.claude("SessionStart", &json!({"source": "startup"}));
    bench.claude("Stop", &json!({"prompt_id": "p1"}));
    bench.send("the port is 8443");
    let id = bench.store().sessions(None, false).unwrap()[0].session.id;
    let deadline = Instant::now() + Duration::from_secs(20);
    let nudge = loop {
        assert!(Instant::now() < deadline, "no wake");
        match bench.store().wake_due(id, Ringer { door: "door", host: None, queues: false }).unwrap() {
            Due::Now(ring) => break ring.nudge.text(),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let prompt = |turn: &str, text: &str| {
        bench.claude("UserPromptSubmit", &json!({"prompt_id": turn, "prompt": text}))
    };
    assert!(prompt("p2", "hello").contains("the port is 8443"));
    // Posts of a busy session's inbox are prompts of its turn.
    assert!(prompt("p2", &nudge).contains("\"block\""));
    assert_eq!(presence(), Presence::Busy, "the turn goes on");
    bench.claude("Stop", &json!({"prompt_id": "p2"}));
    assert!(prompt("p3", &nudge).contains("\"block\""));
    assert_eq!(presence(), Presence::Idle, "no turn began");
}

#[test]
fn mail_comes_after_a_tool_and_puts_off_the_end_of_the_turn() {
    let bench = Bench::new();
    drop(bench.store());
    let text = |out: &str| {
        let out: Value = serde_json::from_str(out).unwrap();
        out["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
    };
    let presence = || bench.store().sessions(None, false).unwrap()[0].presence;
    bench.claude("SessionStart", &json!({"source": "startup"}));
    bench.claude("UserPromptSubmit", &json!({"prompt_id": "p1", "prompt": "go"}));

    let first = bench.send("beside a result");
    let batch = |call: &str| json!({"prompt_id": "p1", "tool_calls": [{"tool_use_id": call}]});
    assert!(text(&bench.claude("PostToolBatch", &batch("c1"))).contains("beside a result"));
    assert_eq!(bench.claude("PostToolBatch", &batch("c2")), "");
    assert_eq!(bench.state(first), State::Seen);

    let second = bench.send("before you stop");
    let stop = |active: bool| json!({"prompt_id": "p1", "stop_hook_active": active, "last_assistant_message": "done"});
    assert!(text(&bench.claude("Stop", &stop(false))).contains("before you stop"));
    assert_eq!(presence(), Presence::Busy, "the turn goes on");
    assert_eq!(bench.state(second), State::Offered);
    assert_eq!(bench.claude("Stop", &stop(true)), "");
    assert_eq!(bench.state(second), State::Seen);
    assert_eq!(presence(), Presence::Idle);
    assert_eq!(bench.log(), "");
}

#[test]
fn a_paused_session_is_noted_and_told_nothing_until_it_is_on() {
    let bench = Bench::new();
    drop(bench.store());
    let pause = Pause::Everything;
    pause.set(&bench.home()).unwrap();
    let presence = || bench.store().sessions(None, true).unwrap()[0].presence;
    assert_eq!(bench.claude("SessionStart", &json!({"source": "startup"})), "");
    let id = bench.send("kept");
    assert_eq!(bench.claude("UserPromptSubmit", &json!({"prompt_id": "p1", "prompt": "go"})), "");
    assert_eq!(presence(), Presence::Busy);
    let batch = json!({"prompt_id": "p1", "tool_calls": [{"tool_use_id": "c1"}]});
    assert_eq!(bench.claude("PostToolBatch", &batch), "");
    assert_eq!(bench.claude("Stop", &json!({"prompt_id": "p1"})), "");
    assert_eq!((presence(), bench.state(id)), (Presence::Idle, State::Stored));

    let host = process::look(std::process::id()).unwrap().key;
    let session = bench.store().sessions(None, true).unwrap().remove(0).session.id;
    let idle = Live { host, activity: Activity::Idle, by_user: false, turn: None };
    bench.store().run().session(session).set_live(idle).unwrap();
    pause.lift(&bench.home()).unwrap();
    let ringer = Ringer { door: "test", host: None, queues: false };
    let nudge = loop {
        let mut store = bench.store();
        match store.wake_due(session, ringer).unwrap() {
            Due::Now(ring) => break ring.nudge.text(),
            Due::At(at) => std::thread::sleep(Duration::from_millis((at - store.now()).unsigned_abs())),
            Due::Nothing => panic!("mail waits"),
        }
    };
    pause.set(&bench.home()).unwrap();
    let dropped = bench.claude("UserPromptSubmit", &json!({"prompt_id": "p2", "prompt": nudge}));
    let dropped: Value = serde_json::from_str(&dropped).unwrap();
    assert_eq!(dropped["decision"], "block", "{dropped}");
    assert!(dropped["reason"].as_str().unwrap().contains("paused"), "{dropped}");
    assert_eq!((presence(), bench.state(id)), (Presence::Idle, State::Stored));

    pause.lift(&bench.home()).unwrap();
    assert_eq!(bench.store().ring_after(&pause).unwrap(), [session]);
    let out = bench.claude("UserPromptSubmit", &json!({"prompt_id": "p3", "prompt": "go"}));
    let out: Value = serde_json::from_str(&out).unwrap();
    let text = out["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    for part in ["this session is `claude-shop`", session_bridge_core::frame::GUARD, "kept"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    bench.claude("SessionEnd", &json!({"reason": "prompt_input_exit"}));
    assert_eq!(presence(), Presence::Ended);
    assert_eq!(bench.log(), "");
}

#[test]
fn the_fast_path_leaves_the_store_closed() {
    let bench = Bench::new();
    drop(bench.store());
    bench.claude("SessionStart", &json!({"source": "startup"}));
    // A store that cannot even be opened is not noticed while no bell stands.
    let path = bench.store().path().to_owned();
    for name in ["", "-wal", "-shm"] {
        let mut file = path.clone().into_os_string();
        file.push(name);
        let _ = std::fs::remove_file(file);
    }
    std::fs::write(&path, b"not a database").unwrap();
    bench.claude("UserPromptSubmit", &json!({"prompt_id": "p1", "prompt": "x"}));
    bench.claude("Stop", &json!({"prompt_id": "p1"}));
    assert_eq!(bench.log(), "");
    bench.claude("SessionStart", &json!({"source": "resume"}));
    assert!(bench.log().contains("damaged"), "{}", bench.log());
    assert_eq!(std::fs::read(&path).unwrap(), b"not a database", "a hook repairs nothing");
}

#[test]
fn i6_the_hook_never_breaks_its_host() {
    let bench = Bench::new();
    for args in [&["claude-code", "Stop"][..], &["codex", "Stop"], &["nobody", "Stop"], &["codex"], &[]] {
        assert_silent_success(&bench.hook(args, b"{}"), true);
    }
    assert!(!bench.home().root().exists(), "an uninstalled bridge leaves nothing behind");
    drop(bench.store());
    let mut large = br#"{"session_id":"s","prompt":""#.to_vec();
    large.resize(40 * 1024 * 1024, b'x');
    let garbage: [&[u8]; 7] =
        [b"", b"{}", b"null", b"[1,2", b"\xff\xfe\x00", br#"{"session_id":7,"cwd":[]}"#, &large];
    for stdin in garbage {
        for event in ["SessionStart", "Stop", "Unknown"] {
            for provider in ["claude-code", "codex", "../x"] {
                assert_silent_success(&bench.hook(&[provider, event], stdin), true);
            }
        }
    }
    assert!(bench.log().lines().count() > 20, "each failure is one line");
    let odd = std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    assert_silent_success(&run(bench.command(&["codex"]).arg(odd), b"{}"), true);
    let closed = bench.command(&["claude-code", "Stop"]).stdin(Stdio::null()).output().unwrap();
    assert_silent_success(&closed, true);
}

#[test]
fn a_locked_store_silences_the_hook_within_its_deadline() {
    let bench = Bench::new();
    let store = bench.store();
    let holder = rusqlite::Connection::open(store.path()).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    let payload =
        json!({"session_id": "s", "cwd": "/x", "hook_event_name": "SessionStart", "source": "startup"});
    let out = bench.hook(&["claude-code", "SessionStart"], payload.to_string().as_bytes());
    assert_silent_success(&out, true);
    assert!(began.elapsed() < Duration::from_millis(2500), "a quarter of the host's limit");
    assert!(bench.log().contains("busy"), "{}", bench.log());
}

#[test]
fn i9_a_newer_store_is_written_by_nobody() {
    let bench = Bench::new();
    let path = bench.store().path().to_owned();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    bench.claude("SessionStart", &json!({"source": "startup"}));
    assert!(bench.log().contains("format 99"), "{}", bench.log());
    let line = bench.log();
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[2..6], ["failed", "claude-code", "s-1", "SessionStart:"], "{line}");
}

#[test]
fn a_home_that_cannot_be_written_is_no_reason_to_fail() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.home().root()).unwrap();
    std::fs::write(bench.home().root().join("store"), b"a file where a folder belongs").unwrap();
    std::fs::write(bench.home().root().join("log"), b"no log either").unwrap();
    assert_eq!(bench.claude("SessionStart", &json!({"source": "startup"})), "");
    assert_eq!(bench.claude("Stop", &json!({"prompt_id": "p"})), "");
}

#[test]
fn a_loose_home_is_tightened() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.home().root()).unwrap();
    std::fs::set_permissions(bench.home().root(), std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.claude("SessionStart", &json!({"source": "startup"}));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(bench.home().root()), 0o700);
    assert_eq!(mode(bench.store().path()), 0o600);
}

/// What stands in the environment of a session's hooks.
type Env<'a> = &'a [(&'a str, &'a str)];
const SOCKET: Env<'_> = &[("CLAUDE_CODE_MESSAGING_SOCKET", "/tmp/x.sock")];
const HEADLESS: Env<'_> = &[("CLAUDE_CODE_ENTRYPOINT", "sdk-cli")];
const UNATTENDED: Env<'_> = &[("CLAUDE_CODE_ENTRYPOINT", "cli"), ("CLAUDE_CODE_SESSION_ATTENDED", "0")];

impl Bench {
    fn claude_in(&self, env: Env<'_>, event: &str) -> Output {
        // The same bytes twice would be one event.
        let payload = json!({"session_id": "s-1", "cwd": "/src/shop", "hook_event_name": event, "env": env});
        let mut command = self.command(&["claude-code", event]);
        run(command.envs(env.iter().copied()), payload.to_string().as_bytes())
    }

    fn watched(&self, env: Env<'_>) -> Value {
        let start = self.claude_in(env, "SessionStart");
        assert_silent_success(&start, false);
        let start: Value = serde_json::from_slice(&start.stdout).unwrap();
        start["hookSpecificOutput"]["watchPaths"].clone()
    }
}

#[test]
fn only_an_attended_session_without_a_better_door_has_its_bell_watched() {
    let bench = Bench::new();
    drop(bench.store());
    for env in [SOCKET, HEADLESS, UNATTENDED] {
        assert_eq!(bench.watched(env), Value::Null, "{env:?}");
    }
    let watched = bench.watched(&[("CLAUDE_CODE_ENTRYPOINT", "cli")]);
    let session = bench.store().sessions(None, false).unwrap()[0].session.id;
    let bell = bench.home().run().join(session.to_string()).join("bell");
    assert_eq!(watched, json!([bell]));
}

#[test]
fn the_wake_handler_starts_a_turn_for_a_wake_that_nobody_took_and_for_nothing_else() {
    let bench = Bench::new();
    drop(bench.store());
    bench.watched(&[]);
    assert_silent_success(&bench.claude_in(&[], "FileChanged"), true);
    let id = bench.send("BODY");
    for env in [SOCKET, HEADLESS, UNATTENDED] {
        assert_silent_success(&bench.claude_in(env, "FileChanged"), true);
    }
    let woken = bench.claude_in(&[], "FileChanged");
    assert_eq!(woken.status.code(), Some(2), "{woken:?}");
    assert_eq!(String::from_utf8_lossy(&woken.stdout), "");
    let nudge = String::from_utf8(woken.stderr).unwrap();
    assert!(nudge.starts_with("[session-bridge wake ") && !nudge.contains("BODY"), "{nudge}");
    let receipt = bench.store().receipts(id).unwrap().remove(0);
    assert_eq!((receipt.state, receipt.steps.len()), (State::Stored, 2));
    assert_eq!(receipt.steps[1].surface.as_deref(), Some("claude-file-changed"));
    assert!(receipt.steps[1].at >= receipt.steps[0].at + 2_000, "others come first");
    // Tried once, it is left alone for half a minute.
    assert_silent_success(&bench.claude_in(&[], "FileChanged"), true);

    // The host puts it into a notification of its own; such a prompt is our nudge, and late it is dropped.
    let prompt =
        format!("<task-notification>\n<summary>Stop hook feedback</summary>\n{nudge}</task-notification>");
    let prompt = json!({"prompt_id": "p-1", "prompt": prompt});
    assert!(bench.claude("UserPromptSubmit", &prompt).contains("BODY"));
    assert_eq!(bench.claude("Stop", &json!({"prompt_id": "p-1"})), "");
    let again: Value = serde_json::from_str(&bench.claude("UserPromptSubmit", &prompt)).unwrap();
    assert_eq!(again["decision"], "block");
    assert_silent_success(&bench.claude_in(&[], "FileChanged"), true);
}

#[test]
fn one_place_alone_ends_with_a_status() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hook/src");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let ends = ["ExitCode::from", "ExitCode::FAILURE", "process::exit(1", "process::exit(2"];
        for _ in ends.iter().flat_map(|end| text.matches(end)) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(found, ["doorbell.rs"]);
}
