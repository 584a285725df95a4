//! L17: a host that runs the entries of others, beside its own or instead of them, is served as the CLI that it is, and
//! each event once; also where the entry lost its arguments, and where the host was started inside another one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use session_bridge_core::event::{HookCall, HookEvent, Moment};
use session_bridge_core::home::Home;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::marks::Mark;
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::provider::Provider;
use session_bridge_core::shell;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Author, Draft, Role, Store};

use crate::apart::{Machine, run};
use crate::payloads::{self, Payload};

/// Runs commands as this provider's CLI runs its hooks of one event: from one process that is named like the CLI, which was
/// started inside a session of each other one and inherited what that gives to its children. Returns what each said.
fn hosted(
    machine: &Machine,
    provider: &dyn Provider,
    commands: &[Command],
    stdin: &[u8],
    at_once: bool,
) -> Vec<String> {
    let folder = machine.path("hosts");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("stdin"), stdin).unwrap();
    let behind = if at_once { "&" } else { "" };
    let mut lines = String::new();
    for (number, command) in commands.iter().enumerate() {
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| shell::word(word.to_str().unwrap()))
            .collect();
        let _ = writeln!(lines, "{} <stdin >out-{number} 2>err-{number} {behind}", words.join(" "));
    }
    let _ = writeln!(lines, "wait");
    let named = provider.card().marks.iter().find_map(|mark| match *mark {
        Mark::Process(name) => Some(name),
        _ => None,
    });
    let program = folder.join(named.unwrap_or("node"));
    fs::write(&program, format!("#!/bin/sh\n{lines}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = Command::new(program);
    host.env_clear().env("HOME", machine.path("home")).env("PATH", "/usr/bin:/bin").current_dir(&folder);
    let json: Value = serde_json::from_slice(stdin).unwrap();
    for other in PROVIDERS {
        for mark in other.card().marks {
            if let Mark::Session { variable, field } = *mark {
                let own = other.card().id == provider.card().id;
                let id = json[field].as_str().filter(|_| own).unwrap_or("01a1-the-session-around-it");
                host.env(variable, id);
            }
        }
    }
    let output = host.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let said = |number| fs::read_to_string(folder.join(format!("out-{number}"))).unwrap();
    (0..commands.len()).map(said).collect()
}

/// Every command that a host may have for the event: its own entry, those of all others for the same moment, and a
/// program whose arguments were lost.
fn entries(machine: &Machine, provider: &dyn Provider, payload: &Payload) -> Vec<Command> {
    let Some(spec) = provider.card().hook(&payload.event) else { return Vec::new() };
    let mut found = machine.installed(provider, spec.event);
    for other in PROVIDERS.iter().filter(|other| other.card().id != provider.card().id) {
        for theirs in other.card().hooks.iter().filter(|theirs| theirs.moment == spec.moment) {
            found.extend(machine.installed(*other, theirs.event));
        }
    }
    found.push(Command::new(machine.path("home/.session-bridge/bin/session-bridge-hook")));
    found
}

fn decoded<'a>(provider: &dyn Provider, payload: &'a Payload, stdin: &'a [u8]) -> Option<HookEvent<'a>> {
    provider.card().hook(&payload.event)?;
    let event = provider.decode(&HookCall { event: &payload.event, stdin }).unwrap();
    (event.subagent.is_none() && event.moment != Moment::Doorbell).then_some(event)
}

fn store(machine: &Machine) -> Store {
    Store::open(&Home::at(machine.path("home/.session-bridge")), Role::Cli).unwrap()
}

/// Nothing failed.
fn assert_no_log(machine: &Machine, about: &str) {
    let log = fs::read_to_string(machine.path("home/.session-bridge/log/hook.log")).unwrap_or_default();
    assert_eq!(log, "", "{about}");
}

#[test]
fn l17_whosever_entry_runs_the_event_is_its_hosts() {
    for provider in PROVIDERS {
        let id = provider.card().id.as_str();
        // Each entry alone: the other installations may be switched off.
        let count = entries_of_most(*provider);
        for which in 0..count {
            let machine = Machine::new();
            let mut expected = BTreeSet::new();
            for payload in payloads::of(*provider) {
                let stdin = payload.bytes();
                let all = entries(&machine, *provider, &payload);
                let Some(command) = all.get(which..=which) else { continue };
                if let Some(event) = decoded(*provider, &payload, &stdin) {
                    expected.insert((id.to_owned(), event.native.to_string()));
                }
                hosted(&machine, *provider, command, &stdin, false);
                let about = format!("{command:?} with {}", payload.file.display());
                assert_eq!(machine.sessions(), expected, "{about}");
                assert_no_log(&machine, &about);
            }
        }
    }
}

/// The largest number of entries that any event of the provider has.
fn entries_of_most(provider: &dyn Provider) -> usize {
    let machine = Machine::new();
    payloads::of(provider).iter().map(|payload| entries(&machine, provider, payload).len()).max().unwrap_or(0)
}

/// A payload that is an event of its own.
fn fresh(payload: &Payload, number: usize) -> Vec<u8> {
    let mut json = payload.json.clone();
    json["number"] = number.into();
    if let Some(stamp) = json.get("timestamp").and_then(Value::as_str) {
        json["timestamp"] = format!("{stamp}-{number}").into();
    }
    json.to_string().into_bytes()
}

fn send(machine: &Machine, native: &str, body: &str) -> SessionId {
    let mut store = store(machine);
    // Its host's process lived for one event only.
    let views = store.sessions(None, true).unwrap();
    let reader = views.iter().find(|view| view.session.native == native).unwrap().session.id;
    let draft = Draft {
        id: MessageId::generate(),
        author: Author::CommandLine { name: "u".into(), as_session: None },
        room: "default",
        to: "x",
        kind: Kind::Question,
        subject: None,
        body,
        in_reply_to: None,
        urgency: Urgency::Normal,
        lifetime_ms: None,
    };
    store.send(&draft, &[reader]).unwrap();
    reader
}

/// The payload of a provider's prompt.
fn prompt(provider: &dyn Provider) -> Payload {
    told(provider, Moment::PromptSubmit)
}

/// A payload that mail goes out with: a prompt's, or a tool's where the host reads nothing beside prompts.
fn carrier(provider: &dyn Provider) -> Payload {
    let beside_prompts = provider.card().inject_at(Moment::PromptSubmit).is_some();
    told(provider, if beside_prompts { Moment::PromptSubmit } else { Moment::AfterTool })
}

fn told(provider: &dyn Provider, moment: Moment) -> Payload {
    payloads::of(provider)
        .into_iter()
        .find(|payload| {
            let stdin = payload.bytes();
            decoded(provider, payload, &stdin)
                .is_some_and(|event| event.moment == moment && event.nudge.is_none() && event.echo.is_none())
        })
        .unwrap()
}

#[test]
fn l17_a_message_arrives_once_however_many_entries_run() {
    for provider in PROVIDERS {
        let machine = Machine::new();
        let payload = carrier(*provider);
        let count = entries(&machine, *provider, &payload).len();
        let stdin = payload.bytes();
        let native = decoded(*provider, &payload, &stdin).unwrap().native.into_owned();
        hosted(&machine, *provider, &entries(&machine, *provider, &payload)[..1], &stdin, false);
        for round in 0..2 * count {
            let body = format!("BODY-{round}");
            send(&machine, &native, &body);
            let stdin = fresh(&payload, round);
            // One after the other, each first once; then all at once.
            let mut order = entries(&machine, *provider, &payload);
            order.rotate_left(round % count);
            let said = hosted(&machine, *provider, &order, &stdin, round >= count);
            let text = said.concat();
            assert_eq!(text.matches(&body).count(), 1, "{} round {round}: {text}", provider.card().id);
            assert_eq!(said.iter().filter(|said| !said.is_empty()).count(), 1, "{text}");
        }
        assert_eq!(machine.sessions().len(), 1, "{}", provider.card().id);
        assert_no_log(&machine, provider.card().id.as_str());
    }
}

/// What a session's start says is said once, too.
#[test]
fn l17_a_session_is_greeted_once() {
    for provider in PROVIDERS {
        let greets = provider.card().inject_at(Moment::SessionStart).is_some();
        let starts = payloads::of(*provider).into_iter().find(|payload| {
            let stdin = payload.bytes();
            decoded(*provider, payload, &stdin).is_some_and(|event| event.moment == Moment::SessionStart)
        });
        let Some(start) = starts.filter(|_| greets) else { continue };
        for at_once in [false, true] {
            let machine = Machine::new();
            let all = entries(&machine, *provider, &start);
            let said = hosted(&machine, *provider, &all, &start.bytes(), at_once);
            let greetings = said.iter().filter(|said| said.contains("this session is")).count();
            assert_eq!(greetings, 1, "{} {at_once}: {said:?}", provider.card().id);
            assert_eq!(machine.sessions().len(), 1);
        }
    }
}

/// The turn's end that our text put off is one end: the second hook of it neither says more nor notes the session idle.
#[test]
fn l17_an_end_that_was_put_off_is_no_end() {
    for provider in PROVIDERS {
        let ends = payloads::of(*provider).into_iter().find(|payload| {
            let stdin = payload.bytes();
            decoded(*provider, payload, &stdin)
                .is_some_and(|event| event.moment == Moment::TurnEnd && !event.continued)
        });
        let Some(end) = ends.filter(|_| provider.card().inject_at(Moment::TurnEnd).is_some()) else {
            continue;
        };
        let machine = Machine::new();
        let stdin = end.bytes();
        let native = decoded(*provider, &end, &stdin).unwrap().native.into_owned();
        // Its session is known by another event.
        let mut asked = prompt(*provider);
        let bytes = asked.bytes();
        let other = decoded(*provider, &asked, &bytes).unwrap().native.into_owned();
        asked.json = serde_json::from_str(&asked.json.to_string().replace(&other, &native)).unwrap();
        hosted(&machine, *provider, &entries(&machine, *provider, &asked)[..1], &asked.bytes(), false);
        let reader = send(&machine, &native, "BODY");
        let said = hosted(&machine, *provider, &entries(&machine, *provider, &end), &stdin, false);
        assert_eq!(said.iter().filter(|said| !said.is_empty()).count(), 1, "{}", provider.card().id);
        let live = fs::read_to_string(
            machine.path("home/.session-bridge/run").join(reader.to_string()).join("live"),
        );
        let live = live.unwrap();
        assert!(live.starts_with("busy") || live.starts_with("user"), "{}: {live}", provider.card().id);
    }
}

/// What is inherited proves nothing, and what is proven needs no arguments.
#[test]
fn l17_a_hook_without_arguments_says_how_it_is_used_if_nothing_tells_its_host() {
    let machine = Machine::new();
    let program = machine.path("home/.session-bridge/bin/session-bridge-hook");
    let mut command = Command::new(program);
    command.env_clear().env("HOME", machine.path("home"));
    for mark in PROVIDERS.iter().flat_map(|provider| provider.card().marks) {
        if let Mark::Session { variable, .. } = *mark {
            command.env(variable, "another");
        }
    }
    assert_eq!(command.get_args().next(), None::<&OsStr>);
    assert_eq!(run(&mut command, br#"{"session_id":"s","hook_event_name":"SessionStart"}"#), b"");
    assert!(machine.sessions().is_empty());
    let log = fs::read_to_string(machine.path("home/.session-bridge/log/hook.log")).unwrap();
    assert!(log.contains("usage: session-bridge-hook <provider> <event>"), "{log}");
}
