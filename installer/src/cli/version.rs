//! `version`.

use serde_json::json;

use super::Status;
use super::context::Context;
use crate::exit;

/// Show the version of this program.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Status {
    let version = env!("CARGO_PKG_VERSION");
    if context.ui.json {
        context.ui.document(&json!({ "name": "session-bridge", "version": version }))?;
    } else {
        context.ui.say(&format!("session-bridge {version}\n"))?;
    }
    Ok(exit::OK)
}
