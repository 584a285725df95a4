//! `cancel`: withdraw a message that has not reached anybody.

use serde_json::json;

use super::Status;
use super::context::{Context, message_named};
use crate::exit;
use crate::term::style;

/// Withdraw a message that has not been put before any session yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let id = message_named(&store, &args.message)?;
    let withdrawn = store.cancel(id)?;
    if context.ui.json {
        context.ui.document(&json!({ "id": id, "withdrawn": withdrawn }))?;
    } else {
        let good = style::GOOD;
        let from = match withdrawn {
            0 => "it was not waiting for anybody".to_owned(),
            1 => "one session will not get it".to_owned(),
            n => format!("{n} sessions will not get it"),
        };
        context.ui.say(&format!("{good}✓{good:#} cancelled {id}: {from}\n"))?;
    }
    Ok(exit::OK)
}
