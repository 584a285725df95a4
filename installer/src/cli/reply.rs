//! `reply`: an answer to a message.

use super::Status;
use super::context::{BodyArgs, Context, SenderArgs, message_named};
use super::send_message::confirm;
use crate::{exit, post};

/// Answer a message.
///
/// The answer goes to whoever sent the message. With --as it counts as that session's answer, and the message becomes
/// answered; its sender is told that a person at the command line wrote it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
    #[command(flatten)]
    body: BodyArgs,
    #[command(flatten)]
    sender: SenderArgs,
    /// A short title, shown in lists.
    #[arg(long)]
    subject: Option<String>,
    /// What it is for.
    #[arg(long, default_value = "answer")]
    kind: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let message = message_named(&store, &args.message)?;
    let sender = args.sender.resolve(context, &mut store)?;
    let body = args.body.take()?;
    let sent = post::reply(&mut store, sender.author, message, &args.kind, args.subject.as_deref(), &body)?;
    confirm(context, &store, &sent, "replied with")?;
    Ok(exit::OK)
}
