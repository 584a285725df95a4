//! Wakes that nobody carried out: whoever uses the store next does. A script stands in for Codex.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use session_bridge_core::event::Start;
use session_bridge_core::process;
use session_bridge_store::{Activity, Arrival, Author, Draft, Live, Wanted};

use crate::env::{TestEnvironment, draft};

/// The text of the file once it has one.
fn soon(path: &Path) -> String {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => assert!(Instant::now() < until, "{} was not written", path.display()),
        }
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_next_command_rings_for_a_sender_that_died() {
    let env = TestEnvironment::new();
    let asked = env.path("asked");
    env.program("codex", &format!("echo \"$CODEX_HOME $*\" >> {}", asked.display()));
    let mut store = env.store();
    let host = process::look(std::process::id()).unwrap().key;
    let session = store
        .arrive(&Arrival {
            provider: "codex",
            short: "codex",
            native: "thread-1",
            host: Some(host),
            one_per_process: false,
            cwd: Some(&env.path("project")),
            start: Some(Start::Fresh),
            claimed: None,
            wanted: Wanted::default(),
        })
        .unwrap();
    let folder = store.run().session(session.id);
    folder.set_live(Live { host, activity: Activity::Idle, by_user: true, turn: None }).unwrap();
    folder
        .set_door(&[("PATH", env.path("bin").into_os_string()), ("CODEX_HOME", "/its/own/home".into())])
        .unwrap();
    // Its commit is all that is left of the sender.
    let ana = Author::CommandLine { name: "ana".into(), as_session: None };
    let draft = Draft { to: "codex-project", ..draft(ana, "BODY") };
    let sent = store.send(&draft, &[session.id]).unwrap();
    drop(store);

    assert_eq!(env.run(&["list-sessions"]).code, 0);
    assert!(!asked.exists(), "two seconds are the sender's");
    sleep(Duration::from_millis(2_400));
    assert_eq!(env.run(&["list-sessions"]).code, 0);
    let line = soon(&asked);
    assert!(
        line.starts_with("/its/own/home queue --thread thread-1 --message [session-bridge wake "),
        "{line}"
    );
    assert!(!line.contains("BODY") && line.lines().count() == 1, "{line}");
    let until = Instant::now() + Duration::from_secs(30);
    while env.store().receipts(sent.id).unwrap()[0].steps.len() < 2 {
        assert!(Instant::now() < until, "the receipt says that it was offered");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(env.run(&["list-sessions"]).code, 0);
    assert_eq!(soon(&asked).lines().count(), 1, "once");
}
