//! `doctor --selftest`: it finds nothing on a bridge that works, finds what is broken, and leaves nothing behind.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::env::TestEnvironment;

/// A limit for hanging, no figure.
const PATIENCE: Duration = Duration::from_secs(120);
const NAME: &str = ".session-bridge-selftest-";

/// What stands in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

/// The temporary home, once a store is in it for that part.
fn scratch(env: &TestEnvironment, child: &mut Child, part: &str) -> PathBuf {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = names(&env.path("home")).into_iter().find(|name| name.starts_with(NAME));
        if let Some(name) = found
            && env.path("home").join(&name).join(store_of(part)).exists()
        {
            return env.path("home").join(name);
        }
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < until, "no temporary home");
        std::thread::yield_now();
    }
}

fn store_of(part: &str) -> String {
    format!("{part}/bridge/store/bridge-1.db")
}

/// Does this to a store once there are so many messages in it.
fn spoil(path: &Path, least: u32, sql: &str) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    let until = Instant::now() + PATIENCE;
    let stored = || db.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, u32>(0));
    while !stored().is_ok_and(|count| count >= least) {
        assert!(Instant::now() < until, "nothing was sent");
        std::thread::yield_now();
    }
    db.execute_batch(sql).unwrap();
}

#[test]
fn a_bridge_that_works_is_well_and_nothing_stays() {
    let mut env = TestEnvironment::new();
    // Whatever session it is started in has no part in it.
    env.set("SESSION_BRIDGE_SESSION_ID", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    env.set("SESSION_BRIDGE_ROOM", "elsewhere");
    let run = env.run(&["doctor", "--selftest", "--seconds", "2", "--seed", "7", "--json"]);
    let document = run.json();
    assert_eq!((run.code, &document["ok"]), (0, &true.into()), "{document:#}");
    assert!(document["crashes"]["acknowledged"].as_u64().unwrap() > 0, "{document:#}");
    assert!(document["receipts"]["messages"].as_u64().unwrap() > 0, "{document:#}");
    assert!(document["speed"]["sends_by_server"].as_f64().unwrap() > 0.0, "{document:#}");
    assert_eq!(names(&env.path("home")), [""; 0]);
    assert_eq!(run.stderr, "", "no bar where nobody looks");
    assert_snapshot!("selftest_json", serde_json::to_string_pretty(&redacted(document)).unwrap());
}

/// Numbers, and what depends on them, are another each time.
fn redacted(value: Value) -> Value {
    match value {
        Value::Number(_) => "[N]".into(),
        Value::Array(_) => "[…]".into(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name.clone(), redacted(value))).collect()
        }
        Value::String(text) => {
            let plain = text.split(' ').filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
            plain.collect::<Vec<_>>().join(" ").replace("message ", "messages ").into()
        }
        other => other,
    }
}

#[test]
fn an_existing_home_is_neither_read_nor_changed() {
    let env = TestEnvironment::with_clis();
    assert_eq!(env.run(&["init", "--all"]).code, 0);
    let (api, _) = env.two_sessions();
    assert_eq!(env.run(&["send-message", &api.to_string(), "x", "--kind", "status"]).code, 0);
    let tree = || {
        let (mut found, mut todo) = (Vec::new(), vec![env.path("home")]);
        while let Some(folder) = todo.pop() {
            for name in names(&folder) {
                let path = folder.join(name);
                if path.is_dir() {
                    todo.push(path);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        found
    };
    let before = tree();
    let run = env.run(&["doctor", "--selftest", "--seconds", "1"]);
    assert_eq!(run.code, 0, "{}", run.all());
    let paths = |tree: &[(PathBuf, Vec<u8>)]| tree.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    let after = tree();
    assert_eq!(paths(&after), paths(&before));
    let changed: Vec<_> = after.iter().zip(&before).filter(|(now, then)| now != then).collect();
    assert!(changed.is_empty(), "{:?}", changed.iter().map(|(now, _)| &now.0).collect::<Vec<_>>());
}

#[test]
fn mail_that_is_lost_after_it_was_acknowledged_is_found() {
    let env = TestEnvironment::new();
    let mut child = env.spawn(&["doctor", "--selftest", "--seconds", "5", "--json"]);
    let scratch = scratch(&env, &mut child, "crashes");
    let forget =
        "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; DELETE FROM delivery; DELETE FROM message; COMMIT;";
    spoil(&scratch.join(store_of("crashes")), 2, forget);
    let output = TestEnvironment::finish(child);
    let document = output.json();
    assert_eq!((output.code, &document["ok"]), (1, &false.into()), "{document:#}");
    let findings = document["crashes"]["findings"].as_array().unwrap();
    let lost = |finding: &Value| finding.as_str().unwrap().contains("acknowledged and is lost");
    assert!(findings.iter().any(lost), "{document:#}");
    // What was found stays to be looked at, also when another self-test comes by.
    let kept = PathBuf::from(document["kept"].as_str().unwrap());
    assert!(kept.join("crashes/bridge/store").is_dir() && !scratch.exists());
    assert_eq!(env.run(&["doctor", "--selftest", "--seconds", "1"]).code, 0);
    assert!(kept.is_dir());
}

#[test]
fn a_receipt_that_claims_too_much_is_found() {
    let env = TestEnvironment::new();
    let mut child = env.spawn(&["doctor", "--selftest", "--seconds", "5", "--json"]);
    let scratch = scratch(&env, &mut child, "receipts");
    let lie = "CREATE TRIGGER lie AFTER INSERT ON delivery BEGIN
                   UPDATE delivery SET state = 'seen' WHERE seq = NEW.seq AND session = NEW.session;
               END";
    spoil(&scratch.join(store_of("receipts")), 0, lie);
    let output = TestEnvironment::finish(child);
    let document = output.json();
    assert_eq!((output.code, &document["ok"]), (1, &false.into()), "{document:#}");
    let findings = document["receipts"]["findings"].as_array().unwrap();
    let claims = |finding: &Value| finding.as_str().unwrap().contains("a receipt says `seen`, and ");
    assert!(findings.iter().any(claims), "{document:#}");
}

#[test]
fn interrupted_it_cleans_up_and_killed_the_next_doctor_does() {
    let env = TestEnvironment::new();
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::TERM, Some(130)), (Signal::KILL, None)] {
        let mut child = env.spawn(&["doctor", "--selftest", "--seconds", "600"]);
        let scratch = scratch(&env, &mut child, "crashes");
        kill_process(pid(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), code);
        assert_eq!(scratch.exists(), code.is_none());
    }
    // A program that was just started may still write its last file.
    let until = Instant::now() + PATIENCE;
    while !names(&env.path("home")).is_empty() {
        assert!(Instant::now() < until, "it stays");
        env.run(&["doctor"]);
    }
}

#[test]
fn a_terminal_has_a_bar_and_ctrl_c_clears_it() {
    let env = TestEnvironment::new();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let theirs = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = fs::OpenOptions::new().read(true).write(true).open(theirs).unwrap();
    let mut command = env.command(&["doctor", "--selftest", "--seconds", "600"]);
    let mut child = command.env("TERM", "xterm").stderr(theirs).spawn().unwrap();
    drop(command);
    let mut terminal = fs::File::from(ours);
    let (mut said, mut bytes, mut asked) = (String::new(), [0; 4096], false);
    while let Ok(n @ 1..) = terminal.read(&mut bytes) {
        said.push_str(&String::from_utf8_lossy(&bytes[..n]));
        if !asked && said.contains("messages") {
            // What a terminal does at Ctrl-C.
            kill_process(pid(&child), Signal::INT).unwrap();
            asked = true;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(said.contains("crashes") && said.contains("\r\x1b[Kinterrupted"), "{said:?}");
    assert_eq!(names(&env.path("home")), [""; 0]);
}

#[test]
fn what_keeps_it_from_trying_has_a_code() {
    let env = TestEnvironment::new();
    assert_eq!(env.run(&["doctor", "--selftest", "--fix"]).code, 2);
    assert_eq!(env.run(&["doctor", "--selftest", "--provider", "codex"]).code, 2);
    assert_eq!(env.run(&["doctor", "--selftest", "--seconds", "0"]).code, 2);
    assert_eq!(env.run(&["doctor", "--seconds", "5"]).code, 2);
    // Not even the superuser makes a folder there.
    let mut nowhere = TestEnvironment::new();
    nowhere.set("SESSION_BRIDGE_HOME", "/proc/self/session-bridge");
    let run = nowhere.run(&["doctor", "--selftest", "--json"]);
    assert_eq!(run.code, 1);
    let code = run.json()["error"]["code"].as_str().unwrap().to_owned();
    assert!(["file_io", "selftest_denied", "selftest_read_only"].contains(&code.as_str()), "{code}");
}
