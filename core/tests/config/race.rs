//! Several writers at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use serde_json::json;
use session_bridge_core::apply::{self, Disk};
use session_bridge_core::plan::{Clash, EditOp, Format, Plan, State};

use crate::support::{Machine, edit, permission, plan};

#[test]
fn installers_at_once_lose_no_update() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\n  \"a\": 1\n}\n");
    let start = Arc::new(Barrier::new(8));
    let plans: Vec<Plan> = (0..8)
        .map(|index| {
            let at = ["servers", &format!("s{}", index / 2)].into();
            let op = EditOp::Key { at, value: json!({ "n": index / 2 }), clash: Clash::Refuse };
            // Two at a time are the same provider.
            Plan { provider: format!("p{}", index / 2), edits: vec![edit("key", &path, Format::Json, op)] }
        })
        .collect();
    std::thread::scope(|scope| {
        for plan in &plans {
            let (disk, start) = (machine.disk.clone(), Arc::clone(&start));
            scope.spawn(move || {
                start.wait();
                apply::apply(plan, &disk).unwrap();
            });
        }
    });
    let value: serde_json::Value = serde_json::from_str(&machine.read("settings.json").unwrap()).unwrap();
    assert_eq!(value["servers"].as_object().unwrap().len(), 4);
    for plan in &plans {
        assert_eq!(apply::check(plan, &machine.disk).unwrap()[0].state, State::Present);
    }
    for plan in &plans {
        apply::revert(&plan.provider, &machine.disk).unwrap();
    }
    let left: serde_json::Value = serde_json::from_str(&machine.read("settings.json").unwrap()).unwrap();
    assert_eq!(left["a"], 1);
    assert!(left.get("servers").is_none_or(|servers| servers.as_object().unwrap().is_empty()));
}

/// A host that writes when we have read, `times` times.
fn meddled(times: usize) -> (Machine, Result<apply::Applied, session_bridge_core::edit::ConfigError>) {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{\"n\": 0}");
    let count = AtomicUsize::new(0);
    let disk = machine.disk.clone().with_failpoint({
        let path = path.clone();
        move |step| {
            if step == "temp-written" && count.load(Ordering::Relaxed) < times {
                let n = count.fetch_add(1, Ordering::Relaxed) + 1;
                std::fs::write(&path, format!("{{\"n\": {n}}}")).unwrap();
            }
        }
    });
    let result = apply::apply(&plan(vec![permission(&path, Format::Json)]), &disk);
    (machine, result)
}

#[test]
fn a_host_that_writes_meanwhile_is_not_overwritten() {
    let (machine, result) = meddled(2);
    result.unwrap();
    let value: serde_json::Value = serde_json::from_str(&machine.read("settings.json").unwrap()).unwrap();
    assert_eq!(value, json!({ "n": 2, "permissions": { "allow": ["mcp__session-bridge"] } }));
    machine.revert().unwrap();
    assert_eq!(machine.read("settings.json").unwrap(), "{\"n\": 2}");
}

#[test]
fn a_host_that_never_stops_writing_makes_us_give_up() {
    let (machine, result) = meddled(usize::MAX);
    assert_eq!(result.unwrap_err().code(), "config_busy");
    assert_eq!(machine.read("settings.json").unwrap(), "{\"n\": 3}");
    assert_eq!(std::fs::read_dir(machine.path("")).unwrap().count(), 1, "no temporary file stays");
    assert!(!machine.disk.home().join("ledger/codex.json").exists());
}

#[test]
fn a_host_that_writes_right_after_is_reported() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}");
    let disk = machine.disk.clone().with_failpoint({
        let path = path.clone();
        move |step| {
            if step == "recorded" {
                std::fs::write(&path, "{}").unwrap();
            }
        }
    });
    let applied = apply::apply(&plan(vec![permission(&path, Format::Json)]), &disk).unwrap();
    assert_eq!(applied.overtaken, std::slice::from_ref(&path));
    assert_eq!(machine.states(vec![permission(&path, Format::Json)]), [State::Absent]);
}

#[test]
fn a_held_lock_is_busy_and_not_for_ever() {
    let machine = Machine::new();
    let path = machine.write("settings.json", "{}");
    let inner = machine.disk.clone().with_patience(Duration::from_millis(30));
    let target = path.clone();
    let disk: Disk = machine.disk.clone().with_failpoint(move |step| {
        if step == "locked" {
            let other = Plan { provider: "other".to_owned(), edits: vec![permission(&target, Format::Json)] };
            assert_eq!(apply::apply(&other, &inner).unwrap_err().code(), "config_busy");
            let same = plan(vec![permission(&target, Format::Json)]);
            assert_eq!(apply::apply(&same, &inner).unwrap_err().code(), "config_busy");
        }
    });
    apply::apply(&plan(vec![permission(&path, Format::Json)]), &disk).unwrap();
}
