//! Trying an installation out, for `doctor`: the command lines that stand in our entries, an event as the host would tell
//! it, and whether an answer carries a text in the host's own form.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::event::{HookEvent, Reply};
use crate::identity;
use crate::plan::{EditOp, Plan};
use crate::provider::{Card, Provider, Source, Want};
use crate::shell;

/// An event of a session that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// The host's name for the event.
    pub event: &'a str,
    /// The host's id of the session.
    pub session: &'a str,
    /// The host's id of the turn, for hosts that have one.
    pub turn: &'a str,
    /// What calls of this session name besides it, where a plugin of ours says so ([`Claim`](crate::identity::Claim)).
    pub nonce: &'a str,
    /// The session's folder.
    pub cwd: &'a Path,
}

/// How a host starts a program of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// What is started.
    pub command: Command,
    /// Variables that the entry sets.
    pub env: Vec<(String, String)>,
}

/// What stands in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A line for a shell.
    Line(String),
    /// A program and its arguments, without a shell.
    Words(Vec<String>),
}

/// How the host starts the hook for one of its events. An entry that holds no command line is code of ours, which starts
/// the program by its words.
pub fn hook(card: &Card, plan: &Plan, want: &Want, event: &str) -> Launch {
    let program = want.hook_program.to_string_lossy().into_owned();
    let words = vec![program.clone(), card.id.to_string(), event.to_owned()];
    let named = format!(" {} {event}", card.id);
    let ours = |launch: &Launch| match &launch.command {
        Command::Words(found) => *found == words,
        Command::Line(line) => names(line, &program) && has_words(line, &named),
    };
    let found = entries(plan).iter().flat_map(|value| launches(value, false)).find(ours);
    found.unwrap_or(Launch { command: Command::Words(words), env: Vec::new() })
}

/// How the host starts the MCP server; none if the plan has no entry for one.
pub fn server(plan: &Plan, want: &Want) -> Option<Launch> {
    let program = want.main_program.to_string_lossy();
    let ours = |launch: &Launch| match &launch.command {
        Command::Words(words) => words.first().is_some_and(|word| *word == program),
        Command::Line(line) => names(line, &program),
    };
    entries(plan).iter().flat_map(|value| launches(value, true)).find(ours)
}

/// The parameters of a call of this tool without arguments, as the made-up session would make it: what names the session
/// stands beside the arguments, or among them.
pub fn call(card: &Card, probe: &Probe<'_>, tool: &str) -> Value {
    let (mut meta, mut arguments) = (Map::new(), Map::new());
    for source in card.identity.mcp {
        match *source {
            Source::Meta { thread, root } => {
                meta.insert(thread.to_owned(), json!(probe.session));
                meta.insert(root.to_owned(), json!(probe.session));
            }
            Source::Argument => {
                let claim = json!({ "session": probe.session, "nonce": probe.nonce });
                arguments.insert(identity::ARGUMENT.to_owned(), claim);
            }
            _ => {}
        }
    }
    json!({ "name": tool, "arguments": arguments, "_meta": meta })
}

/// Variables that hosts of this card give a server of the made-up session, to name it.
pub fn server_env<'a>(card: &Card, probe: &Probe<'a>) -> Vec<(&'static str, &'a str)> {
    let variable = |source: &Source| match *source {
        Source::SpawnEnv(name) | Source::ServerEnv(name) => Some((name, probe.session)),
        _ => None,
    };
    card.identity.mcp.iter().filter_map(variable).collect()
}

/// The text that the answer to `event` puts before the model: the one that holds `word`, if the answer is byte for byte
/// what the provider makes of it.
pub fn carried(provider: &dyn Provider, event: &HookEvent<'_>, answer: &[u8], word: &str) -> Option<String> {
    let said = match serde_json::from_slice::<Value>(answer) {
        Ok(value) => string_with(&value, word)?.to_owned(),
        Err(_) => String::from_utf8(answer.to_vec()).ok().filter(|text| text.contains(word))?,
    };
    let made = provider.encode(event, &Reply::carrying(event.moment, &said));
    (made.stdout == answer).then_some(said)
}

/// The values that the plan writes, whole files of JSON among them.
fn entries(plan: &Plan) -> Vec<Value> {
    let value = |op: &EditOp| match op {
        EditOp::Item { value, .. } | EditOp::Key { value, .. } => Some(value.clone()),
        EditOp::File { text } => serde_json::from_str(text).ok(),
        EditOp::Block { .. } => None,
    };
    plan.edits.iter().filter_map(|edit| value(&edit.op)).collect()
}

/// Every command in a value. A lone string is a line for a shell, except in the entry of a server.
fn launches(value: &Value, server: bool) -> Vec<Launch> {
    let mut found = Vec::new();
    match value {
        Value::Array(items) => found.extend(items.iter().flat_map(|item| launches(item, server))),
        Value::Object(members) => {
            found.extend(command(members, server));
            found.extend(members.values().flat_map(|member| launches(member, server)));
        }
        _ => {}
    }
    found
}

fn command(members: &Map<String, Value>, server: bool) -> Option<Launch> {
    let texts = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let args = members.get("args").and_then(texts);
    let command = match members.get("command")? {
        Value::String(line) if args.is_none() && !server => Command::Line(line.clone()),
        Value::String(program) => {
            Command::Words(std::iter::once(program.clone()).chain(args.unwrap_or_default()).collect())
        }
        words => Command::Words(texts(words)?),
    };
    let env = ["env", "environment"].iter().find_map(|key| members.get(*key)?.as_object());
    let variables = env.into_iter().flatten();
    let env =
        variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Some(Launch { command, env })
}

/// Whether a line for a shell names the program.
fn names(line: &str, program: &str) -> bool {
    line.contains(program) || line.contains(&shell::word(program))
}

/// Whether the line has these words, and not only the beginning of a longer one.
fn has_words(line: &str, words: &str) -> bool {
    line.match_indices(words)
        .any(|(at, _)| !line[at + words.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
}

fn string_with<'v>(value: &'v Value, word: &str) -> Option<&'v str> {
    match value {
        Value::String(text) => text.contains(word).then_some(text),
        Value::Array(items) => items.iter().find_map(|item| string_with(item, word)),
        Value::Object(members) => members.values().find_map(|member| string_with(member, word)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Command {
        Command::Line(text.to_owned())
    }

    fn words(words: &[&str]) -> Command {
        Command::Words(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn commands_are_found_in_every_form() {
        let of = |value: Value, server| launches(&value, server).remove(0);
        assert_eq!(
            of(json!({"hooks": [{"command": "x claude Stop"}]}), false).command,
            line("x claude Stop")
        );
        assert_eq!(of(json!({"command": "x", "args": ["a", "b"]}), false).command, words(&["x", "a", "b"]));
        assert_eq!(of(json!({"command": "x y"}), true).command, words(&["x y"]));
        let with_env = of(json!({"command": ["x", "mcp"], "environment": {"A": "b"}}), true);
        assert_eq!(with_env.command, words(&["x", "mcp"]));
        assert_eq!(with_env.env, [("A".to_owned(), "b".to_owned())]);
        assert!(launches(&json!({"command": 7}), true).is_empty());
    }

    #[test]
    fn one_event_is_not_taken_for_a_longer_one() {
        assert!(has_words("[ -x p ] || exit 0; p grok Stop 2>/dev/null", " grok Stop"));
        assert!(!has_words("p grok StopFailure", " grok Stop"));
        assert!(has_words("p grok StopFailure; p grok Stop", " grok Stop"));
    }

    #[test]
    fn a_text_is_found_wherever_the_answer_has_it() {
        let answer = json!({"a": {"b": ["no", "the word stands here"]}, "c": "word"});
        assert_eq!(string_with(&answer, "stands"), Some("the word stands here"));
        assert_eq!(string_with(&answer, "missing"), None);
    }
}
