//! What guards the speed of the hook: how many instructions it takes, counted by valgrind. Unlike times, they are nearly
//! the same on every machine and under any load. Times are measured by `tests/bench`, which asserts nothing.
//!
//! The counts are of the hook as this test run builds it, without the optimisations of a release: read them as ratios
//! to the ceilings, not as cost.
//!
//! A change that is worth its price may raise a ceiling: run this test with `--nocapture`, take the count that it
//! prints, add 15 %, and say in the commit what the instructions buy.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Author, Draft, Role, Store};
use tempfile::TempDir;

/// Nothing waits: what is paid at every prompt and tool call.
const IDLE_AT_MOST: u64 = 408_000;
/// One message of 600 bytes goes out.
const DELIVERY_AT_MOST: u64 = 5_970_000;

const HOOK: &str = env!("CARGO_BIN_EXE_hook-under-test");
const START: &str =
    r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"SessionStart","source":"startup"}"#;
const PROMPT: &str = r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"UserPromptSubmit","prompt_id":"p","prompt":"hello"}"#;

/// A home with one session of Claude Code that has read so many messages.
struct World {
    folder: TempDir,
    store: Store,
    reader: SessionId,
}

impl World {
    fn with(messages: usize) -> Self {
        // Paths of one length, whatever the machine's folder for temporary files is called, and wherever it is.
        let folder = TempDir::with_prefix_in("count-", "/tmp").unwrap();
        fs::create_dir(folder.path().join("bridge")).unwrap();
        run(Command::new(HOOK).args(["claude-code", "SessionStart"]), &folder, START);
        let mut store = Store::open(&Home::at(folder.path().join("bridge")), Role::Server).unwrap();
        let reader = store.sessions(None, false).unwrap()[0].session.id;
        fill(&store, reader, messages);
        Self { folder, store, reader }
    }

    /// Instructions of one prompt's hook, and what it puts out.
    fn prompt(&self) -> (u64, String) {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", HOOK]);
        valgrind.args(["claude-code", "UserPromptSubmit"]);
        let (stdout, stderr) = run(&mut valgrind, &self.folder, PROMPT);
        let count = stderr.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count);
        let count = count.unwrap_or_else(|| panic!("valgrind does not count: {stderr}"));
        (count.trim().parse().unwrap(), stdout)
    }

    fn send(&mut self) {
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "tester".into(), as_session: None },
            room: "default",
            to: "the session",
            kind: Kind::Note,
            subject: None,
            body: &"x".repeat(600),
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        self.store.send(&draft, &[self.reader]).unwrap();
    }
}

/// Standard output and error of a program that ends well.
fn run(command: &mut Command, folder: &TempDir, stdin: &str) -> (String, String) {
    command.env_clear().env("SESSION_BRIDGE_HOME", folder.path().join("bridge"));
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} (is it installed?): {error}"));
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{command:?}: {stderr}");
    (stdout, stderr)
}

/// Messages of 600 bytes that were seen long ago.
fn fill(store: &Store, reader: SessionId, messages: usize) {
    let mut db = rusqlite::Connection::open(store.path()).unwrap();
    let tx = db.transaction().unwrap();
    let body = "x".repeat(600);
    for _ in 0..messages {
        let id = MessageId::generate().to_string();
        tx.prepare_cached(
            "INSERT INTO message (id, room, thread, sender_name, via, target, kind, body, urgency, hop, created)
             VALUES (?1, 'default', ?1, 'old', 'command-line', 'x', 'note', ?2, 'normal', 0, 0)",
        )
        .unwrap()
        .execute([&id, &body])
        .unwrap();
        tx.prepare_cached("INSERT INTO delivery (session, seq, state) VALUES (?1, ?2, 'seen')")
            .unwrap()
            .execute(rusqlite::params![reader.to_string(), tx.last_insert_rowid()])
            .unwrap();
    }
    tx.commit().unwrap();
}

/// Instructions of the hook that delivers one message. On a machine so busy that a quarter of the host's limit passes
/// under valgrind, it rightly puts out nothing: then a fresh one is counted.
fn delivery(messages: usize) -> u64 {
    for _ in 0..10 {
        let mut world = World::with(messages);
        world.send();
        let (count, text) = world.prompt();
        if text.contains("peer-message") {
            return count;
        }
        let log = fs::read_to_string(world.folder.path().join("bridge/log/hook.log")).unwrap_or_default();
        assert!(log.contains("too late"), "the message does not go out: {text} {log}");
    }
    panic!("ten hooks in a row were too late");
}

#[test]
fn the_hook_takes_few_instructions_whatever_is_stored() {
    let [(few, nothing), (many, nothing_either)] = [1_000, 100_000].map(|n| World::with(n).prompt());
    assert_eq!((nothing.as_str(), nothing_either.as_str()), ("", ""), "nothing waits");
    println!("idle: {few} with 1,000 messages, {many} with 100,000");
    assert!(few.abs_diff(many) * 100 <= few, "idle: {few} with 1,000 messages, {many} with 100,000");
    assert!(few <= IDLE_AT_MOST, "idle: {few} instructions, at most {IDLE_AT_MOST} are allowed");
}

/// Delivering costs what is unread, not what was ever stored.
#[test]
fn delivering_takes_few_instructions_whatever_is_stored() {
    let [few, many] = [1_000, 100_000].map(delivery);
    println!("delivery: {few} with 1,000 messages, {many} with 100,000");
    // Trees are a level deeper.
    assert!(many * 100 <= few * 105, "delivery: {few} with 1,000 messages, {many} with 100,000");
    assert!(few <= DELIVERY_AT_MOST, "delivery: {few} instructions, at most {DELIVERY_AT_MOST} are allowed");
}
