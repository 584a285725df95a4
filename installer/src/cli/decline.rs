//! `decline`: a recipient will not act on a message.

use serde_json::json;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::Via;
use session_bridge_store::Store;

use super::Status;
use super::context::{Context, Here, message_named, session_named};
use crate::exit;
use crate::report::Failure;
use crate::term::{one_line, style};

/// Decline a message for the session that got it; its sender is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
    /// For this session; needed where the message has several recipients and this shell runs in none of them.
    #[arg(long = "as", value_name = "SESSION")]
    as_session: Option<String>,
    /// Why, in a line; the sender reads it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let id = message_named(&store, &args.message)?;
    let session = match &args.as_session {
        Some(text) => session_named(&mut store, text, None, false)?.session.id,
        None => recipient(context, &mut store, id)?,
    };
    store.decline(session, id, args.reason.as_deref(), Via::CommandLine)?;
    let label = store.session(session)?.label;
    if context.ui.json {
        context.ui.document(&json!({ "id": id, "session": session, "label": label }))?;
    } else {
        let good = style::GOOD;
        let label = one_line(&label, 60);
        let told = store.message(id)?.sender.map_or("its receipts say so", |_| "its sender is told");
        context.ui.say(&format!("{good}✓{good:#} declined {id} for {label}; {told}\n"))?;
    }
    Ok(exit::OK)
}

/// Who is meant where nobody is named: the only recipient, or the one whose shell this is.
fn recipient(context: &Context, store: &mut Store, id: MessageId) -> Result<SessionId, Failure> {
    let recipients: Vec<SessionId> = store.receipts(id)?.iter().map(|receipt| receipt.session).collect();
    if let [one] = recipients.as_slice() {
        return Ok(*one);
    }
    match context.here(store)? {
        Here::Session(session, _) if recipients.contains(&session.id) => Ok(session.id),
        _ => Err(Failure::usage(
            "one_session_needed",
            format!("message {id} went to {} sessions", recipients.len()),
            "say for which of them with --as",
        )),
    }
}
