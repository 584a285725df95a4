//! A kill between any two steps leaves the old or the new file, and the next run repairs the ledger.

use std::path::Path;
use std::process::{Command, Stdio};

use session_bridge_core::apply::{self, Disk};
use session_bridge_core::plan::{ConfigEdit, Format};

use crate::support::{Machine, plan, server};

/// Tells the child process what to do: home, target, step to die after, `apply` or `revert`.
const CHILD: &str = "SB_TEST_CRASH";

fn edits(path: &Path) -> Vec<ConfigEdit> {
    vec![server(path, Format::Toml)]
}

/// Not a test of its own: the process that is killed. Without instructions it does nothing.
#[test]
fn crash_child() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let mut orders = orders.split('\n').map(str::to_owned);
    let mut next = || orders.next().unwrap();
    let (home, target, step, what) = (next(), next(), next(), next());
    let disk = Disk::new(home).with_failpoint(move |name| {
        if name == step {
            std::process::abort();
        }
    });
    if what == "apply" {
        apply::apply(&plan(edits(Path::new(&target))), &disk).unwrap();
    } else {
        apply::revert("codex", &disk).unwrap();
    }
}

/// Runs the child until it dies after `step`.
fn killed(machine: &Machine, target: &Path, step: &str, what: &str) {
    let orders = [machine.disk.home().to_str().unwrap(), target.to_str().unwrap(), step, what].join("\n");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::crash_child"])
        .env(CHILD, orders)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success(), "{what} was to die after {step}");
}

fn leftovers(machine: &Machine) -> usize {
    let folder = machine.path("c");
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")).count()
}

fn at_every_step(before: Option<&str>) {
    for step in Disk::STEPS {
        for (dies, next) in
            [("apply", "apply"), ("apply", "revert"), ("revert", "revert"), ("revert", "apply")]
        {
            let machine = Machine::new();
            let target = machine.path("c/config.toml");
            if let Some(before) = before {
                machine.write("c/config.toml", before);
            }
            let reference = Machine::new();
            let twin = reference.path("c/config.toml");
            if let Some(before) = before {
                reference.write("c/config.toml", before);
            }
            reference.apply(edits(&twin)).unwrap();
            let installed = reference.read("c/config.toml");

            if dies == "revert" {
                machine.apply(edits(&target)).unwrap();
            }
            killed(&machine, &target, step, dies);
            let now = machine.read("c/config.toml");
            assert!(now == installed || now.as_deref() == before, "{dies} killed after {step}: {now:?}");

            if next == "apply" {
                machine.apply(edits(&target)).unwrap();
                assert_eq!(machine.read("c/config.toml"), installed, "{dies}, {step}, {next}");
            }
            machine.revert().unwrap();
            assert_eq!(machine.read("c/config.toml").as_deref(), before, "{dies}, {step}, {next}");
            assert_eq!(leftovers(&machine), 0, "{dies}, {step}, {next}");
            assert!(!machine.disk.home().join("ledger/codex.json").exists());
            assert_eq!(machine.path("c").exists(), before.is_some(), "{dies}, {step}, {next}");
        }
    }
}

#[test]
fn existing_file() {
    at_every_step(Some("a = 1 # mine\r\n"));
}

#[test]
fn missing_file() {
    at_every_step(None);
}
