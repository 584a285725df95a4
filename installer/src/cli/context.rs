//! What every command needs: the home, the store, and who is meant by what was typed.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use session_bridge_core::address;
use session_bridge_core::environment;
use session_bridge_core::home::Home;
use session_bridge_core::host::{Host as _, RealHost};
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::name::Name;
use session_bridge_core::process;
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Author, Pause, Role, Session, SessionView, Store};

use crate::door;
use crate::report::Failure;
use crate::term::Ui;

/// Shortest beginning of a message id that is looked up.
const MIN_PREFIX: usize = address::MIN_PREFIX;
/// How far up the process tree a session is looked for.
const ANCESTORS: usize = 32;
/// What is read of a text before its size is judged.
const MOST_READ: u64 = 16 << 20;

/// The command's surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ui: Ui,
    pub(crate) host: RealHost,
    pub(crate) home: Home,
}

/// Where this shell runs.
#[derive(Debug, Clone)]
pub(crate) enum Here {
    /// Inside a session; how that is known.
    Session(Box<Session>, &'static str),
    /// Anywhere else.
    CommandLine,
}

impl Context {
    pub(crate) fn new(ui: Ui) -> Result<Self, Failure> {
        let host = RealHost;
        let home = Home::find(&host)?;
        Ok(Self { ui, host, home })
    }

    /// The store; made if there is none.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        let mut store = Store::open(&self.home, Role::Cli)?;
        door::carry_out(&mut store);
        Ok(store)
    }

    /// The store if there is one that can be opened; none is made.
    pub(crate) fn store_if_any(&self) -> Option<Store> {
        self.home.store().exists().then(|| self.store().ok()).flatten()
    }

    /// The session that this shell runs in, by the override or by the process that hosts one. Nothing is guessed: a
    /// process that hosts several names none.
    pub(crate) fn here(&self, store: &Store) -> Result<Here, Failure> {
        let variable = environment::SESSION_ID.name;
        if let Some(text) = self.host.env_text(variable) {
            let id: SessionId = text.parse().map_err(|error| {
                Failure::usage(
                    "bad_session_id",
                    format!("{variable}: {error}"),
                    "set it to a session's id, or unset it",
                )
            })?;
            return Ok(Here::Session(Box::new(store.session(id)?), "SESSION_BRIDGE_SESSION_ID"));
        }
        for ancestor in process::ancestors(ANCESTORS) {
            for provider in PROVIDERS {
                if let Some(session) = store.hosted_by(provider.card().id.as_str(), ancestor.key)? {
                    return Ok(Here::Session(Box::new(session), "host process"));
                }
            }
        }
        Ok(Here::CommandLine)
    }

    /// What stands as sender where no session is lent.
    pub(crate) fn person(&self) -> String {
        let named = self.host.env_text("USER").filter(|name| name.parse::<Name>().is_ok());
        named.unwrap_or_else(|| "user".to_owned())
    }
}

/// The one session that an address means, among all rooms or one. Sessions that have ended are found by id.
pub(crate) fn session_named(
    store: &mut Store,
    text: &str,
    room: Option<&str>,
    newest: bool,
) -> Result<SessionView, Failure> {
    let parsed = address::parse(text)?;
    let views = store.sessions(room, true)?;
    let candidates: Vec<_> = views.iter().map(|view| view.session.candidate(view.seen)).collect();
    let found = address::resolve(&parsed, &candidates, None, newest)?;
    match (parsed, found.as_slice()) {
        (address::Address::Everyone, _) | (_, [] | [_, _, ..]) => Err(Failure::usage(
            "one_session_needed",
            format!("`{text}` does not name one session"),
            "use a label or id from `session-bridge list-sessions`",
        )),
        (_, [id]) => Ok(store.session(*id).and_then(|session| store.view(session))?),
    }
}

/// A message by its id or a beginning of it that no other message shares.
pub(crate) fn message_named(store: &Store, text: &str) -> Result<MessageId, Failure> {
    if let Ok(id) = text.parse::<MessageId>() {
        return Ok(store.message(id)?.id);
    }
    if text.len() < MIN_PREFIX {
        return Err(unknown_message(text));
    }
    match store.messages_like(text, 6)?.as_slice() {
        [] => Err(unknown_message(text)),
        [one] => Ok(*one),
        many => {
            let ids: Vec<String> = many.iter().take(5).map(ToString::to_string).collect();
            let more = if many.len() > 5 { ", …" } else { "" };
            Err(Failure::usage(
                "ambiguous_message",
                format!("several messages begin with `{text}`: {}{more}", ids.join(", ")),
                "give more of the id",
            ))
        }
    }
}

pub(crate) fn unknown_message(text: &str) -> Failure {
    let shown: String = text.chars().take(64).collect();
    Failure::usage(
        "unknown_message",
        format!("there is no message `{shown}`"),
        format!(
            "give its id, or {MIN_PREFIX} and more of its first characters, as `session-bridge inbox` shows it"
        ),
    )
}

/// Who sends, and in which room.
#[derive(Debug, Clone, Args)]
pub(crate) struct SenderArgs {
    /// Send as this session: answers go to its inbox. Readers are told all the same that it came from the command line.
    #[arg(long = "as", value_name = "SESSION")]
    pub(crate) as_session: Option<String>,
    /// The room; by default that of the sending session, of the session that this shell runs in, or `default`.
    #[arg(long)]
    pub(crate) room: Option<Name>,
}

/// A sender as the store takes it.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) author: Author,
    pub(crate) room: String,
}

impl SenderArgs {
    pub(crate) fn resolve(&self, context: &Context, store: &mut Store) -> Result<Sender, Failure> {
        let room = self.room.as_ref().map(Name::as_str);
        if let Some(text) = &self.as_session {
            let session = session_named(store, text, room, false)?.session;
            let author = Author::CommandLine { name: session.label, as_session: Some(session.id) };
            return Ok(Sender { author, room: session.room });
        }
        let author = Author::CommandLine { name: context.person(), as_session: None };
        Ok(Sender { author, room: room_of(context, store, room)? })
    }
}

/// The room that is meant if none was named.
fn room_of(context: &Context, store: &Store, named: Option<&str>) -> Result<String, Failure> {
    if let Some(room) = named {
        return Ok(room.to_owned());
    }
    if let Some(room) = context.host.env_text(environment::ROOM.name) {
        return Ok(room.parse::<Name>()?.to_string());
    }
    Ok(match context.here(store)? {
        Here::Session(session, _) => session.room,
        Here::CommandLine => Name::default_room().to_string(),
    })
}

/// A message's text, from one of three places.
#[derive(Debug, Clone, Args)]
pub(crate) struct BodyArgs {
    /// The text; `-`, or nothing while something is piped in, reads standard input.
    #[arg(value_name = "BODY")]
    pub(crate) body: Option<String>,
    /// Read the text from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    pub(crate) body_file: Option<PathBuf>,
}

impl BodyArgs {
    /// The text. One line end at the end of what is piped in is the pipe's, as everywhere in a shell.
    pub(crate) fn take(&self) -> Result<String, Failure> {
        if let Some(path) = &self.body_file {
            let read = File::open(path).and_then(limited).map_err(|e| Failure::file("read", path, &e))?;
            return text(read, &format!("{} is", path.display()));
        }
        match self.body.as_deref() {
            Some(body) if body != "-" => Ok(body.to_owned()),
            None if io::stdin().is_terminal() => Ok(String::new()),
            _ => {
                let read = limited(io::stdin().lock())
                    .map_err(|e| Failure::file("read", "standard input".as_ref(), &e))?;
                let mut body = text(read, "what was piped in is")?;
                if body.ends_with('\n') {
                    body.pop();
                }
                Ok(body)
            }
        }
    }
}

fn limited(from: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(
            "body_not_text",
            format!("{what} not UTF-8 text (byte {at})"),
            "send the file's path instead; the reader can open it",
        )
    })
}

/// A session as every command's JSON names it.
pub(crate) fn brief(view: &SessionView) -> Value {
    let session = &view.session;
    json!({
        "session": session.id,
        "label": session.label,
        "provider": session.provider,
        "room": session.room,
        "presence": view.presence,
        "paused": view.paused.as_ref().map(Pause::as_str),
    })
}
