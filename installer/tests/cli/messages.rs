//! Sending, listing, reading: each command once for people and once for programs.

use insta::assert_snapshot;
use session_bridge_core::limits::Limits;

use crate::env::{TestEnvironment, answer, question};

#[test]
fn sessions_are_listed() {
    let env = TestEnvironment::new();
    env.settled(|| assert_snapshot!("list_sessions_none", env.run(&["list-sessions"]).all()));
    let (api, web) = env.two_sessions();
    env.store().set_summary(api, Some("porting\n\u{1b}[31mthe checkout")).unwrap();
    question(&mut env.store(), web, api, "which port?");
    env.settled(|| {
        assert_snapshot!("list_sessions", env.run(&["list-sessions", "--provider", "codex"]).all());
        assert_snapshot!(
            "list_sessions_json",
            env.run(&["list-sessions", "--provider", "codex", "--json"]).all()
        );
    });
    assert_eq!(env.run(&["list-sessions", "--json"]).json()["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_message_is_sent_from_an_argument_a_file_or_a_pipe() {
    let env = TestEnvironment::new();
    let (api, _) = env.two_sessions();
    env.settled(|| {
        assert_snapshot!("send_message", env.run(&["send-message", "api", "hello"]).all());
        assert_snapshot!(
            "send_message_json",
            env.run(&[
                "send-message",
                "backend",
                "hello",
                "--kind",
                "status",
                "--subject",
                "S",
                "--expires",
                "5m",
                "--json"
            ])
            .all()
        );
    });
    env.write("project/body.txt", "from a file\n");
    assert_eq!(env.run(&["send-message", "api", "--body-file", "body.txt"]).code, 0);
    assert_eq!(env.pipe(&["send-message", "api"], b"piped\n").code, 0);
    assert_eq!(env.pipe(&["send-message", "api", "-"], b"dash").code, 0);
    let entries = env.store().inbox(api, session_bridge_store::View::All, 50).unwrap();
    let bodies: Vec<&str> = entries.iter().map(|entry| entry.message.body.as_str()).collect();
    assert_eq!(bodies, ["hello", "hello", "from a file\n", "piped", "dash"]);
    let message = &entries[1].message;
    assert_eq!((message.kind.as_str(), message.subject.as_deref()), ("status", Some("S")));
    assert_eq!(message.expires.unwrap() - message.created, 300_000);
    assert_eq!((message.from.as_str(), message.sender), ("ana", None));
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_code() {
    let env = TestEnvironment::new();
    env.two_sessions();
    let big = "x".repeat(Limits::default().body_bytes + 1);
    assert_eq!(
        env.pipe(&["send-message", "api", "--json"], big.as_bytes()).json()["error"]["code"],
        "body_too_large"
    );
    assert_eq!(
        env.pipe(&["send-message", "api", "--json"], &[0xff, 0xfe]).json()["error"]["code"],
        "body_not_text"
    );
    assert_eq!(env.run(&["send-message", "api", "--json"]).json()["error"]["code"], "empty_body");
    assert_eq!(
        env.run(&["send-message", "nobody", "x", "--json"]).json()["error"]["code"],
        "unknown_recipient"
    );
    assert_eq!(
        env.run(&["send-message", "api", "x", "--kind", "system", "--json"]).json()["error"]["code"],
        "bad_kind"
    );
    let absent = env.run(&["send-message", "api", "--body-file", "absent", "--json"]);
    assert_eq!((absent.code, absent.json()["error"]["code"].as_str()), (1, Some("file_io")));
    assert_eq!(env.store().newest_seq().unwrap(), 0);
}

#[test]
fn a_session_lends_its_address_and_the_reader_is_told_all_the_same() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    assert_eq!(env.run(&["send-message", "api", "hi", "--as", "web"]).code, 0);
    let message = env.store().inbox(api, session_bridge_store::View::All, 1).unwrap().remove(0).message;
    assert_eq!((message.from.as_str(), message.sender), ("web", Some(web)));
    assert_eq!(message.via, session_bridge_core::message::Via::CommandLine);
    env.settled(|| assert_snapshot!("read_as_session", env.run(&["read", &message.id.to_string()]).all()));
}

#[test]
fn a_broadcast_reaches_everybody_else_and_expires() {
    let env = TestEnvironment::new();
    env.two_sessions();
    let sent = env.run(&["broadcast", "lunch", "--as", "web", "--json"]).json();
    assert_eq!(sent["recipients"].as_array().unwrap().len(), 1);
    assert_eq!(sent["recipients"][0]["label"], "api");
    let read = env.run(&["read", sent["id"].as_str().unwrap(), "--json"]).json();
    assert_eq!(read["expires"].as_i64().unwrap() - read["created"].as_i64().unwrap(), 3_600_000);
    for (words, lifetime) in [(&["--expires", "2h"][..], 7_200_000), (&[], 3_600_000)] {
        let sent = env.run(&[&["send-message", "*", "lunch", "--json"], words].concat()).json();
        let message = env.store().message(sent["id"].as_str().unwrap().parse().unwrap()).unwrap();
        assert_eq!(message.expires.unwrap() - message.created, lifetime, "{words:?}");
    }
    env.settled(|| assert_snapshot!("broadcast", env.run(&["broadcast", "lunch", "--as", "web"]).all()));
}

#[test]
fn an_inbox_is_headers_and_looking_changes_nothing() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    question(&mut env.store(), web, api, "which port?");
    env.settled(|| {
        assert_snapshot!("inbox", env.run(&["inbox", "api"]).all());
        assert_snapshot!("inbox_json", env.run(&["inbox", "api", "--json"]).all());
        assert_snapshot!("inbox_empty", env.run(&["inbox", "web"]).all());
        assert_snapshot!("inbox_command_line", env.run(&["inbox"]).all());
    });
    let states: Vec<_> = env
        .store()
        .inbox(api, session_bridge_store::View::All, 5)
        .unwrap()
        .into_iter()
        .map(|e| e.state)
        .collect();
    assert_eq!(states, [session_bridge_store::State::Stored]);
}

#[test]
fn a_message_is_read_whole_by_a_beginning_of_its_id() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id =
        question(&mut env.store(), web, api, "which port?\n\n\u{1b}]0;title\u{7}8080\u{202e}?").to_string();
    env.settled(|| {
        assert_snapshot!("read", env.run(&["read", &id[..20]]).all());
        assert_snapshot!("read_json", env.run(&["read", &id.to_lowercase(), "--json"]).all());
        assert_snapshot!("read_unknown", env.run(&["read", "01ZZZZZ"]).all());
    });
}

#[test]
fn receipts_show_every_step_with_its_evidence() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let id = question(&mut store, web, api, "which port?");
    answer(&mut store, api, id, "8080");
    let id = id.to_string();
    env.settled(|| {
        assert_snapshot!("receipts", env.run(&["receipts", &id]).all());
        assert_snapshot!("receipts_json", env.run(&["receipts", &id, "--json"]).all());
        assert_snapshot!("inspect_message", env.run(&["inspect", &id]).all());
        assert_snapshot!("inspect_message_json", env.run(&["inspect", &id, "--json"]).all());
    });
}

#[test]
fn a_session_is_inspected_by_label_or_id() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    question(&mut env.store(), web, api, "which port?");
    env.settled(|| {
        assert_snapshot!("inspect_session", env.run(&["inspect", "api"]).all());
        assert_snapshot!("inspect_session_json", env.run(&["inspect", &api.to_string(), "--json"]).all());
        assert_snapshot!("inspect_unknown", env.run(&["inspect", "nothing-like-it"]).all());
    });
}

#[test]
fn a_reply_answers_for_a_session_or_for_the_person() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let id = question(&mut env.store(), web, api, "which port?");
    env.settled(|| {
        assert_snapshot!("reply", env.run(&["reply", &id.to_string(), "8080", "--as", "api"]).all());
    });
    let receipt = env.store().receipts(id).unwrap().remove(0);
    assert_eq!(receipt.state, session_bridge_store::State::Answered);
    assert_eq!(
        receipt.steps.last().unwrap().evidence.as_deref(),
        Some("reply by a person at the command line")
    );
    let to = env.run(&["reply", &id.to_string(), "and 9090", "--json"]).json();
    assert_eq!(to["recipients"][0]["label"], "web");
}

#[test]
fn a_message_is_withdrawn_until_it_went_out() {
    let env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let first = question(&mut store, web, api, "which port?").to_string();
    let second = question(&mut store, web, api, "which host?");
    env.settled(|| {
        assert_snapshot!("cancel", env.run(&["cancel", &first]).all());
        assert_snapshot!("cancel_again_json", env.run(&["cancel", &first, "--json"]).all());
    });
    answer(&mut store, api, second, "localhost");
    env.settled(|| assert_snapshot!("cancel_out", env.run(&["cancel", &second.to_string()]).all()));
}

#[test]
fn a_shell_knows_whose_it_is() {
    let mut env = TestEnvironment::new();
    let (api, web) = env.two_sessions();
    env.settled(|| {
        assert_snapshot!("whoami_command_line", env.run(&["whoami"]).all());
        assert_snapshot!("whoami_command_line_json", env.run(&["whoami", "--json"]).all());
    });
    question(&mut env.store(), web, api, "which port?");
    env.set("SESSION_BRIDGE_SESSION_ID", &api.to_string());
    env.settled(|| {
        assert_snapshot!("whoami_session", env.run(&["whoami"]).all());
        assert_snapshot!("whoami_session_json", env.run(&["whoami", "--json"]).all());
    });
    assert_eq!(env.run(&["inbox", "--json"]).json()["of"]["label"], "api");
}

#[test]
fn a_shell_below_a_host_is_in_its_session() {
    let env = TestEnvironment::new();
    let host = session_bridge_core::process::look(std::process::id()).unwrap().key;
    let mut store = env.store();
    let arrival = session_bridge_store::Arrival {
        provider: "claude-code",
        short: "claude",
        native: "n1",
        host: Some(host),
        one_per_process: true,
        cwd: None,
        start: None,
        claimed: None,
        wanted: session_bridge_store::Wanted::default(),
    };
    let session = store.arrive(&arrival).unwrap();
    let who = env.run(&["whoami", "--json"]).json();
    assert_eq!(who["session"]["session"], session.id.to_string());
    assert_eq!(who["by"], "host process");
}

#[test]
fn versions_and_completions() {
    let env = TestEnvironment::new();
    env.settled(|| {
        assert_snapshot!("version", env.run(&["version"]).all());
        assert_snapshot!("version_json", env.run(&["version", "--json"]).all());
    });
    for shell in ["bash", "zsh", "fish"] {
        let script = env.run(&["completions", shell]);
        assert!(script.code == 0 && script.stdout.contains("send-message"), "{shell}");
        assert_eq!(env.run(&["completions", shell, "--json"]).json()["script"], script.stdout);
    }
}
