//! A bridge's home, the real hook, and what a provider's host would say to it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use session_bridge_architecture::root;
use session_bridge_core::event::{HookCall, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::provider::Provider;
use session_bridge_store::{Author, Draft, Store};
use tempfile::TempDir;

pub(crate) struct World {
    folder: TempDir,
    pub(crate) home: Home,
}

/// One turn of one session, as captured from the real CLI: event names with their payloads.
pub(crate) struct Moments {
    pub(crate) start: (String, Vec<u8>),
    pub(crate) prompt: (String, Vec<u8>),
    /// The first event of the turn at which bodies go out: the prompt, or a tool where prompts take no text.
    pub(crate) first: (String, Vec<u8>),
    /// The request to the model, where the host shows it.
    pub(crate) request: Option<(String, Vec<u8>)>,
    pub(crate) end: (String, Vec<u8>),
}

impl Moments {
    pub(crate) fn of(provider: &dyn Provider) -> Self {
        let card = provider.card();
        let version = card.verified.last().unwrap().version;
        let folder = root().join("providers").join(card.id.as_str()).join("fixtures").join(version);
        let payload = |moment: Moment| {
            let event = card.hooks.iter().find(|spec| spec.moment == moment).unwrap().event;
            let mut name = String::new();
            for c in event.chars() {
                if c.is_ascii_uppercase() && !name.is_empty() {
                    name.push('-');
                }
                name.push(c.to_ascii_lowercase());
            }
            let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            (event.to_owned(), text.replace("$PROJECT", "/src/project").into_bytes())
        };
        let at_prompt = card.inject_at(Moment::PromptSubmit).is_some_and(|inject| inject.bodies);
        Self {
            first: payload(if at_prompt { Moment::PromptSubmit } else { Moment::AfterTool }),
            start: payload(Moment::SessionStart),
            prompt: payload(Moment::PromptSubmit),
            request: card
                .hooks
                .iter()
                .any(|spec| spec.moment == Moment::ModelRequest)
                .then(|| payload(Moment::ModelRequest)),
            end: payload(Moment::TurnEnd),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("session-bridge-").unwrap();
        let home = Home::at(folder.path().join("bridge"));
        fs::create_dir(home.root()).unwrap();
        Self { folder, home }
    }

    /// The prompt and, where the host shows it, the request that holds what the hook said to it. Gives what it said.
    pub(crate) fn first(&self, provider: &dyn Provider, moments: &Moments) -> String {
        let id = provider.card().id.as_str();
        let said = self.hook(&[id, &moments.first.0], &moments.first.1);
        if let Some((event, payload)) = &moments.request {
            let captured = provider.decode(&HookCall { event, stdin: payload }).unwrap().echo.unwrap();
            let attempt = said.split_once("delivery ").map_or("", |(_, rest)| &rest[..26]);
            let text = String::from_utf8(payload.clone()).unwrap();
            self.hook(&[id, event], text.replace(&captured.to_string(), attempt).as_bytes());
        }
        said
    }

    /// Runs the hook as a host would and gives its output. It must end well and in time, whatever it was told.
    pub(crate) fn hook(&self, arguments: &[&str], stdin: &[u8]) -> String {
        self.run(arguments, stdin, true)
    }

    pub(crate) fn hook_without_home(&self, arguments: &[&str], stdin: &[u8]) -> String {
        self.run(arguments, stdin, false)
    }

    fn run(&self, arguments: &[&str], stdin: &[u8], with_home: bool) -> String {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hook-under-test"));
        command.args(arguments).env_clear().current_dir(self.folder.path());
        if with_home {
            command.env("SESSION_BRIDGE_HOME", self.home.root());
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A hook that has nothing to read may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{arguments:?} took {:?}", began.elapsed());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Overwrites the middle of the database, as a bad disk would.
    pub(crate) fn damage_the_store(&self) {
        let path = Store::open(&self.home, session_bridge_store::Role::Cli).unwrap().path().to_owned();
        fs::write(&path, vec![0x5a; 64 * 1024]).unwrap();
    }
}

/// The only session.
pub(crate) fn session(store: &mut Store) -> SessionId {
    let sessions = store.sessions(None, false).unwrap();
    assert_eq!(sessions.len(), 1);
    sessions[0].session.id
}

pub(crate) fn send(store: &mut Store, to: SessionId, body: &str) -> MessageId {
    let draft = Draft {
        id: MessageId::generate(),
        author: Author::CommandLine { name: "tester".into(), as_session: None },
        room: "default",
        to: "the session",
        kind: Kind::Question,
        subject: None,
        body,
        in_reply_to: None,
        urgency: Urgency::Normal,
        lifetime_ms: None,
    };
    store.send(&draft, &[to]).unwrap().id
}

/// How many deliveries are beyond `stored` without an attempt that carried them.
pub(crate) fn unrecorded(store: &Store) -> i64 {
    let db = rusqlite::Connection::open(store.path()).unwrap();
    db.query_row(
        "SELECT count(*) FROM delivery d WHERE d.state IN ('offered', 'injected', 'seen') AND NOT EXISTS
         (SELECT 1 FROM item i JOIN attempt a ON a.id = i.attempt WHERE i.seq = d.seq AND a.session = d.session)",
        [],
        |row| row.get(0),
    )
    .unwrap()
}

pub(crate) fn sql(path: &Path, statement: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(statement).unwrap();
}
