//! `receipts`: what happened to a message, per recipient.

use serde_json::json;

use super::Status;
use super::context::{Context, message_named};
use super::show;
use crate::exit;
use crate::term::{one_line, style};

/// Show what happened to a message, with the evidence for each step.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let id = message_named(&store, &args.message)?;
    let receipts = store.receipts(id)?;
    if context.ui.json {
        context.ui.document(&json!({ "id": id, "receipts": receipts }))?;
        return Ok(exit::OK);
    }
    let ui = context.ui;
    let message = store.message(id)?;
    let (strong, dim) = (style::STRONG, style::DIM);
    let about = message.subject.as_deref().unwrap_or(&message.body);
    let mut text = format!(
        "{} {strong}{id}{strong:#} {dim}from{dim:#} {} {dim}{}{dim:#}\n  {}\n\n",
        one_line(message.kind.as_str(), 48),
        show::sender(&message),
        ui.ago(message.created),
        one_line(about, 100)
    );
    if receipts.is_empty() {
        text.push_str("It was for nobody: no other session was there, or its reader is the command line.\n");
    }
    for receipt in &receipts {
        text.push_str(&show::receipt(ui, receipt));
    }
    ui.say(&text)?;
    Ok(exit::OK)
}
