//! L16: with every provider installed in one home, each captured event of each reaches exactly one adapter and one
//! session: the host runs what its own files name, and nobody else's adapter takes part.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use session_bridge_core::event::{HookCall, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::host::FakeHost;
use session_bridge_core::provider::{Provider, Scope};
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Role, Store};

use crate::payloads;

pub(crate) struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// A home with every provider's CLI and the bridge in all of them.
    pub(crate) fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(machine.path("home")).unwrap();
        fs::create_dir_all(machine.path("bin")).unwrap();
        for provider in PROVIDERS {
            let card = provider.card();
            for binary in card.binaries {
                let path = machine.path("bin").join(binary);
                let version = card.verified.first().map_or("1.0.0", |verified| verified.version);
                fs::write(&path, format!("#!/bin/sh\necho {binary} {version}\n")).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        let out = Command::new(env!("CARGO_BIN_EXE_session-bridge"))
            .args(["init", "--all", "--json"])
            .env_clear()
            .env("HOME", machine.path("home"))
            .env("PATH", machine.path("bin"))
            .current_dir(machine.path("home"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The commands that a provider's files name for an event, as its host starts them.
    pub(crate) fn installed(&self, provider: &dyn Provider, event: &str) -> Vec<Command> {
        let site = provider.locate(&FakeHost::at(self.path("home")), &Scope::User).unwrap();
        let text = fs::read_to_string(&site.hooks_file).unwrap();
        if site.hooks_file.extension().is_some_and(|extension| extension == "js") {
            return self.of_plugin(&text, provider, event).into_iter().collect();
        }
        let config: Value = serde_json::from_str(&text).unwrap();
        let groups = config["hooks"][event].as_array().cloned().unwrap_or_default();
        // An entry stands in a group, or by itself.
        let entries = groups.iter().flat_map(|group| match group["hooks"].as_array() {
            Some(entries) => entries.iter().collect(),
            None => vec![group],
        });
        entries.map(|entry| self.command(entry)).collect()
    }

    /// A plugin of ours starts the program that it names, with its provider's id and the events that it names.
    fn of_plugin(&self, text: &str, provider: &dyn Provider, event: &str) -> Option<Command> {
        let strings = || text.split('"').skip(1).step_by(2);
        let program = strings().find(|word| word.ends_with("/session-bridge-hook")).unwrap();
        let id = provider.card().id.as_str();
        assert!(strings().any(|word| word == id), "the plugin says whose it is");
        strings().find(|word| *word == event)?;
        let mut command = Command::new(program);
        command.args([id, event]).env_clear().env("HOME", self.path("home")).current_dir(self.dir.path());
        Some(command)
    }

    /// With arguments of its own an entry names a program; without, it is a line for the shell.
    fn command(&self, entry: &Value) -> Command {
        let line = entry["command"].as_str().unwrap();
        let words: Vec<&str> = match entry["args"].as_array() {
            Some(args) => std::iter::once(line).chain(args.iter().filter_map(Value::as_str)).collect(),
            None => vec!["/bin/sh", "-c", line],
        };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command.env_clear().env("HOME", self.path("home")).current_dir(self.dir.path());
        command
    }

    pub(crate) fn sessions(&self) -> BTreeSet<(String, String)> {
        let home = Home::at(self.path("home/.session-bridge"));
        let mut store = Store::open(&home, Role::Cli).unwrap();
        let views = store.sessions(None, true).unwrap();
        views.into_iter().map(|view| (view.session.provider, view.session.native)).collect()
    }
}

/// Runs a hook to its end and returns what it said.
pub(crate) fn run(command: &mut Command, stdin: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[test]
fn l16_each_event_reaches_one_adapter_and_one_session() {
    let machine = Machine::new();
    let mut expected = BTreeSet::new();
    for provider in PROVIDERS {
        let id = provider.card().id.as_str();
        let mut reached = 0;
        for payload in payloads::of(*provider) {
            let file = payload.file.display();
            let commands = machine.installed(*provider, &payload.event);
            let declared = provider.card().hook(&payload.event).is_some();
            assert_eq!(commands.len(), usize::from(declared), "{file}: entries for {}", payload.event);
            for mut command in commands {
                let stdin = payload.bytes();
                let event = provider.decode(&HookCall { event: &payload.event, stdin: &stdin }).unwrap();
                // A file that changed says nothing of its session.
                if event.subagent.is_none() && event.moment != Moment::Doorbell {
                    expected.insert((id.to_owned(), event.native.to_string()));
                }
                run(&mut command, &stdin);
                assert_eq!(machine.sessions(), expected, "after {file}");
                reached += 1;
            }
        }
        assert!(reached > 0, "no event of {id} was captured that it installs for");
    }
    assert_eq!(expected.iter().map(|(provider, _)| provider).collect::<BTreeSet<_>>().len(), PROVIDERS.len());
    assert!(!Path::new(&machine.path("home/.session-bridge/log/hook.log")).exists(), "nothing failed");
}

/// No host reads a file that another provider's plan writes to.
#[test]
fn l16_no_file_is_two_providers() {
    let machine = Machine::new();
    let mut files = BTreeSet::new();
    for provider in PROVIDERS {
        let site = provider.locate(&FakeHost::at(machine.path("home")), &Scope::User).unwrap();
        for file in BTreeSet::from([site.hooks_file, site.mcp_file]) {
            let text = fs::read_to_string(&file).unwrap();
            for other in PROVIDERS.iter().filter(|other| other.card().id != provider.card().id) {
                let call = format!("session-bridge-hook {}", other.card().id);
                assert!(!text.contains(&call), "{} calls {}", file.display(), other.card().id);
            }
            assert!(files.insert(file.clone()), "{} is two providers'", file.display());
        }
    }
}
