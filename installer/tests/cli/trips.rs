//! `doctor` runs what stands in each CLI's configuration: a message goes through each hook, each server is called, and
//! nothing of the user's is touched.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use session_bridge_core::event::Moment;
use session_bridge_core::host::FakeHost;
use session_bridge_core::probe::{self, Probe};
use session_bridge_core::provider::{Scope, Want};
use session_bridge_providers::PROVIDERS;

use crate::env::TestEnvironment;

/// A machine with a program for each provider, of the version that was verified last, and a temporary folder of its own.
fn machine() -> TestEnvironment {
    let mut env = TestEnvironment::new();
    for provider in PROVIDERS {
        let card = provider.card();
        let version = card.verified.last().map_or("0.0.0", |verified| verified.version);
        // What else it is asked has no answer.
        let program = card.binaries[0];
        env.program(program, &format!("[ \"$1\" = --version ] && echo '{program} {version}'"));
    }
    fs::create_dir(env.path("tmp")).unwrap();
    let tmp = env.path("tmp").display().to_string();
    env.set("TMPDIR", &tmp);
    env
}

fn install(env: &TestEnvironment, provider: &str) {
    let done = env.run(&["init", "--provider", provider]);
    assert_eq!(done.code, 0, "{done:?}");
}

fn look(env: &TestEnvironment, provider: &str) -> Value {
    env.run(&["doctor", "--provider", provider, "--json"]).json()
}

fn check<'d>(document: &'d Value, id: &str) -> &'d Value {
    let mut found = document["checks"].as_array().unwrap().iter().filter(|check| check["id"] == id);
    found.next().unwrap_or_else(|| panic!("{id}: {document:#}"))
}

/// Every file below the bridge's home, with its bytes; links by where they lead.
fn home_tree(env: &TestEnvironment) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo = vec![env.home().root().to_owned()];
    while let Some(folder) = todo.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if let Ok(to) = fs::read_link(&path) {
                found.push((path, to.into_os_string().into_encoded_bytes()));
            } else if path.is_dir() {
                todo.push(path);
            } else {
                found.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Processes that were started in this machine and still run, by their current folder.
fn left_behind(env: &TestEnvironment) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let folders = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    folders.filter(|folder| folder.starts_with(env.path("tmp"))).collect()
}

#[test]
fn a_message_goes_through_every_providers_hook_and_leaves_no_trace() {
    let mut env = machine();
    // It may run inside a session of an agent, whose variables are of no account.
    let (api, _) = env.two_sessions();
    env.set("SESSION_BRIDGE_SESSION_ID", &api.to_string());
    env.set("CLAUDE_CODE_SESSION_ID", "outer");
    for provider in PROVIDERS {
        install(&env, provider.card().id.as_str());
    }
    // What an open store leaves beside its file comes and goes with whoever looks.
    let kept = |tree: Vec<(PathBuf, Vec<u8>)>| {
        let of_store = |path: &PathBuf| path.starts_with(env.home().store());
        tree.into_iter().filter(|(path, _)| !of_store(path)).collect::<Vec<_>>()
    };
    let before = (env.tree(), kept(home_tree(&env)), env.run(&["list-sessions", "--json"]).stdout);
    for provider in PROVIDERS {
        let id = provider.card().id.as_str();
        let doctor = look(&env, id);
        assert_eq!(check(&doctor, "hook")["level"], "ok", "{doctor:#}");
        assert_eq!(check(&doctor, "mcp")["level"], "ok", "{doctor:#}");
        let summary = &doctor["providers"][0];
        assert_eq!(summary["provider"], id);
        assert_eq!(
            (&summary["hook_works"], &summary["server_works"], &summary["configured"]),
            (&json!(true), &json!(true), &json!(true)),
            "{doctor:#}"
        );
        // Nobody has used it yet: that is another question.
        assert_eq!((&summary["last_event"], &summary["last_hello"]), (&Value::Null, &Value::Null));
        assert_eq!(check(&doctor, "alive")["level"], "note");
    }
    let after = (env.tree(), kept(home_tree(&env)), env.run(&["list-sessions", "--json"]).stdout);
    assert_eq!(before, after);
    assert_eq!(fs::read_dir(env.path("tmp")).unwrap().count(), 0);
    assert_eq!(left_behind(&env), Vec::<PathBuf>::new());
}

#[test]
fn a_provider_without_the_bridge_is_not_tried_and_that_is_said() {
    let env = machine();
    let doctor = look(&env, "codex");
    assert_eq!(check(&doctor, "installed")["level"], "warn");
    let ids: Vec<&Value> = doctor["checks"].as_array().unwrap().iter().map(|check| &check["id"]).collect();
    assert!(!ids.contains(&&json!("hook")) && !ids.contains(&&json!("mcp")), "{doctor:#}");
    assert_eq!(doctor["providers"], json!([]));
}

#[test]
fn entries_that_are_not_as_planned_are_not_tried() {
    let env = machine();
    install(&env, "claude-code");
    fs::remove_file(env.path("home/.claude.json")).unwrap();
    let doctor = look(&env, "claude-code");
    assert_eq!(check(&doctor, "hook")["level"], "note");
    assert!(check(&doctor, "hook")["summary"].as_str().unwrap().contains("were not tried"), "{doctor:#}");
    let summary = &doctor["providers"][0];
    assert_eq!((&summary["configured"], &summary["hook_works"]), (&json!(false), &Value::Null));
}

/// Puts a script in the place of one of our programs.
fn replace(env: &TestEnvironment, program: &str, script: &str) {
    let path = env.home().bin(program);
    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_hook_that_does_anything_else_is_found_out() {
    let env = machine();
    install(&env, "claude-code");
    let real = fs::read_link(env.home().hook_program()).unwrap().display().to_string();
    for (script, why) in [
        ("exit 0", "took no note of the session"),
        ("echo oh dear >&2; exit 3", "ended with exit status: 3: oh dear"),
        (&format!("exec {real} \"$@\" >/dev/null"), "had no answer, though a message waits"),
        (&format!("echo hello; exec {real} \"$@\""), "is not what Claude Code reads"),
        // A pipe that it leaves open, too.
        ("/bin/sleep 600 & /bin/sleep 600", "it did not end within 5 s"),
    ] {
        replace(&env, "session-bridge-hook", script);
        let doctor = env.run(&["doctor", "--provider", "claude-code", "--json"]);
        let hook = check(&doctor.json(), "hook").clone();
        assert_eq!((doctor.code, &hook["level"]), (1, &json!("fail")), "{hook:#}");
        assert!(hook["summary"].as_str().unwrap().contains(why), "{hook:#}");
        assert!(hook["summary"].as_str().unwrap().contains("session-bridge-hook"), "{hook:#}");
        assert_eq!(fs::read_dir(env.path("tmp")).unwrap().count(), 0);
    }
    assert_eq!(env.run(&["doctor", "--provider", "claude-code", "--fix"]).code, 1, "a file of its own stays");
}

#[test]
fn a_server_that_does_not_serve_is_found_out() {
    let env = machine();
    install(&env, "codex");
    for (script, why) in [
        ("exit 0", "it ended"),
        (
            "while read -r line; do echo \"${line%%\\\"method*}\\\"result\\\":{}}\"; done",
            "it offers no tools",
        ),
    ] {
        replace(&env, "session-bridge", script);
        let doctor = look(&env, "codex");
        assert_eq!(check(&doctor, "mcp")["level"], "fail", "{doctor:#}");
        assert!(check(&doctor, "mcp")["summary"].as_str().unwrap().contains(why), "{doctor:#}");
        assert_eq!(check(&doctor, "hook")["level"], "ok", "{doctor:#}");
        assert_eq!(doctor["providers"][0]["server_works"], false);
    }
}

/// Plays a host: greets the installed server.
fn greet(env: &TestEnvironment, client: &str) -> Child {
    let mut server = Command::new(env.home().main_program())
        .arg("mcp")
        .env_clear()
        .env("HOME", env.path("home"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let info = json!({"name": client, "version": "7.8"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info});
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    writeln!(server.stdin.as_mut().unwrap(), "{hello}\n{ready}").unwrap();
    server
}

#[test]
fn configured_is_told_from_seen_alive() {
    let env = machine();
    for provider in PROVIDERS {
        let card = provider.card();
        let id = card.id.as_str();
        install(&env, id);
        let start = card.hooks.iter().find(|spec| spec.moment == Moment::SessionStart).unwrap();
        let project = env.path("project");
        let probe = Probe { event: start.event, session: "s-1", turn: "t-1", nonce: "n", cwd: &project };
        let mut hook = Command::new(env.home().hook_program())
            .args([id, start.event])
            .env_clear()
            .env("HOME", env.path("home"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        hook.stdin.take().unwrap().write_all(provider.probe(&probe).to_string().as_bytes()).unwrap();
        assert!(hook.wait().unwrap().success());
        let doctor = look(&env, id);
        assert!(doctor["providers"][0]["last_event"].is_i64(), "{doctor:#}");
        assert_eq!(check(&doctor, "alive")["level"], "note", "no host greeted a server: {doctor:#}");

        let mut server = greet(&env, card.mcp_clients[0]);
        let hello = env.path("home/.session-bridge/run/hello").join(id);
        while !fs::read_to_string(&hello).is_ok_and(|client| client.ends_with("7.8")) {
            std::thread::yield_now();
        }
        drop(server.stdin.take());
        server.wait().unwrap();
        let doctor = look(&env, id);
        let alive = check(&doctor, "alive");
        assert_eq!(alive["level"], "ok", "{doctor:#}");
        let want = format!("from {} 7.8", card.mcp_clients[0]);
        assert!(alive["summary"].as_str().unwrap().ends_with(&want), "{alive}");
        assert!(doctor["providers"][0]["last_hello"].is_i64(), "{doctor:#}");

        // Configured by other means, it is heard all the same.
        assert_eq!(env.run(&["uninstall", "--provider", id]).code, 0);
        let doctor = look(&env, id);
        let alive = check(&doctor, "alive")["summary"].as_str().unwrap();
        assert!(alive.starts_with("heard all the same: last hook event"), "{doctor:#}");
    }
}

/// What `doctor` runs is found in the plan; that very text stands in the host's files.
#[test]
fn what_is_run_is_what_stands_in_the_files() {
    let env = machine();
    for provider in PROVIDERS {
        let card = provider.card();
        install(&env, card.id.as_str());
        let want = Want {
            hook_program: env.home().hook_program(),
            main_program: env.home().main_program(),
            home_override: None,
            allow_tools: false,
        };
        let site = provider.locate(&FakeHost::at(env.path("home")), &Scope::User).unwrap();
        let plan = provider.plan(&site, &want);
        let files: Vec<String> =
            plan.edits.iter().map(|edit| fs::read_to_string(&edit.file.path).unwrap()).collect();
        let hooks = card.hooks.iter().map(|spec| probe::hook(card, &plan, &want, spec.event));
        for launch in hooks.chain(probe::server(&plan, &want)) {
            let texts = match launch.command {
                probe::Command::Line(line) => vec![line],
                probe::Command::Words(words) => words,
            };
            for text in texts {
                let quoted = json!(text).to_string();
                let written = quoted.trim_matches('"');
                assert!(files.iter().any(|file| file.contains(written)), "{}: {written}", card.id);
            }
        }
    }
}

#[test]
fn lines_end_where_the_terminal_ends() {
    let env = machine();
    env.two_sessions();
    install(&env, "claude-code");
    for columns in [80, 60] {
        let screen = env.screen(&["doctor", "--provider", "claude-code"], columns);
        assert!(screen.ends_with("all is well\n"), "{screen}");
        // A path has no place to break.
        for line in screen.lines().filter(|line| line.trim_start().contains(' ')) {
            assert!(line.chars().count() <= usize::from(columns), "{line}");
        }
    }
}
