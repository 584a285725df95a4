//! What hostile messages, names and arguments make the commands print: nothing that a terminal obeys, and no other sender.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use serde_json::Value;
use session_bridge::post::{self, Outgoing};
use session_bridge_core::id::SessionId;
use session_bridge_core::message::{Urgency, Via};
use session_bridge_forgery::hostile::{Case, Known};
use session_bridge_forgery::screen::obeyed;
use session_bridge_store::{Arrival, Author, Wanted};

use crate::env::{Output, TestEnvironment};

const SEED: u64 = 11;
const MESSAGES: u64 = 12;

fn cases() -> impl Iterator<Item = Case> {
    (0..MESSAGES).map(|number| Case::new(SEED, number, &Known::default()))
}

/// Runs a command for people, with colours, and for programs.
fn clean(env: &TestEnvironment, arguments: &[&str]) -> (Output, Output) {
    let output = env.run(arguments);
    assert_eq!(obeyed(&output.stdout), None, "{arguments:?}: {:?}", output.stdout);
    assert_eq!(obeyed(&output.stderr), None, "{arguments:?}: {:?}", output.stderr);
    let json = env.run(&[arguments, &["--json"]].concat());
    assert_eq!(obeyed(&json.stdout), None, "{arguments:?}: {:?}", json.stdout);
    assert!(!json.stdout.contains('\u{1b}'), "{arguments:?}: colours in JSON");
    for document in serde_json::Deserializer::from_str(&json.stdout).into_iter::<Value>() {
        document.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", json.stdout));
    }
    (output, json)
}

/// A session whose host says whatever a case wants.
fn hostile_session(env: &TestEnvironment, case: &Case) -> SessionId {
    let native = format!("native-{}-{}", case.number, case.summary);
    let arrival = Arrival {
        provider: "codex",
        short: "codex",
        native: &native,
        host: None,
        one_per_process: false,
        cwd: Some(Path::new(&case.folder)),
        start: None,
        claimed: None,
        wanted: Wanted { label: case.label.parse().ok(), ..Wanted::default() },
    };
    let mut store = env.store();
    let session = store.arrive(&arrival).unwrap().id;
    store.set_summary(session, Some(&case.summary)).unwrap();
    session
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let mut env = TestEnvironment::new();
    env.set("CLICOLOR_FORCE", "1");
    let (api, web) = env.two_sessions();
    let mut ids = Vec::new();
    for case in cases() {
        hostile_session(&env, &case);
        let mut store = env.store();
        let sends = |kind| Outgoing {
            author: Author::Session(web),
            room: "default",
            to: "api",
            newest: false,
            kind,
            subject: case.subject.as_deref(),
            body: &case.body,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        let mut sent = post::send(&mut store, &sends(&case.kind));
        if sent.is_err() {
            sent = post::send(&mut store, &sends("note"));
        }
        let id = sent.unwrap().id;
        if case.number % 3 == 0 {
            let reason: String = case.summary.chars().take(400).collect();
            store.decline(api, id, Some(&reason), Via::CommandLine).unwrap();
        }
        ids.push(id.to_string());
    }
    for id in &ids {
        for command in ["read", "receipts", "inspect"] {
            let (people, programs) = clean(&env, &[command, id]);
            assert_eq!((people.code, programs.code), (0, 0), "{command}: {people:?}");
        }
    }
    let count = MESSAGES.to_string();
    let sessions: Vec<SessionId> =
        env.store().sessions(None, true).unwrap().iter().map(|view| view.session.id).collect();
    for session in &sessions {
        clean(&env, &["inspect", &session.to_string()]);
    }
    for arguments in [
        &["list-sessions", "--ended"][..],
        &["inbox", "api", "--all"],
        &["inbox", "web", "--all"],
        &["tail-inbox", "api", "--last", &count, "--count", &count],
        &["inspect", "api"],
        &["doctor"],
        &["whoami"],
    ] {
        clean(&env, arguments);
    }
    let (_, inbox) = clean(&env, &["inbox", "api", "--all"]);
    let inbox = inbox.json();
    let entries = inbox["messages"].as_array().unwrap();
    assert_eq!(entries.len(), ids.len());
    for entry in entries {
        let sender = (entry["from"].as_str(), entry["sender"].as_str(), entry["via"].as_str());
        assert_eq!(sender, (Some("web"), Some(web.to_string().as_str()), Some("session")), "{entry:#}");
    }
    env.set("SESSION_BRIDGE_SESSION_ID", &sessions[0].to_string());
    clean(&env, &["whoami"]);
    clean(&env, &["inbox"]);
}

#[test]
fn what_was_typed_is_not_obeyed_when_it_is_repeated() {
    let mut env = TestEnvironment::new();
    env.set("CLICOLOR_FORCE", "1");
    env.two_sessions();
    for case in cases() {
        // The system passes no NUL in an argument.
        let body: String = case.body.replace('\0', "").chars().take(200).collect();
        let [to, kind, label] = [&case.to, &case.kind, &case.label].map(|text| text.replace('\0', ""));
        let subject = case.subject.unwrap_or_default().replace('\0', "");
        for arguments in [
            &["send-message", "--subject", &subject, "--kind", &kind, "--", &to, &body][..],
            &["send-message", "api", "--subject", &subject, "--", &body],
            &["send-message", "api", "x", "--urgency", &body],
            &["send-message", "api", "x", "--room", &label],
            &["send-message", "api", "x", "--expires", &body],
            &["receipts", "--", &body],
            &["inspect", "--", &label],
            &["inbox", "--", &body],
            &["list-sessions", "--provider", &body],
            &[&body],
        ] {
            clean(&env, arguments);
        }
    }
}

#[test]
fn what_is_no_text_is_refused_in_words() {
    let mut env = TestEnvironment::new();
    env.set("CLICOLOR_FORCE", "1");
    env.two_sessions();
    let broken = || OsString::from_vec(b"\x1b[5mx\xff\xfe\xed\xa0\x80".to_vec());
    for before in [
        &["send-message", "api"][..],
        &["send-message"],
        &["inspect"],
        &["send-message", "api", "x", "--subject"],
    ] {
        for json in [&[][..], &["--json"]] {
            let mut command = env.command(before);
            let output = TestEnvironment::finish(command.arg(broken()).args(json).spawn().unwrap());
            assert_eq!(output.code, 2, "{before:?}: {output:?}");
            assert_eq!(obeyed(&output.stdout), None, "{output:?}");
            assert_eq!(obeyed(&output.stderr), None, "{output:?}");
        }
    }
    let output = env.pipe(&["send-message", "api"], b"\x1b[5m\xff");
    assert_eq!((output.code, obeyed(&output.stderr)), (2, None), "{output:?}");
    assert_eq!(env.store().newest_seq().unwrap(), 0, "nothing was stored");
}
