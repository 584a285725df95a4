//! Homes with so many messages, and one run of a program in them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::process;
use session_bridge_store::{Activity, Arrival, Author, Draft, Live, Role, Store, Wanted};

use crate::Programs;

impl Programs {
    /// Runs the empty process.
    pub(crate) fn noop(&self) -> Result<Duration> {
        timed(&mut Command::new(&self.noop), None)
    }
}

/// A home with one Claude Code session, one other, and the messages between them.
pub(crate) struct World<'p> {
    programs: &'p Programs,
    folder: tempfile::TempDir,
    reader: SessionId,
    /// Live sessions, the reader included; the idle ones of other CLIs that the first table needs are not counted.
    live: usize,
    /// Held open as the MCP servers of running sessions hold it.
    _server: Store,
}

impl<'p> World<'p> {
    pub(crate) fn new(programs: &'p Programs, messages: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let prompt = r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"UserPromptSubmit","prompt_id":"p","turn_id":"p","prompt":"hello"}"#;
        std::fs::write(folder.path().join("prompt.json"), prompt)?;
        let subagent = prompt.replace("\"prompt\":", "\"agent_id\":\"a\",\"prompt\":");
        std::fs::write(folder.path().join("subagent.json"), subagent)?;
        let start =
            r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"SessionStart","source":"startup"}"#;
        std::fs::write(folder.path().join("start.json"), start)?;
        let stop = r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"Stop","prompt_id":"p"}"#;
        std::fs::write(folder.path().join("stop.json"), stop)?;
        let before_agent = r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"BeforeAgent","timestamp":"2026-11-21T15:39:07.643Z","prompt":"hello"}"#;
        std::fs::write(folder.path().join("before-agent.json"), before_agent)?;
        let after_agent = r#"{"session_id":"s","cwd":"/src/shop","hook_event_name":"AfterAgent","timestamp":"2026-11-21T15:39:08.643Z","prompt_response":"hello","stop_hook_active":false}"#;
        std::fs::write(folder.path().join("after-agent.json"), after_agent)?;
        let server = Store::open(&Home::at(folder.path().join("bridge")), Role::Server)?;
        let mut world = Self { programs, folder, reader: SessionId::generate(), live: 1, _server: server };
        world.hook("SessionStart", "start.json")?;
        let mut store = world.store()?;
        world.reader = store.sessions(None, false)?.first().context("the session is registered")?.session.id;
        fill(&store, world.reader, messages)?;
        // A session of each other provider, with nothing to read. Gemini CLI takes its start text with the first prompt.
        for (provider, event, payload) in [
            ("codex", "SessionStart", "start.json"),
            ("gemini-cli", "SessionStart", "start.json"),
            ("gemini-cli", "BeforeAgent", "before-agent.json"),
            ("gemini-cli", "AfterAgent", "after-agent.json"),
        ] {
            world.run(Command::new(&programs.hook).args([provider, event]), payload)?;
        }
        Ok(world)
    }

    pub(crate) fn reader(&self) -> SessionId {
        self.reader
    }

    /// Where its payloads are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn noop(&self) -> &Path {
        &self.programs.noop
    }

    pub(crate) fn hook_program(&self) -> &Path {
        &self.programs.hook
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("bridge")
    }

    pub(crate) fn bridge(&self) -> Home {
        Home::at(self.home())
    }

    fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.bridge(), Role::Cli)?)
    }

    fn hook(&self, event: &str, payload: &str) -> Result<Duration> {
        let mut command = Command::new(&self.programs.hook);
        command.args(["claude-code", event]);
        self.run(&mut command, payload)
    }

    fn run(&self, command: &mut Command, payload: &str) -> Result<Duration> {
        command.env("SESSION_BRIDGE_HOME", self.home());
        timed(command, Some(&self.folder.path().join(payload)))
    }

    /// A prompt while nothing waits.
    pub(crate) fn prompt(&self) -> Result<Duration> {
        self.hook("UserPromptSubmit", "prompt.json")
    }

    /// The same, as a line of `bash` runs it.
    pub(crate) fn line(&self, line: &str, payload: &str) -> Result<Duration> {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", line]);
        self.run(&mut command, payload)
    }

    /// A prompt while one message waits; the turn's end, which is not counted, settles it.
    pub(crate) fn deliver(&self) -> Result<Duration> {
        self.mail()?;
        let took = self.prompt()?;
        self.settle()?;
        Ok(took)
    }

    /// One message waits for the reader.
    pub(crate) fn mail(&self) -> Result<()> {
        self.write(&[self.reader])
    }

    /// The turn ends in which it was shown.
    pub(crate) fn settle(&self) -> Result<()> {
        self.hook("Stop", "stop.json").map(drop)
    }

    /// Rings the reader's bell for nothing.
    pub(crate) fn ring(&self) -> Result<()> {
        Ok(std::fs::write(self.store()?.run().session(self.reader).bell(), b"")?)
    }

    fn write(&self, to: &[SessionId]) -> Result<()> {
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "bench".into(), as_session: None },
            room: "default",
            to: "bench",
            kind: Kind::Note,
            subject: None,
            body: &"x".repeat(600),
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        self.store()?.send(&draft, to)?;
        Ok(())
    }

    /// Brings the live sessions to so many: the reader, and others in its room, whose host is this process and who have
    /// three messages each to read.
    pub(crate) fn accompany(&mut self, sessions: usize) -> Result<()> {
        let mut store = self.store()?;
        let host = process::look(std::process::id()).context("this process")?.key;
        let mut new = Vec::new();
        while self.live < sessions {
            let arrival = Arrival {
                provider: "codex",
                short: "codex",
                native: &format!("other-{}", self.live),
                host: Some(host),
                one_per_process: false,
                cwd: Some(Path::new("/src/shop")),
                start: None,
                claimed: None,
                wanted: Wanted::default(),
            };
            let session = store.arrive(&arrival)?;
            let live = Live { host, activity: Activity::Busy, by_user: true, turn: None };
            store.run().session(session.id).set_live(live)?;
            new.push(session.id);
            self.live += 1;
        }
        for _ in 0..if new.is_empty() { 0 } else { 3 } {
            self.write(&new)?;
        }
        Ok(())
    }

    /// One message from the command line, withdrawn again so that nothing waits.
    pub(crate) fn send(&self) -> Result<Duration> {
        let mut command = Command::new(&self.programs.main);
        command.args(["send-message", &self.reader.to_string(), "a short note"]);
        let took = self.run(&mut command, "prompt.json")?;
        let mut store = self.store()?;
        let newest = store.since(None, store.newest_seq()? - 1, 1)?.pop().context("the message was sent")?;
        store.cancel(newest.id)?;
        Ok(took)
    }
}

/// Old mail: messages of 600 bytes that were seen long ago, written in one transaction.
fn fill(store: &Store, reader: SessionId, messages: usize) -> Result<()> {
    let mut db = rusqlite::Connection::open(store.path())?;
    let tx = db.transaction()?;
    let body = "x".repeat(600);
    for _ in 0..messages {
        let id = MessageId::generate().to_string();
        tx.prepare_cached(
            "INSERT INTO message (id, room, thread, sender_name, via, target, kind, body, urgency, hop, created)
             VALUES (?1, 'default', ?1, 'old', 'command-line', 'x', 'note', ?2, 'normal', 0, 0)",
        )?
        .execute([&id, &body])?;
        tx.prepare_cached("INSERT INTO delivery (session, seq, state) VALUES (?1, ?2, 'seen')")?
            .execute(rusqlite::params![reader.to_string(), tx.last_insert_rowid()])?;
    }
    Ok(tx.commit()?)
}

/// Runs a program to its end, its output thrown away.
pub(crate) fn timed(command: &mut Command, stdin: Option<&Path>) -> Result<Duration> {
    command.stdin(match stdin {
        Some(path) => Stdio::from(File::open(path)?),
        None => Stdio::null(),
    });
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    let took = began.elapsed();
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(took)
}
