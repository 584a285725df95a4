//! `docs/json.md`: the fields of every command's JSON document, as real runs print them. A field without a meaning in
//! the table below fails the test, and so does a meaning that no document has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::docs::compare;
use crate::env::{TestEnvironment, answer, question};

/// What fields mean, by the command and the field's path, or by its last name for all commands.
const MEANINGS: &[(&str, &str)] = &[
    ("action", "`create`, `edit` or `remove`."),
    ("allow_tools", "The host may run the bridge's tools unasked."),
    ("answer", "The answer."),
    ("at", "When, in milliseconds since 1970."),
    ("attempts", "Every try to put it on a surface."),
    ("bell", "Whether an event of the session will look for mail."),
    (
        "blocked_by",
        "Sessions that would have got it, had they not blocked the sender; a message to one is refused instead.",
    ),
    ("body", "Its text."),
    ("by", "How the session is known."),
    ("bytes", "Size of its text."),
    ("causes", "Its causes, outermost first."),
    ("changed", "Whether it was otherwise before."),
    ("changes", "What was asked for, one entry each."),
    ("changes[].provider", "The provider that is meant; null for another scope."),
    ("changes[].session", "Id of the session that is meant; null for another scope."),
    ("checks", "What was looked at, in order."),
    (
        "cleared",
        "How many recipients read or declined it long ago, or ended after it was put out, so that their receipts were cleared away.",
    ),
    ("code", "The stable code."),
    ("command", "What is run."),
    ("consents", "What was consented to, now or before."),
    ("conversation", "Counts stretches of context."),
    ("created", "When it was stored or begun, in milliseconds since 1970."),
    ("cwd", "Its folder."),
    ("date", "When that was."),
    ("detail", "More about it."),
    ("doctor:providers", "One entry per installation: a provider, for the user or in a project."),
    ("doctor:providers[].configured", "Every entry stands in the host's files as planned."),
    (
        "doctor:providers[].hook_works",
        "A message came out of the installed hook, in the host's own form; null if that was not tried.",
    ),
    (
        "doctor:providers[].last_event",
        "When a hook last ran for a session of it, in milliseconds since 1970.",
    ),
    (
        "doctor:providers[].last_hello",
        "When a host of it last greeted an MCP server, in milliseconds since 1970.",
    ),
    ("doctor:providers[].scope", "`user`, or `project` and its folder."),
    (
        "doctor:providers[].server_works",
        "The installed MCP server answered for the hook's session; null if that was not tried.",
    ),
    (
        "doctor:providers[].standing",
        "How that version stands to the verified ones: `verified`, `newer`, `older`, `between` or `unknown`.",
    ),
    ("doctor:providers[].version", "The version of its program on PATH."),
    ("dir", "The marketplace's folder."),
    ("doctor:checks[].id", "What was looked at; stable."),
    ("doctor:checks[].summary", "What was found."),
    ("doctor --selftest:kept", "The folder that stays because something was found; null if it is gone."),
    ("doctor --selftest:seed", "What decided what is random; `--seed` takes it."),
    ("doctor --selftest:seconds", "How long it was to take."),
    ("doctor --selftest:crashes", "Programs that were killed while they sent, delivered and answered."),
    ("doctor --selftest:crashes.acknowledged", "Messages whose id was printed."),
    ("doctor --selftest:crashes.kills", "Programs that were killed."),
    ("doctor --selftest:crashes.programs", "Programs that were started."),
    ("doctor --selftest:crashes.shown", "Deliveries of those messages whose text came out of a hook."),
    ("doctor --selftest:crashes.waiting", "Deliveries of those messages that wait."),
    ("doctor --selftest:receipts", "Receipts compared with what really came out."),
    ("doctor --selftest:receipts.messages", "Messages whose receipts were compared after each event."),
    ("doctor --selftest:receipts.died", "Hooks that were killed at a random point."),
    ("doctor --selftest:receipts.died_after", "Hooks that were killed as soon as their answer was out."),
    ("doctor --selftest:receipts.thrown_away", "Answers that nobody took."),
    ("doctor --selftest:receipts.turn_lost", "Answers that no event of the same turn followed."),
    ("doctor --selftest:receipts.seen", "Messages whose receipt says `seen`."),
    ("doctor --selftest:speed", "What was measured."),
    (
        "doctor --selftest:speed.program_ms",
        "The hook's program, started where there is nothing to look at, in milliseconds.",
    ),
    ("doctor --selftest:speed.quiet_ms", "The hook at an event of a session without mail, in milliseconds."),
    ("doctor --selftest:speed.delivering_ms", "The hook at an event that brings a message, in milliseconds."),
    (
        "doctor --selftest:speed.sends_by_commands",
        "Sends a second by commands, four at a time, each on the disk before it was acknowledged.",
    ),
    ("doctor --selftest:speed.sends_by_server", "The same by calls of one server, sixteen at a time."),
    ("doctor --selftest:speed.remarks", "What is slow on this machine; not a finding."),
    ("findings", "What must not be, a sentence each; empty if all is well."),
    ("median", "The median."),
    ("p99", "The 99th percentile."),
    ("runs", "How many were measured."),
    ("doubt", "It went out, and nobody can tell whether it arrived."),
    ("dry_run", "Whether nothing was changed."),
    ("end_reason", "Why it ended."),
    ("ended", "When it ended, in milliseconds since 1970."),
    ("error", "Why it failed; as in a failure's document."),
    ("error.message", "What went wrong, in a sentence."),
    ("event", "The event or call."),
    ("evidence", "What proves it."),
    ("expires", "When it ceases to be delivered, in milliseconds since 1970."),
    ("files", "One entry per file that gets another content."),
    ("for", "For whom it holds; null: for all sessions of this user."),
    ("from", "What stands as sender."),
    ("gc:bytes", "The bytes of the store on the disk, its log included."),
    ("gc:bytes.after", "When the command ended."),
    ("gc:bytes.before", "When it began."),
    ("gc:kept", "Old threads that stay, each for the first reason that was found."),
    ("gc:kept.changed", "Something in them changed since."),
    ("gc:kept.in_use", "Something is under way: an attempt, a wait, recipients to come."),
    (
        "gc:kept.open",
        "A question in them was shown and neither answered nor marked, and its reader may come back.",
    ),
    ("gc:kept.unread", "Something in them is unread."),
    ("gc:longest_lock_ms", "The longest time that others could not write, in milliseconds."),
    ("gc:older_than_s", "What changed last so many seconds ago goes; null: everything is kept."),
    ("gc:removed", "What went, or would go."),
    ("gc:removed.deliveries", "Deliveries of these messages."),
    ("gc:removed.messages", "Messages."),
    ("gc:removed.sessions", "Sessions that ended as long ago and that nothing refers to."),
    (
        "gc:removed.singly",
        "Deliveries that were read or declined, or put out to sessions that ended, of messages to several that stay.",
    ),
    ("gc:removed.threads", "Whole threads."),
    ("gc:removed.traces", "Attempts, wakes, claims and counts of nudges that nothing refers to."),
    ("gc:set_aside", "Damaged stores that are not used any more."),
    ("gc:set_aside.removed", "Those that were removed."),
    ("gc:set_aside.there", "Those that are there."),
    ("gc:set_aside.there[].bytes", "Its bytes on the disk."),
    ("gc:set_aside.there[].path", "Its file."),
    (
        "gc:set_aside.there[].salvaged",
        "When what reads was brought over, in milliseconds since 1970; null: not yet.",
    ),
    ("group", "`bridge`, `repair`, or a provider by its name."),
    ("help", "What to do about it."),
    ("hop", "How often agents passed it on without a human."),
    ("id", "Id of the message."),
    ("in_reply_to", "The message that it answers."),
    ("init:links[].state", "What it was before."),
    (
        "init:providers[].version",
        "The version, as its package or the program tells; null where neither does. A dry run asks no program.",
    ),
    ("init:providers[].trust[].status", "`trusted`, `untrusted` or `modified`."),
    ("init:providers[].state", "`installed`, `unchanged` or `failed`."),
    ("init:providers[].steps", "What only the person can do."),
    ("inspect (message):attempts[].id", "Id of the attempt."),
    ("inspect (message):attempts[].session", "The session that it was for."),
    ("inspect (message):thread", "The thread's messages, oldest first, without their texts."),
    ("inspect (session):messages", "The newest messages for the session."),
    ("inspect (session):session", "The session."),
    ("installed", "Whether the bridge is installed in it."),
    ("kept", "Files that stay because others have written into them."),
    ("key", "The host's name for the hook."),
    ("kind", "What it is for."),
    ("label", "Its label."),
    ("level", "`ok`, `note`, `warn` or `fail`."),
    ("links", "Links in `bin/` that were made."),
    ("links_removed", "Links that were removed."),
    ("marked", "When the session marked it as dealt with, in milliseconds since 1970."),
    ("message", "The message."),
    ("messages", "The messages, oldest first, without their texts."),
    ("ms", "How long it took, in milliseconds."),
    ("name", "The name."),
    ("native", "The host's own id of the conversation."),
    ("not_found", "Supported agent CLIs that are not on this machine."),
    ("of", "Whose inbox it is; null for the command line's."),
    ("ok", "Whether all is well."),
    ("operations", "RFC 6902 operations from the old value to the new one."),
    ("outcome", "`answered`, `timeout`, `interrupted`, `declined`, `expired` or `failed`."),
    ("overtaken", "Files that another program wrote at the same time."),
    ("parked", "It was announced and waits to be read by id."),
    ("part", "What it carried: `body`, `header` or `reference`."),
    ("off:paused", "Every pause that stands now."),
    ("on:paused", "Every pause that stands now."),
    ("path", "The path."),
    ("paused", "What pauses it: `everything`, `provider` or `session`; null if nothing does."),
    ("paused[].provider", "The provider that is paused; null for another scope."),
    ("paused[].session", "Id of the session that is paused; null for another scope."),
    ("peer", "Whose mail it is about."),
    ("pid", "The process that hosts it."),
    ("presence", "`busy`, `idle`, `offline` or `ended`."),
    ("present", "Whether it seems to be on this machine."),
    ("program", "Its program on PATH."),
    ("provider", "The provider's id."),
    ("providers", "One entry per provider."),
    ("receipts", "One entry per recipient."),
    ("receipts[].answer", "Id of the answer."),
    ("receipts[].session", "The recipient's id."),
    ("recipients", "The sessions that it is for."),
    ("plugin emit-manifest:files", "The files of the folder."),
    ("plugin emit-manifest:files[].state", "`created`, `changed` or `unchanged`."),
    ("plugin emit-manifest:steps", "The commands that install it; each CLI has two."),
    ("plugin link:links[].state", "What it was before."),
    ("plugins", "Providers whose CLI still has the bridge as a plugin."),
    ("remark", "Why it failed, was declined, or is held."),
    ("repo", "Its repository's name."),
    ("resume", "The command that waits again."),
    ("roles", "What else it answers to."),
    ("room", "The room."),
    ("rules", "The rules, oldest first."),
    ("changes[].scope", "`everything`, `provider` or `session`."),
    ("paused[].scope", "`everything`, `provider` or `session`."),
    ("scope", "Whose configuration: `user`, or `project` and its folder."),
    ("script", "The completion script."),
    ("seen", "When it was last seen, in milliseconds since 1970."),
    ("sender", "The sending session; absent for a person."),
    ("sends_as", "What stands as sender of messages from here."),
    ("server", "Whether its MCP server runs."),
    ("session", "Id of the session."),
    ("sessions", "The sessions, live ones first."),
    ("settings_changed", "Whether label, roles or room of new sessions are others now."),
    ("shell", "The shell."),
    ("since", "Since when, in milliseconds since 1970."),
    ("started", "When it was first seen, in milliseconds since 1970."),
    (
        "state",
        "The state of the delivery: `stored`, `offered`, `injected`, `seen`, `answered`, `declined`, `expired` or `failed`.",
    ),
    ("status", "How far it got."),
    ("stays", "The folder that stays."),
    ("steps", "Every step, oldest first."),
    ("subject", "Its subject."),
    ("summary", "What it says it is doing."),
    ("surface", "Where it went out."),
    ("target", "Where it leads."),
    ("thread", "Id of the message that began the thread."),
    ("to", "The address that it was sent to."),
    ("trust", "The bridge's hooks as the host lists them."),
    ("trust_error.message", "What went wrong, in a sentence."),
    (
        "wakes",
        "Whether mail can start a turn while the session is idle: its CLI has a door. If not, mail waits for the next prompt.",
    ),
    ("well", "Whether it came to its end and left no trace."),
    ("verdict", "What it came to, in a sentence."),
    ("took_ms", "How long it took, in milliseconds."),
    ("demo:steps", "What happened, step by step."),
    ("step", "What the step is about."),
    ("lines", "What was said and done."),
    ("who", "`you`, `bridge`, `host`, or the label of a session."),
    ("text", "What they said or did."),
    ("trust_error", "Why the review could not be noted."),
    ("trust_hooks", "The host was told that the user reviewed the hooks."),
    ("undo", "The command that takes it out again."),
    ("uninstall:providers[].state", "`removed` or `failed`."),
    (
        "not_run",
        "Why the CLI was never run against the bridge, and where its facts are from; null if it was.",
    ),
    ("unbound", "MCP servers that run while nobody has told yet which session they serve."),
    ("unread", "Messages whose text has not reached it."),
    ("urgency", "`low`, `normal` or `high`."),
    ("verified", "Versions that the bridge was run against."),
    ("version", "The version."),
    ("via", "`session`, `command-line` or `system`."),
    ("whoami:session", "The session that this shell runs in; null outside of any."),
    ("withdrawn", "How many sessions will not get it."),
];

type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Walks a document; keys keep the order in which they were first seen.
fn walk(value: &Value, path: &str, order: &mut Vec<String>, shape: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !path.is_empty() {
        if !shape.contains_key(path) {
            order.push(path.to_owned());
        }
        shape.entry(path.to_owned()).or_default().insert(kind);
    }
    match value {
        // What is in an operation is the host's, not ours.
        _ if path.ends_with(".operations") => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(value, &inner, order, shape);
            }
        }
        Value::Array(items) => {
            for item in items.iter().filter(|item| item.is_object()) {
                walk(item, &format!("{path}[]"), order, shape);
            }
        }
        _ => {}
    }
}

/// The meaning of a field and which entry of the table says so.
fn meaning(command: &str, path: &str) -> Option<(&'static str, &'static str)> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let tail = path.split_once('.').map(|(_, tail)| tail.to_owned());
    let exact = format!("{command}:{path}");
    let candidates = [Some(exact), Some(path.to_owned()), tail, Some(last.to_owned())];
    candidates
        .into_iter()
        .flatten()
        .find_map(|name| MEANINGS.iter().find(|(known, _)| *known == name))
        .copied()
}

/// The lines of `receipts --follow`; the last message is held.
fn followed(env: &TestEnvironment, ids: &[&str]) -> Vec<Value> {
    let db = rusqlite::Connection::open(env.store().path()).unwrap();
    let held = "UPDATE delivery SET remark = 'held: x' WHERE seq = (SELECT seq FROM message WHERE id = ?1)";
    db.execute(held, [ids.last().unwrap()]).unwrap();
    let run = |id: &&str| env.run(&["receipts", id, "--follow", "--timeout", "1s", "--json"]).stdout;
    let lines = ids.iter().map(run).collect::<String>();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Real runs: each command's documents.
fn runs() -> Vec<(&'static str, Vec<Value>)> {
    let mut env = TestEnvironment::with_clis();
    let json = |env: &TestEnvironment, words: &[&str]| env.run(&[words, &["--json"]].concat()).json();
    let init = vec![
        json(&env, &["init", "--all", "--dry-run"]),
        json(&env, &["init", "--all", "--label", "api", "--trust-codex-hooks"]),
        json(&crate::trust::machine(), &["init", "--provider", "codex", "--trust-codex-hooks"]),
    ];
    let providers = vec![json(&env, &["list-providers"])];
    let doctor = vec![json(&env, &["doctor"])];
    let selftest = vec![json(&env, &["doctor", "--selftest", "--seconds", "1"])];
    let uninstall = vec![json(&env, &["uninstall", "--all"])];
    let (api, web) = env.two_sessions();
    let mut store = env.store();
    let asked = question(&mut store, web, api, "which port?");
    answer(&mut store, api, asked, "8080");
    store.mark_read(api, &[asked]).unwrap();
    let held = question(&mut store, web, api, "which host?");
    store.set_summary(api, Some("porting")).unwrap();
    let asked = asked.to_string();
    let sent = json(&env, &["send-message", "api", "x", "--subject", "s", "--expires", "1h"]);
    let cancelled = json(&env, &["cancel", sent["id"].as_str().unwrap()]);
    let followed = followed(&env, &[&asked, &held.to_string()]);
    let last = question(&mut store, web, api, "which path?").to_string();
    let declined = json(&env, &["decline", &last, "--reason", "not mine"]);
    let of_one = |command: &str| json(&env, &[command, "web", "--for", "api"]);
    let mute = vec![of_one("mute"), json(&env, &["mute"]), json(&env, &["mute", "web"])];
    let unmute = vec![of_one("unmute")];
    let block = vec![of_one("block"), json(&env, &["block"]), json(&env, &["block", "web"])];
    let unblock = vec![of_one("unblock"), json(&env, &["unblock", "web"])];
    let mut off = vec![json(&env, &["off"]), json(&env, &["off", "--provider", "codex", "--session", "api"])];
    off.push(json(&env, &["off"]));
    let while_paused = json(&env, &["send-message", "api", "x"]);
    let on = vec![json(&env, &["on"]), json(&env, &["on", "--provider", "codex", "--session", "api"])];
    let mut whoami = vec![json(&env, &["whoami"])];
    let inbox = vec![json(&env, &["inbox", "api", "--all"]), json(&env, &["inbox"])];
    let gc = crate::gc::documents();
    let documents = vec![
        ("init", init),
        ("uninstall", uninstall),
        ("doctor", doctor),
        ("doctor --selftest", selftest),
        ("list-providers", providers),
        ("send-message", vec![sent.clone(), while_paused]),
        ("broadcast", vec![json(&env, &["broadcast", "x"])]),
        (
            "ask",
            vec![
                json(&env, &["ask", "--resume", &asked]),
                json(&env, &["ask", "web", "x", "--timeout", "1s"]),
            ],
        ),
        ("reply", vec![json(&env, &["reply", &asked, "9090"])]),
        ("inbox", inbox),
        ("read", vec![json(&env, &["read", sent["id"].as_str().unwrap()]), json(&env, &["read", &asked])]),
        ("tail-inbox", vec![json(&env, &["tail-inbox", "--last", "1", "--count", "1"])]),
        ("list-sessions", vec![json(&env, &["list-sessions"])]),
        (
            "receipts",
            vec![json(&env, &["receipts", &asked]), json(&env, &["receipts", sent["id"].as_str().unwrap()])],
        ),
        ("receipts --follow", followed),
        ("cancel", vec![cancelled]),
        ("decline", vec![declined]),
        ("gc", gc),
        ("off", off),
        ("on", on),
        ("mute", mute),
        ("unmute", unmute),
        ("block", block),
        ("unblock", unblock),
        ("inspect (message)", vec![json(&env, &["inspect", &asked])]),
        ("inspect (session)", vec![json(&env, &["inspect", "api"])]),
    ];
    env.set("SESSION_BRIDGE_SESSION_ID", &api.to_string());
    whoami.push(json(&env, &["whoami"]));
    // The demo's hosts run hooks as the real ones do: by a shell.
    let mut with_shells = TestEnvironment::new();
    with_shells.set("PATH", "/usr/bin:/bin");
    let rest = vec![
        ("whoami", whoami),
        ("completions", vec![json(&env, &["completions", "fish"])]),
        ("plugin emit-manifest", vec![json(&env, &["plugin", "emit-manifest", "--dir", "emitted"])]),
        ("plugin link", vec![json(&env, &["plugin", "link"])]),
        ("version", vec![json(&env, &["version"])]),
        ("demo", vec![json(&with_shells, &["demo"])]),
        ("any command that fails", vec![json(&env, &["read", "nothing"])]),
    ];
    documents.into_iter().chain(rest).collect()
}

#[test]
fn the_page_of_documents() {
    let mut page = String::from(
        "# JSON documents\n\n<!-- Made by installer/tests/cli/json.rs; UPDATE_DOCS=1 writes it anew. -->\n\n",
    );
    page.push_str("With `--json` a command prints one document on standard output, without colours; `tail-inbox` and `receipts --follow` print one per line. Fields may be\nadded; those that are here keep their names and meanings. Fields that have no value are null or absent.\n");
    let mut used = BTreeSet::new();
    let mut missing = Vec::new();
    let runs = runs();
    // The server speaks its own protocol, and what a watch prints is for its host; everything else has a document.
    let commands = session_bridge::cli::command();
    for sub in commands.get_subcommands().filter(|sub| !["mcp", "watch"].contains(&sub.get_name())) {
        let known = runs.iter().any(|(name, _)| name.split(' ').next() == Some(sub.get_name()));
        assert!(known, "`{}` has no documented JSON: add a run of it", sub.get_name());
    }
    for (command, documents) in runs {
        let fails = documents.iter().any(|document| document.get("error").is_some());
        assert_eq!(fails, command == "any command that fails", "{command}: {documents:#?}");
        let (mut order, mut shape) = (Vec::new(), Shape::new());
        for document in &documents {
            walk(document, "", &mut order, &mut shape);
        }
        let _ = write!(page, "\n## {command}\n\n| field | type | meaning |\n| --- | --- | --- |\n");
        for path in order.iter().filter(|path| !path.ends_with("[]")) {
            let kinds = shape[path].iter().copied().collect::<Vec<_>>().join(" or ");
            match meaning(command, path) {
                Some((entry, meaning)) => {
                    used.insert(entry);
                    let _ = writeln!(page, "| `{path}` | {kinds} | {meaning} |");
                }
                None => missing.push(format!("{command}:{path}")),
            }
        }
    }
    assert!(missing.is_empty(), "fields without a meaning: {missing:#?}");
    let stale: Vec<_> = MEANINGS.iter().map(|(name, _)| *name).filter(|name| !used.contains(name)).collect();
    assert!(stale.is_empty(), "meanings of no field: {stale:?}");
    compare("docs/json.md", &page);
}
