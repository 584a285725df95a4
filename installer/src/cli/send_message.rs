//! `send-message`: one message to one session.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use session_bridge_core::id::SessionId;
use session_bridge_core::message::Urgency;
use session_bridge_store::{Sent, SessionView, Store};

use super::context::{BodyArgs, Context, SenderArgs, brief};
use super::{Status, duration, show};
use crate::exit;
use crate::post::{self, Outgoing};
use crate::report::Failure;
use crate::term::{one_line, put, style};

/// Send a message to a session.
///
/// The address is a label, a role, a session id or its first 6 and more characters, `cwd:/abs/path`, `repo:name`, or
/// `*` for everyone in the room.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who gets it.
    #[arg(value_name = "TO")]
    to: String,
    #[command(flatten)]
    body: BodyArgs,
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    options: MessageArgs,
    /// What it is for: note, question, answer, result, status, lock, unlock, handoff, or a word of your own.
    #[arg(long, default_value = "note")]
    kind: String,
    /// Where several sessions answer to the address, send to the one that was seen last.
    #[arg(long)]
    newest: bool,
}

/// What every new message may have.
#[derive(Debug, clap::Args)]
pub(crate) struct MessageArgs {
    /// A short title, shown in lists.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// How pressing it is.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) urgency: UrgencyArg,
    /// How long it may wait to be read, such as 90s, 5m, 1h or 2d; to everyone 1h, unless this says otherwise.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) expires: Option<Duration>,
}

/// [`Urgency`] as an option's value.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum UrgencyArg {
    /// Whenever it fits.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// First among what waits.
    High,
}

impl From<UrgencyArg> for Urgency {
    fn from(urgency: UrgencyArg) -> Self {
        match urgency {
            UrgencyArg::Low => Self::Low,
            UrgencyArg::Normal => Self::Normal,
            UrgencyArg::High => Self::High,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let sender = args.sender.resolve(context, &mut store)?;
    let body = args.body.take()?;
    // As `broadcast` does.
    let usual = (args.to == "*").then(|| store.limits().broadcast_lifetime_ms());
    let sent = post::send(
        &mut store,
        &Outgoing {
            author: sender.author,
            room: &sender.room,
            to: &args.to,
            newest: args.newest,
            kind: &args.kind,
            subject: args.options.subject.as_deref(),
            body: &body,
            urgency: args.options.urgency.into(),
            lifetime_ms: args.options.expires.map(duration::millis).or(usual),
        },
    )?;
    confirm(context, &store, &sent, "sent")?;
    Ok(exit::OK)
}

/// Says what was committed, and for whom.
pub(super) fn confirm(context: &Context, store: &Store, sent: &Sent, done: &str) -> Result<(), Failure> {
    let views = views(store, &sent.recipients)?;
    if context.ui.json {
        let recipients: Vec<_> = views.iter().map(brief).collect();
        return context.ui.document(&json!({
            "id": sent.id, "thread": sent.thread, "recipients": recipients, "blocked_by": sent.left_out
        }));
    }
    let (good, dim) = (style::GOOD, style::DIM);
    let mut text = format!("{good}✓{good:#} {done} {} to {}\n", sent.id, show::recipients(&views));
    let warn = style::WARN;
    for view in &views {
        if let Some(pause) = &view.paused {
            let label = one_line(&view.session.label, 60);
            put!(text, "{warn}  held for {label}: {} paused{warn:#}\n", pause.what());
        }
    }
    if !sent.left_out.is_empty() {
        put!(text, "{warn}  left out, as they block this sender: {}{warn:#}\n", {
            show::recipients(&self::views(store, &sent.left_out)?)
        });
    }
    put!(text, "{dim}  what became of it: session-bridge receipts {}{dim:#}\n", sent.id);
    context.ui.say(&text)
}

/// Sessions with what is known of their presence.
pub(super) fn views(store: &Store, ids: &[SessionId]) -> Result<Vec<SessionView>, Failure> {
    Ok(ids.iter().map(|id| store.session(*id).and_then(|row| store.view(row))).collect::<Result<_, _>>()?)
}
