//! The tools: their names are fixed, their schemas come from their argument types.

mod args;
mod ask;
mod inbox;
pub(super) mod send;
mod sessions;

use std::time::Duration;

use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use session_bridge_core::id::MessageId;

use super::call::Call;
use super::result::{Refusal, Reply};

/// What a host is told about a tool, beyond its schema.
struct Card {
    name: &'static str,
    description: &'static str,
    schema: fn() -> Map<String, Value>,
    /// It changes nothing.
    reads: bool,
    /// Calling it again with the same arguments changes nothing more.
    idempotent: bool,
}

const fn card<A: JsonSchema>(name: &'static str, description: &'static str) -> Card {
    Card { name, description, schema: schema::<A>, reads: false, idempotent: false }
}

impl Card {
    const fn reads(mut self) -> Self {
        self.reads = true;
        self
    }

    const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }
}

const CARDS: &[Card] = &[
    card::<args::None>("bridge_whoami", "This session's label, id, room and unread count.").reads(),
    card::<args::ListSessions>("bridge_list_sessions", "The agent sessions that you can reach.").reads(),
    card::<args::SendMessage>(
        "bridge_send_message",
        "Sends a message to another session; it arrives by itself. Returns once it is stored.",
    ),
    card::<args::Broadcast>(
        "bridge_broadcast",
        "Sends a message to every other live session of the room. Use rarely.",
    ),
    card::<args::Ask>(
        "bridge_ask",
        "Asks another session and waits for its answer. Give `to` and `question`; or the `question_id` of an earlier \
         call to go on waiting.",
    ),
    card::<args::Reply>("bridge_reply", "Answers a message that you received."),
    card::<args::Decline>("bridge_decline", "Says that you will not act on a message; its sender is told."),
    card::<args::ListInbox>("bridge_list_inbox", "Headers of your messages, without their text.").reads(),
    card::<args::Ids>("bridge_read_message", "The text of messages by id, as often as you like.")
        .idempotent(),
    card::<args::Ids>("bridge_mark_read", "Notes that you have dealt with messages that were shown to you.")
        .idempotent(),
    card::<args::Wait>(
        "bridge_wait_for_message",
        "Waits for the next message that fits. Mail arrives without this; use it only if you cannot go on.",
    ),
    card::<args::Receipts>(
        "bridge_get_receipts",
        "What happened to a message, per recipient, with evidence.",
    )
    .reads(),
    card::<args::Summary>("bridge_set_summary", "Says in one line what you work on; peers see it in lists.")
        .idempotent(),
];

/// All tools, as `tools/list` shows them.
pub fn catalogue() -> Vec<Tool> {
    let tool = |card: &Card| {
        // True of a message store on this machine: nothing of it destroys, and nothing leaves.
        let mut hints = ToolAnnotations::new().destructive(false).open_world(false);
        hints.read_only_hint = card.reads.then_some(true);
        hints.idempotent_hint = card.idempotent.then_some(true);
        Tool::new(card.name, card.description, (card.schema)()).with_annotations(hints)
    };
    CARDS.iter().map(tool).collect()
}

/// Whether there is such a tool.
pub(super) fn exists(name: &str) -> bool {
    CARDS.iter().any(|card| card.name == name)
}

/// Runs one call.
pub(super) async fn call(call: &Call, name: &str, arguments: Map<String, Value>) -> Result<Reply, Refusal> {
    match name {
        "bridge_whoami" => sessions::whoami(call, parse(name, arguments)?).await,
        "bridge_list_sessions" => sessions::list(call, parse(name, arguments)?).await,
        "bridge_set_summary" => sessions::set_summary(call, parse(name, arguments)?).await,
        "bridge_send_message" => send::send(call, parse(name, arguments)?).await,
        "bridge_broadcast" => send::broadcast(call, parse(name, arguments)?).await,
        "bridge_reply" => send::reply(call, parse(name, arguments)?).await,
        "bridge_decline" => inbox::decline(call, parse(name, arguments)?).await,
        "bridge_ask" => ask::ask(call, parse(name, arguments)?).await,
        "bridge_wait_for_message" => ask::wait(call, parse(name, arguments)?).await,
        "bridge_list_inbox" => inbox::list(call, parse(name, arguments)?).await,
        "bridge_read_message" => inbox::read(call, parse(name, arguments)?).await,
        "bridge_mark_read" => inbox::mark_read(call, parse(name, arguments)?).await,
        "bridge_get_receipts" => inbox::receipts(call, parse(name, arguments)?).await,
        other => Err(Refusal::new("unknown_tool", format!("there is no tool {other}"), "see tools/list")),
    }
}

fn parse<A: DeserializeOwned + JsonSchema>(
    name: &str,
    mut arguments: Map<String, Value>,
) -> Result<A, Refusal> {
    // Models write null for what they leave out.
    arguments.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let known = schema::<A>();
        let names = known.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let names = names.map(String::as_str).collect::<Vec<_>>().join(", ");
        let next = if names.is_empty() {
            format!("{name} takes no arguments")
        } else {
            format!("{name} takes: {names}")
        };
        Refusal::new("bad_arguments", error.to_string(), next)
    })
}

/// The bare schema of an argument type: what a model needs, without what only programs read.
fn schema<A: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::default().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>().to_value();
    strip(&mut schema);
    match schema {
        Value::Object(mut fields) => {
            fields.shift_remove("description");
            fields.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            fields
        }
        _ => Map::new(),
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for noise in ["$schema", "title", "format", "default", "minimum", "maximum"] {
                if fields.get(noise).is_some_and(|v| !v.is_object() || noise == "default") {
                    fields.shift_remove(noise);
                }
            }
            if let Some(Value::Array(words)) = fields.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|t| t != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    fields.insert("type".to_owned(), one);
                }
            }
            fields.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

fn message_id(text: &str) -> Result<MessageId, Refusal> {
    text.parse().map_err(|_| {
        Refusal::new(
            "bad_id",
            format!("`{}` is not a message id", text.chars().take(64).collect::<String>()),
            "ids are 26 letters and digits, as in the tag of a message or in bridge_list_inbox",
        )
    })
}

/// The most that a message may wait: a year, so that sums of times stay in range.
const MOST_SECONDS: u32 = 366 * 86_400;

/// How long a message may wait unread, in milliseconds.
fn lifetime(seconds: Option<u32>) -> Option<i64> {
    seconds.map(|seconds| i64::from(seconds.clamp(1, MOST_SECONDS)) * 1000)
}

/// How long a wait may take: what the model asks for, but less than the shortest time after which a host gives a call
/// up (Codex: 300 s).
async fn limit(call: &Call, seconds: Option<u32>) -> Result<Duration, Refusal> {
    let seconds = match seconds {
        Some(seconds) => seconds,
        None => call.work(|desk, _| Ok(desk.store()?.limits().ask_timeout_s)).await?,
    };
    Ok(Duration::from_secs(seconds.clamp(1, 280).into()))
}
