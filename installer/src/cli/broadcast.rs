//! `broadcast`: one message to everyone in a room.

use super::context::{BodyArgs, Context, SenderArgs};
use super::send_message::{MessageArgs, confirm};
use super::{Status, duration};
use crate::exit;
use crate::post::{self, Outgoing};

/// Send a message to every live session of a room.
///
/// It wakes nobody, unless --urgency high says so. A broadcast that nobody read expires after an hour, unless --expires
/// says otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    body: BodyArgs,
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    options: MessageArgs,
    /// What it is for: note, status, result, or a word of your own.
    #[arg(long, default_value = "note")]
    kind: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let sender = args.sender.resolve(context, &mut store)?;
    let body = args.body.take()?;
    let lifetime = args.options.expires.map_or(store.limits().broadcast_lifetime_ms(), duration::millis);
    let sent = post::send(
        &mut store,
        &Outgoing {
            author: sender.author,
            room: &sender.room,
            to: "*",
            newest: false,
            kind: &args.kind,
            subject: args.options.subject.as_deref(),
            body: &body,
            urgency: args.options.urgency.into(),
            lifetime_ms: Some(lifetime),
        },
    )?;
    confirm(context, &store, &sent, "sent")?;
    Ok(exit::OK)
}
