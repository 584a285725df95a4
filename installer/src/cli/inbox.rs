//! `inbox`: headers only, and nothing changes by looking.

use serde_json::{Value, json};
use session_bridge_core::name::Name;
use session_bridge_store::{Entry, Message, SessionView, State, Store, View};

use super::Status;
use super::context::{Context, Here, brief, session_named};
use super::show;
use crate::exit;
use crate::report::Failure;
use crate::term::{Table, Ui, cell, one_line, plain, style};

/// List a session's messages.
///
/// Without a session: those of the session that this shell runs in; outside of any, the answers to what was asked from
/// the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session: its label, role, id or the beginning of it.
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// Look for the session in this room only.
    #[arg(long)]
    room: Option<Name>,
    /// Show what was read as well.
    #[arg(long)]
    all: bool,
    /// Show at most so many, the newest.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    match whose(args.session.as_deref(), args.room.as_ref(), context, &mut store)? {
        Some(view) => of_session(args, context, &mut store, &view)?,
        None => of_command_line(args, context, &store)?,
    }
    Ok(exit::OK)
}

/// The session that is meant: the named one, or the one that this shell runs in.
pub(super) fn whose(
    named: Option<&str>,
    room: Option<&Name>,
    context: &Context,
    store: &mut Store,
) -> Result<Option<SessionView>, Failure> {
    if let Some(text) = named {
        return session_named(store, text, room.map(Name::as_str), false).map(Some);
    }
    Ok(match context.here(store)? {
        Here::Session(session, _) => Some(store.view(*session)?),
        Here::CommandLine => None,
    })
}

fn of_session(args: &Args, context: &Context, store: &mut Store, view: &SessionView) -> Result<(), Failure> {
    let ui = context.ui;
    let which = if args.all { View::All } else { View::Unread };
    let entries = store.inbox(view.session.id, which, args.limit)?;
    if ui.json {
        let messages: Vec<_> = entries.iter().map(entry).collect();
        return ui.document(&json!({ "of": brief(view), "messages": messages }));
    }
    let label = one_line(&view.session.label, 60);
    if entries.is_empty() {
        let what = if args.all { "no messages" } else { "nothing unread" };
        return ui.say(&format!("{label}: {what}\n"));
    }
    ui.say(&table(ui, &entries))
}

/// A session's messages, a row each.
pub(super) fn table(ui: Ui, entries: &[Entry]) -> String {
    let mut table = Table::new(&["MESSAGE", "SENT", "FROM", "KIND", "STATE", "ABOUT"]);
    for entry in entries {
        let message = &entry.message;
        table.row(vec![
            plain(message.id.to_string()),
            cell(ui.ago(message.created), style::DIM),
            cell(show::sender(message), style::NAME),
            cell(message.kind.as_str(), show::kind_style(&message.kind)),
            cell(state_word(entry), show::state_style(entry.state)),
            plain(about(message)),
        ]);
    }
    table.render()
}

fn of_command_line(args: &Args, context: &Context, store: &Store) -> Result<(), Failure> {
    let ui = context.ui;
    let replies = store.replies_to_people(args.room.as_ref().map(Name::as_str), args.limit)?;
    if ui.json {
        let messages: Vec<_> = replies.iter().map(header).collect();
        return ui.document(&json!({ "of": Value::Null, "messages": messages }));
    }
    if replies.is_empty() {
        return ui.say("the command line: no answers yet. Name a session to see its inbox; `session-bridge list-sessions` shows them.\n");
    }
    let mut table = Table::new(&["MESSAGE", "SENT", "FROM", "KIND", "ANSWERS", "ABOUT"]);
    for message in &replies {
        table.row(vec![
            plain(message.id.to_string()),
            cell(ui.ago(message.created), style::DIM),
            cell(show::sender(message), style::NAME),
            plain(message.kind.as_str()),
            cell(message.in_reply_to.map(|id| id.to_string()).unwrap_or_default(), style::DIM),
            plain(about(message)),
        ]);
    }
    ui.say(&table.render())
}

/// A message without its text.
pub(super) fn header(message: &Message) -> Value {
    let mut value = json!(message);
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("body");
        fields.insert("bytes".to_owned(), json!(message.body.len()));
    }
    value
}

fn entry(entry: &Entry) -> Value {
    let mut value = header(&entry.message);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("state".to_owned(), json!(entry.state));
        fields.insert("parked".to_owned(), json!(entry.parked));
        fields.insert("doubt".to_owned(), json!(entry.doubt));
        fields.insert("marked".to_owned(), json!(entry.marked));
    }
    value
}

fn state_word(entry: &Entry) -> String {
    let remark = match entry {
        _ if entry.marked.is_some() => ", done",
        _ if entry.doubt => "?",
        _ if entry.parked && entry.state == State::Stored => ", parked",
        _ => "",
    };
    format!("{}{remark}", entry.state)
}

/// The subject, or the beginning of the text.
pub(super) fn about(message: &Message) -> String {
    one_line(message.subject.as_deref().unwrap_or(&message.body), 100)
}
