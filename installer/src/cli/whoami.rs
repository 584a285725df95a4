//! `whoami`: which session this shell runs in.

use serde_json::{Value, json};

use super::Status;
use super::context::{Context, Here};
use super::list_sessions::document;
use crate::exit;
use crate::term::{one_line, style};

/// Show the session that this shell runs in, or that it runs in none.
///
/// Messages that are sent from here are marked as coming from the command line all the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Status {
    let store = context.store()?;
    let ui = context.ui;
    match context.here(&store)? {
        Here::Session(session, how) => {
            let view = store.view(*session)?;
            if ui.json {
                ui.document(&json!({ "session": document(&view, store.run()), "by": how, "sends_as": context.person() }))?;
            } else {
                let (name, dim) = (style::NAME, style::DIM);
                let session = &view.session;
                ui.say(&format!(
                    "{name}{}{name:#} ({}, room {}) {}\n{dim}known by: {how}{dim:#}\n",
                    one_line(&session.label, 60),
                    session.provider,
                    one_line(&session.room, 60),
                    session.id
                ))?;
                if let Some(pause) = &view.paused {
                    ui.say(&super::pause::line(context, pause))?;
                }
            }
        }
        Here::CommandLine if ui.json => {
            ui.document(&json!({ "session": Value::Null, "by": Value::Null, "sends_as": context.person() }))?;
        }
        Here::CommandLine => {
            ui.say(&format!(
                "the command line (sends as {}); this shell runs in no session\n",
                context.person()
            ))?;
        }
    }
    Ok(exit::OK)
}
