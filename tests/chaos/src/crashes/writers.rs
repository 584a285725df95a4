//! Eight writers: commands and servers that send, answer and look.

use std::sync::PoisonError;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::provider::{Provider, Source};
use session_bridge_providers::PROVIDERS;

use super::world::{Acknowledged, World, lock};
use crate::launch::{Pace, Run};
use crate::random::Random;

/// How many there are.
pub(super) const WRITERS: usize = 8;

/// Who writes to whom.
pub(super) struct People<'w> {
    pub(super) readers: &'w [SessionId],
    /// The session that a writer at the command line speaks as. Nobody reads its mail.
    pub(super) sender: SessionId,
}

/// The mark of a body: whose, and the how manieth.
pub(super) fn mark(writer: usize, n: u64) -> String {
    format!("=w{writer}.{n}=")
}

/// One writer, until the round is over.
pub(super) fn write(world: &World, people: &People<'_>, writer: usize, seed: u64) -> Result<()> {
    let mut random = Random::new(seed, 100 + writer as u64);
    let mut pace = Pace::default();
    let mut n = 0;
    while !world.is_over() {
        let gate = world.gate.read().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let (sort, mut run, to) = match writer {
            0..=2 => one_shot(world, people, writer, &mut n, &mut random),
            3 => as_session(world, people, writer, &mut n, &mut random),
            4 => reply(world, people, writer, &mut n, &mut random),
            5 | 6 => server(world, people, writer, &mut n, &mut random),
            // What was read goes while the round is under way.
            _ if random.one_in(4) => gc(world),
            _ => look(world, people, &mut random),
        };
        run.kill_after = pace.kill_after(sort, &mut random);
        let ended = run.carry_out()?;
        drop(gate);
        pace.learn(sort, &ended);
        world.note(&run, &ended);
        let ids = printed(sort, &ended.output);
        lock(&world.acknowledged).extend(ids.into_iter().filter_map(|(call, id)| {
            let Sent { to, mark } = to.get(call)?.clone();
            Some(Acknowledged { id, to, mark, began })
        }));
    }
    Ok(())
}

/// The mark of a body, from the body.
pub(super) fn mark_in(body: &str) -> String {
    body.lines().next().unwrap_or_default().to_owned()
}

/// A message that a run sends.
#[derive(Clone)]
struct Sent {
    /// Its recipient, if it is one of ours.
    to: Option<SessionId>,
    /// The mark in its body.
    mark: String,
}

impl Sent {
    fn new(to: Option<SessionId>, body: &str) -> Self {
        Self { to, mark: mark_in(body) }
    }
}

/// A sort of run, the run, and each message that it sends.
type Order = (&'static str, Run, Vec<Sent>);

fn body(writer: usize, n: &mut u64, random: &mut Random) -> String {
    *n += 1;
    // Most are short; some fill a block, and a few have to be announced.
    let words = match random.below(20) {
        0 => 1500,
        1..=3 => 300,
        _ => 1 + random.below(20),
    };
    let filler: Vec<String> = (0..words).map(|_| random.word(5)).collect();
    format!("{}\n{}", mark(writer, *n), filler.join(" "))
}

fn one_shot(world: &World, people: &People<'_>, writer: usize, n: &mut u64, random: &mut Random) -> Order {
    let to = *random.pick(people.readers);
    let body = body(writer, n, random);
    let run = world.run(&world.programs.main, &["send-message", &to.to_string(), &body, "--json"]);
    ("send", run, vec![Sent::new(Some(to), &body)])
}

fn as_session(world: &World, people: &People<'_>, writer: usize, n: &mut u64, random: &mut Random) -> Order {
    let to = *random.pick(people.readers);
    let from = people.sender.to_string();
    let body = body(writer, n, random);
    let mut words = vec!["send-message", "--as", &from, "--kind", "question", "--json"];
    let to_word = to.to_string();
    words.extend([to_word.as_str(), &body]);
    ("send as", world.run(&world.programs.main, &words), vec![Sent::new(Some(to), &body)])
}

/// Answers a question as the session that got it.
fn reply(world: &World, people: &People<'_>, writer: usize, n: &mut u64, random: &mut Random) -> Order {
    let known = lock(&world.acknowledged);
    let message = known.get(random.below(known.len())).and_then(|message| {
        // Whoever was asked for a session answers that session; others are people, and get nothing.
        let asked_for = message.mark.starts_with("=w3.").then_some(people.sender);
        Some((message.id, message.to?, asked_for))
    });
    drop(known);
    let Some((id, me, asked_for)) = message else { return look(world, people, random) };
    lock(&world.answered).insert(id);
    let body = body(writer, n, random);
    let (id, me) = (id.to_string(), me.to_string());
    let run = world.run(&world.programs.main, &["reply", &id, "--as", &me, "--json", &body]);
    ("reply", run, vec![Sent::new(asked_for, &body)])
}

/// A server whose host names the session in each call, one after another or several at once.
fn server(world: &World, people: &People<'_>, writer: usize, n: &mut u64, random: &mut Random) -> Order {
    let Some((provider, thread, root)) = names_in_calls() else { return look(world, people, random) };
    let mut run = server_of(world, provider);
    run.in_turn = random.one_in(2);
    let native = format!("sender-{writer}");
    let meta = json!({ thread: native, root: native });
    let mut to = Vec::new();
    for call in 0..=random.below(12) {
        let reader = *random.pick(people.readers);
        let body = body(writer, n, random);
        let arguments = json!({"to": reader.to_string(), "body": body});
        run.input.push(call_of("bridge_send_message", &arguments, &meta, call));
        to.push(Sent::new(Some(reader), &body));
    }
    ("server", run, to)
}

/// Clears away what is older than a second.
fn gc(world: &World) -> Order {
    // A store that cannot be looked at has no order to remember, nor will anything of it go.
    let _ = world.remember();
    ("gc", world.run(&world.programs.main, &["gc", "--older-than", "1s", "--json"]), Vec::new())
}

/// Commands that read, and those that close what was open.
fn look(world: &World, people: &People<'_>, random: &mut Random) -> Order {
    let reader = people.readers[random.below(people.readers.len())].to_string();
    let known = lock(&world.acknowledged);
    let message = known.get(random.below(known.len())).map(|message| message.id.to_string());
    drop(known);
    let message = message.as_deref();
    let words: Vec<&str> = match (random.below(6), message) {
        (0, Some(id)) => vec!["receipts", id],
        (1, Some(id)) => vec!["read", id],
        (2, Some(id)) => vec!["inspect", id],
        (3, _) => vec!["list-sessions"],
        _ => vec!["inbox", &reader],
    };
    ("look", world.run(&world.programs.main, &words), Vec::new())
}

/// A provider whose calls name their session in `_meta`, and the keys.
pub(super) fn names_in_calls() -> Option<(&'static dyn Provider, &'static str, &'static str)> {
    PROVIDERS.iter().find_map(|provider| match provider.card().identity.mcp.first() {
        Some(Source::Meta { thread, root }) => Some((*provider, *thread, *root)),
        _ => None,
    })
}

/// A server for a client of that provider, greeted.
pub(super) fn server_of(world: &World, provider: &dyn Provider) -> Run {
    let id = provider.card().id.as_str();
    let mut run = world.run(&world.programs.main, &["mcp", "--client", id]);
    let client = provider.card().mcp_clients.first().copied().unwrap_or(id);
    let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": client, "version": "1"}}});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    run.input = vec![hello.to_string(), ready.to_string()];
    run
}

/// The line of a tool call. Its id tells which call of the server it is.
pub(super) fn call_of(tool: &str, arguments: &Value, meta: &Value, call: usize) -> String {
    let mut meta = meta.clone();
    meta["callId"] = json!(format!("call_{call}"));
    json!({"jsonrpc": "2.0", "id": call, "method": "tools/call", "params": {
        "name": tool, "arguments": arguments, "_meta": meta}})
    .to_string()
}

/// Ids that were printed whole, each with the number of its call.
pub(super) fn printed(sort: &str, output: &str) -> Vec<(usize, MessageId)> {
    let id = |value: &Value| value["id"].as_str()?.parse().ok();
    match sort {
        "look" | "gc" => Vec::new(),
        "server" => {
            let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let stored = lines.filter_map(|line| {
                let call = usize::try_from(line["id"].as_u64()?).ok()?;
                Some((call, id(&line["result"]["structuredContent"])?))
            });
            stored.collect()
        }
        _ => serde_json::from_str(output).ok().as_ref().and_then(id).map(|id| (0, id)).into_iter().collect(),
    }
}
