//! A home, a PATH and an empty environment for each test; and output in which ids, times and paths have fixed words.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Arrival, Author, Draft, Pull, Role, Store, Wanted};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_session-bridge");

/// What a run put out.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// All of it, for a snapshot.
    pub(crate) fn all(&self) -> String {
        let mut text = format!("exit {}\n", self.code);
        if !self.stdout.is_empty() {
            text = text + "--- stdout\n" + &self.stdout;
        }
        if !self.stderr.is_empty() {
            text = text + "--- stderr\n" + &self.stderr;
        }
        text
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One machine in a folder.
pub(crate) struct TestEnvironment {
    dir: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl TestEnvironment {
    /// A machine without any agent CLI.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "bin", "project"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir, variables: Vec::new() }
    }

    /// A machine with stand-ins for both CLIs, which know their versions and nothing else.
    pub(crate) fn with_clis() -> Self {
        let env = Self::new();
        env.program("claude", "echo '2.1.329 (Claude Code)'");
        env.program("codex", "[ \"$1\" = --version ] && echo 'codex-cli 0.169.0'");
        env
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// A shell script on PATH.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Every file below the home folder but the bridge's own, with its bytes.
    pub(crate) fn tree(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut todo = vec![self.path("home"), self.path("project")];
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().is_some_and(|name| name == ".session-bridge") {
                    continue;
                }
                if path.is_dir() {
                    found.push((path.clone(), Vec::new()));
                    todo.push(path);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    pub(crate) fn home(&self) -> Home {
        Home::at(self.path("home/.session-bridge"))
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.home(), Role::Cli).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", self.path("bin"))
            .env("USER", "ana")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path("project"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Self::finish(self.spawn(arguments))
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Self::finish(child)
    }

    /// Runs with a terminal as standard input and error, types the answers, and returns what was asked and said there.
    pub(crate) fn answer(&self, arguments: &[&str], typed: &str) -> String {
        use std::io::Read as _;

        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let open = || fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let mut terminal = fs::File::from(ours);
        terminal.write_all(typed.as_bytes()).unwrap();
        let mut child = self.command(arguments).stdin(open()).stderr(open()).spawn().unwrap();
        assert!(child.wait().unwrap().code().is_some());
        // Nobody holds the other end any more: the kernel says so with an error at the end of what was written.
        let (mut said, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = terminal.read(&mut bytes) {
            said.extend_from_slice(&bytes[..n]);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// What a terminal of this width shows, without its colours.
    pub(crate) fn screen(&self, arguments: &[&str], columns: u16) -> String {
        use std::io::Read as _;

        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        use rustix::termios::{Winsize, tcsetwinsize};
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
        let mut child = self.command(arguments).env("TERM", "xterm").stdout(theirs).spawn().unwrap();
        let mut terminal = fs::File::from(ours);
        let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = terminal.read(&mut bytes) {
            shown.extend_from_slice(&bytes[..n]);
        }
        child.wait().unwrap();
        let shown = String::from_utf8(shown).unwrap().replace("\r\n", "\n");
        anstream::adapter::strip_str(&shown).to_string()
    }

    pub(crate) fn finish(child: Child) -> Output {
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `check` with snapshots in which what differs from run to run has a fixed word.
    pub(crate) fn settled(&self, check: impl FnOnce()) {
        let mut settings = insta::Settings::clone_current();
        let programs = Path::new(PROGRAM).parent().unwrap();
        let real = fs::canonicalize(self.root()).unwrap();
        for folder in [self.root(), &real] {
            settings.add_filter(&escaped(folder), "[DIR]");
        }
        settings.add_filter(&escaped(programs), "[PROGRAMS]");
        settings.add_filter("01[0-9A-HJKMNP-TV-Z]{24}", "[26-CHARACTERS-OF-AN-ID--]");
        settings
            .add_filter(r#""(created|at|seen|since|started|ended|expires)": [0-9]{13}"#, r#""$1": "[MS]""#);
        settings.add_filter(r#""pid": [0-9]+"#, r#""pid": "[PID]""#);
        settings.add_filter(r#""ms": [0-9]+"#, r#""ms": "[N]""#);
        settings.add_filter(r" +\+[0-9.]+m?s\b", " +[TIME]");
        settings.add_filter(r"\([0-9]+ ms\)", "([N] ms)");
        settings.add_filter(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC", "[UTC]");
        settings.add_filter(r"(?m)\b[0-9]+s ago", "now");
        settings.add_filter(r"session-bridge 0\.[0-9.]+", "session-bridge [VERSION]");
        settings.add_filter(r#""version": "0\.[0-9.]+""#, r#""version": "[VERSION]""#);
        settings.bind(check);
    }

    /// Two live sessions: `api` of Codex, a backend; `web` of Claude Code.
    pub(crate) fn two_sessions(&self) -> (SessionId, SessionId) {
        let mut store = self.store();
        let api = arrive(&mut store, "codex", "api", &["backend"]);
        // Lists have the last seen first: the next one is seen in a later millisecond.
        let at = store.now();
        while store.now() == at {
            std::thread::yield_now();
        }
        (api, arrive(&mut store, "claude-code", "web", &[]))
    }
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .map(|c| if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") })
        .collect()
}

pub(crate) fn arrive(store: &mut Store, provider: &str, label: &str, roles: &[&str]) -> SessionId {
    let arrival = Arrival {
        provider,
        short: provider,
        native: label,
        host: None,
        one_per_process: false,
        cwd: Some(Path::new("/src/shop")),
        start: None,
        claimed: None,
        wanted: Wanted {
            label: Some(label.parse().unwrap()),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            room: None,
        },
    };
    store.arrive(&arrival).unwrap().id
}

/// A note without anything that need not be, for somebody who is named `x`.
pub(crate) fn draft(author: Author, body: &str) -> Draft<'_> {
    Draft {
        id: MessageId::generate(),
        author,
        room: "default",
        to: "x",
        kind: Kind::Note,
        subject: None,
        body,
        in_reply_to: None,
        urgency: Urgency::Normal,
        lifetime_ms: None,
    }
}

/// A question from one session to another.
pub(crate) fn question(store: &mut Store, from: SessionId, to: SessionId, body: &str) -> MessageId {
    let asks = draft(Author::Session(from), body);
    let draft = Draft { to: "api", kind: Kind::Question, subject: Some("Ports"), ..asks };
    store.send(&draft, &[to]).unwrap().id
}

/// The session's model reads a message by a tool call, and answers it.
pub(crate) fn answer(store: &mut Store, session: SessionId, message: MessageId, body: &str) -> MessageId {
    let pulled = store.pull(session, Pull::Read(&[message]), Some("call-1"), "server-1").unwrap();
    store.pull_written(pulled.attempt.unwrap()).unwrap();
    session_bridge::post::reply(store, Author::Session(session), message, "answer", None, body).unwrap().id
}
