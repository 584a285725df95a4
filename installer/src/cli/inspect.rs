//! `inspect`: everything that is known about one message or session.

use serde_json::{Value, json};
use session_bridge_core::name::Name;
use session_bridge_store::{Message, Receipt, SessionView, Store, View};

use super::Status;
use super::context::{Context, message_named, session_named};
use super::{inbox, list_sessions, show};
use crate::exit;
use crate::report::Failure;
use crate::term::{Table, cell, moment, one_line, plain, put, style};

/// Messages that are shown of a session.
const SHOWN: u32 = 20;

/// Show everything that is known about a message or a session.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A message's or session's id, the first 6 and more characters of it, or a session's label.
    #[arg(value_name = "ID")]
    id: String,
    /// Look for a session in this room only.
    #[arg(long)]
    room: Option<Name>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let room = args.room.as_ref().map(Name::as_str);
    // A session's label can look like the beginning of an id; what is a message is not a session.
    match message_named(&store, &args.id) {
        Ok(id) => of_message(context, &mut store, id)?,
        Err(failure) if failure.code == "unknown_message" => {
            let view = session_named(&mut store, &args.id, room, false)
                .map_err(|failure| neither(&args.id, failure))?;
            of_session(context, &mut store, &view)?;
        }
        Err(failure) => return Err(failure),
    }
    Ok(exit::OK)
}

fn neither(text: &str, failure: Failure) -> Failure {
    if failure.code != "unknown_recipient" {
        return failure;
    }
    let shown: String = text.chars().take(64).collect();
    Failure::usage(
        "unknown_id",
        format!("`{shown}` is neither a message nor a session"),
        "`session-bridge inbox` and `session-bridge list-sessions` show ids",
    )
}

fn of_message(
    context: &Context,
    store: &mut Store,
    id: session_bridge_core::id::MessageId,
) -> Result<(), Failure> {
    let ui = context.ui;
    let receipts = store.receipts(id)?;
    let cleared = store.cleared_receipts(id)?;
    let message = store.message(id)?;
    let attempts = store.attempts(id)?;
    let thread = store.thread(message.thread)?;
    if ui.json {
        let others: Vec<Value> = thread.iter().map(inbox::header).collect();
        return ui.document(&json!({
            "message": message, "receipts": receipts, "cleared": cleared, "attempts": attempts, "thread": others
        }));
    }
    let strong = style::STRONG;
    let mut text = show::message(ui, &message);
    put!(text, "\n{strong}receipts{strong:#}\n");
    if receipts.is_empty() && cleared == 0 {
        text.push_str("  none: it was for nobody\n");
    }
    for receipt in &receipts {
        text.push_str(&show::receipt(ui, receipt));
    }
    text.push_str(&show::cleared(cleared));
    if !attempts.is_empty() {
        put!(text, "\n{strong}attempts{strong:#}\n");
        let mut table = Table::new(&["ATTEMPT", "BEGUN", "FOR", "SURFACE", "CARRIED", "STATUS", "EVENT"]);
        for attempt in &attempts {
            table.row(vec![
                plain(attempt.id.to_string()),
                cell(ui.ago(attempt.created), style::DIM),
                cell(label_of(&receipts, attempt.session), style::NAME),
                plain(&attempt.surface),
                plain(&attempt.part),
                plain(&attempt.status),
                cell(&attempt.event, style::DIM),
            ]);
        }
        text.push_str(&table.render());
    }
    if thread.len() > 1 {
        put!(text, "\n{strong}thread{strong:#}\n");
        text.push_str(&messages(context, &thread, id));
    }
    ui.say(&text)
}

fn label_of(receipts: &[Receipt], session: session_bridge_core::id::SessionId) -> String {
    receipts
        .iter()
        .find(|receipt| receipt.session == session)
        .map_or_else(|| session.to_string(), |receipt| receipt.label.clone())
}

fn messages(context: &Context, thread: &[Message], this: session_bridge_core::id::MessageId) -> String {
    let mut table = Table::new(&["MESSAGE", "SENT", "FROM", "KIND", "ABOUT"]);
    for message in thread {
        let look = if message.id == this { style::STRONG } else { anstyle::Style::new() };
        table.row(vec![
            cell(message.id.to_string(), look),
            cell(context.ui.ago(message.created), style::DIM),
            cell(show::sender(message), style::NAME),
            cell(message.kind.as_str(), show::kind_style(&message.kind)),
            plain(inbox::about(message)),
        ]);
    }
    table.render()
}

fn of_session(context: &Context, store: &mut Store, view: &SessionView) -> Result<(), Failure> {
    let ui = context.ui;
    let entries = store.inbox(view.session.id, View::All, SHOWN)?;
    let folder = store.run().session(view.session.id);
    let (bell, server) = (folder.bell_stands(), folder.any_server_lives());
    if ui.json {
        let messages: Vec<Value> = entries
            .iter()
            .map(|entry| json!({ "message": inbox::header(&entry.message), "state": entry.state }))
            .collect();
        return ui.document(&json!({
            "session": list_sessions::document(view, store.run()), "bell": bell, "server": server, "messages": messages
        }));
    }
    let session = &view.session;
    let (name, dim, strong) = (style::NAME, style::DIM, style::STRONG);
    let look = show::presence_style(view.presence);
    let mut text = format!("session {strong}{}{strong:#}\n", session.id);
    let mut field = |key: &str, value: String| {
        if !value.is_empty() {
            put!(text, "{dim}{key:<13}{dim:#} {value}\n");
        }
    };
    field("label", format!("{name}{}{name:#}", one_line(&session.label, 60)));
    field("provider", session.provider.clone());
    field("native id", one_line(&session.native, 100));
    field("state", format!("{look}{}{look:#}, seen {}", show::presence(view), ui.ago(view.seen)));
    field("room", one_line(&session.room, 60));
    field("roles", one_line(&session.roles.join(", "), 200));
    field("folder", one_line(&session.cwd, 400));
    field("repository", session.repo.as_deref().map(|repo| one_line(repo, 100)).unwrap_or_default());
    field("doing", session.summary.as_deref().map(|text| one_line(text, 400)).unwrap_or_default());
    field("process", session.host.map(|host| host.pid.to_string()).unwrap_or_default());
    field("MCP server", if server { "running" } else { "not running" }.to_owned());
    field("bell", if bell { "stands: an event will look for mail" } else { "quiet" }.to_owned());
    field("conversation", session.conversation.to_string());
    field("started", format!("{} ({})", ui.ago(session.started), moment(session.started)));
    if let Some(ended) = session.ended {
        let why = session.end_reason.as_deref().map(|why| format!(": {}", one_line(why, 100)));
        field("ended", format!("{}{}", ui.ago(ended), why.unwrap_or_default()));
    }
    field("unread", view.unread.to_string());
    if !entries.is_empty() {
        text.push('\n');
        text.push_str(&inbox::table(ui, &entries));
    }
    ui.say(&text)
}
