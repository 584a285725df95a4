//! `read`: one message, whole. Looking changes nothing.

use super::Status;
use super::context::{Context, message_named};
use super::show;
use crate::exit;

/// Show one message with its text.
///
/// A person's reading is not a session's: the message stays unread for the session that it is for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let store = context.store()?;
    let message = store.message(message_named(&store, &args.message)?)?;
    if context.ui.json {
        context.ui.document(&message)?;
    } else {
        context.ui.say(&show::message(context.ui, &message))?;
    }
    Ok(exit::OK)
}
