//! L14: whatever is wrong with the bridge, a hook ends with success, says nothing, and does so before its host loses
//! patience; for each event that was captured of each provider.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use session_bridge_core::event::Moment;
use session_bridge_core::home::Home;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Role, Store};

use crate::cage::{self, Disk};
use crate::payloads::{self, Payload};

struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// A bridge with a store.
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        drop(Store::open(&world.home(), Role::Cli).unwrap());
        world
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("bridge")
    }

    fn home(&self) -> Home {
        Home::at(self.root())
    }

    fn database(&self) -> PathBuf {
        Store::open(&self.home(), Role::Cli).unwrap().path().to_owned()
    }

    fn hook(&self, provider: &dyn Provider, event: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session-bridge-hook"));
        command.env_clear().env("SESSION_BRIDGE_HOME", self.root());
        command.args([provider.card().id.as_str(), event]);
        command
    }
}

fn limit(provider: &dyn Provider, event: &str) -> Duration {
    Duration::from_secs(provider.card().hook(event).map_or(10, |spec| spec.timeout_secs).into())
}

/// Runs as a host does: one that takes too long is killed.
fn run(command: &mut Command, limit: Duration, stdin: Option<&[u8]>) -> Output {
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let (Some(mut input), Some(bytes)) = (child.stdin.take(), stdin) {
        drop(input.write_all(bytes));
    }
    finish(child, limit)
}

fn finish(mut child: Child, limit: Duration) -> Output {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < limit, "the host would have killed it");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.wait_with_output().unwrap()
}

fn assert_silent(output: &Output, about: &Payload, trouble: &str) {
    let said = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let file = about.file.display();
    assert!(output.status.success(), "{trouble}: {file}: {} {said:?}", output.status);
    assert_eq!((said.0.as_ref(), said.1.as_ref()), ("", ""), "{trouble}: {file}");
}

/// Every payload of every provider meets the trouble.
fn each(trouble: &str, make: impl Fn() -> World) {
    let world = make();
    for provider in PROVIDERS {
        for payload in payloads::of(*provider) {
            let limit = limit(*provider, &payload.event);
            let output = run(&mut world.hook(*provider, &payload.event), limit, Some(&payload.bytes()));
            assert_silent(&output, &payload, trouble);
        }
    }
}

#[test]
fn l14_no_home() {
    let gone = || World { dir: tempfile::tempdir().unwrap() };
    each("no folder", gone);
    for provider in PROVIDERS {
        for payload in payloads::of(*provider) {
            let world = gone();
            let mut command = world.hook(*provider, &payload.event);
            command.env_remove("SESSION_BRIDGE_HOME");
            let output = run(&mut command, limit(*provider, &payload.event), Some(&payload.bytes()));
            assert_silent(&output, &payload, "neither HOME nor SESSION_BRIDGE_HOME");
            assert!(!world.root().exists());
        }
    }
}

#[test]
fn l14_no_store() {
    each("the database is gone", || {
        let world = World::new();
        fs::remove_file(world.database()).unwrap();
        world
    });
    // A bridge that is new makes its store, and may then greet a session that starts; at other events it is silent.
    for provider in PROVIDERS {
        for payload in payloads::of(*provider) {
            let world = World { dir: tempfile::tempdir().unwrap() };
            fs::create_dir(world.root()).unwrap();
            let output = run(
                &mut world.hook(*provider, &payload.event),
                limit(*provider, &payload.event),
                Some(&payload.bytes()),
            );
            let spec = provider.card().hook(&payload.event);
            if spec.is_some_and(|spec| spec.moment == Moment::SessionStart) {
                assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            } else {
                assert_silent(&output, &payload, "no store yet");
            }
        }
    }
}

#[test]
fn l14_a_locked_store() {
    for provider in PROVIDERS {
        for payload in payloads::of(*provider) {
            let world = World::new();
            let holder = rusqlite::Connection::open(world.database()).unwrap();
            holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
            let limit = limit(*provider, &payload.event);
            let output = run(&mut world.hook(*provider, &payload.event), limit, Some(&payload.bytes()));
            assert_silent(&output, &payload, "a locked store");
        }
    }
}

#[test]
fn l14_a_damaged_store() {
    each("no database at all", || {
        let world = World::new();
        fs::write(world.database(), "not a database").unwrap();
        world
    });
    each("pages overwritten", || {
        let world = World::new();
        let path = world.database();
        let mut bytes = fs::read(&path).unwrap();
        bytes[200..].fill(0xa5);
        fs::write(path, bytes).unwrap();
        world
    });
    each("a newer format", || {
        let world = World::new();
        let db = rusqlite::Connection::open(world.database()).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        world
    });
}

#[test]
fn l14_closed_input() {
    let world = World::new();
    for provider in PROVIDERS {
        for payload in payloads::of(*provider) {
            let limit = limit(*provider, &payload.event);
            let mut command = world.hook(*provider, &payload.event);
            assert_silent(&run(&mut command, limit, None), &payload, "an empty input");
            // No descriptor at all; and one that nobody can read.
            for redirect in ["<&-", "0>/dev/null", "</"] {
                let script = format!("exec \"$0\" \"$@\" {redirect}");
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
                shell.env_clear().env("SESSION_BRIDGE_HOME", world.root());
                assert_silent(&run(&mut shell, limit, None), &payload, redirect);
            }
        }
    }
}

#[test]
fn l14_fifty_megabytes_of_input() {
    let world = World::new();
    for provider in PROVIDERS {
        let payload = payloads::of(*provider).remove(0);
        let mut large = payload.json.clone();
        large["prompt"] = "x".repeat(50_000_000).into();
        let mut child = world
            .hook(*provider, &payload.event)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(large.to_string().as_bytes()).expect("the host's write must not fail");
        drop(input);
        assert_silent(&finish(child, limit(*provider, &payload.event)), &payload, "50 MB");
        let log = fs::read_to_string(world.home().log().join("hook.log")).unwrap();
        assert!(log.lines().last().unwrap().contains("larger than 32 MiB"), "{log}");
    }
    let lines = fs::read_to_string(world.home().log().join("hook.log")).unwrap().lines().count();
    assert_eq!(lines, PROVIDERS.len(), "one line each");
}

#[test]
fn l14_a_disk_that_cannot_be_written() {
    let troubles = [Disk::ReadOnly, Disk::Full { free_kib: 0 }, Disk::Full { free_kib: 4 }];
    for trouble in troubles {
        let world = World::new();
        let result = world.dir.path().join("result");
        for provider in PROVIDERS {
            for payload in payloads::of(*provider) {
                let command = world.hook(*provider, &payload.event);
                let output = cage::run(&command, &world.root(), trouble, &result, &payload.bytes());
                assert_silent(&output, &payload, &format!("{trouble:?}"));
                assert!(is_whole(&result), "{trouble:?}: the store is damaged");
            }
        }
    }
}

fn is_whole(root: &Path) -> bool {
    let store = Store::open(&Home::at(root), Role::Cli).unwrap();
    store.integrity().unwrap().is_empty()
}
