//! `tail-inbox`: follow messages as they are stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use session_bridge_core::id::SessionId;
use session_bridge_core::name::Name;
use session_bridge_store::{Message, Store};

use super::Status;
use super::context::Context;
use super::inbox::whose;
use super::show;
use crate::exit;
use crate::report::Failure;
use crate::term::{Ui, indented, one_line, style};

/// How long to nap between two looks at the store's commit counter, which costs a few microseconds.
const NAP: Duration = Duration::from_millis(150);
/// How many messages one look takes.
const BATCH: u32 = 200;

/// Follow messages as they come, until Ctrl-C.
///
/// Without a session: those of the session that this shell runs in; outside of any, all messages of the room, or of
/// all rooms. Following changes nothing: messages stay unread. With --json each message is one line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session: its label, role, id or the beginning of it.
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// The room.
    #[arg(long)]
    room: Option<Name>,
    /// Follow all messages, also inside of a session.
    #[arg(long, conflicts_with = "session")]
    all: bool,
    /// Begin with so many earlier messages.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    last: u32,
    /// End after so many messages.
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let session = match args.all {
        true => None,
        false => whose(args.session.as_deref(), args.room.as_ref(), context, &mut store)?,
    };
    let stop = interrupts()?;
    let follow = Follow { session: session.as_ref().map(|view| view.session.id), room: args.room.clone() };
    let newest = store.newest_seq()?;
    let mut at = follow.start(&store, newest, args.last)?;
    if !context.ui.json {
        let whom = session.map_or_else(
            || args.room.as_ref().map_or("all rooms".to_owned(), |room| format!("room {room}")),
            |view| one_line(&view.session.label, 60),
        );
        let dim = style::DIM;
        context.ui.note(&format!("{dim}following {whom}; Ctrl-C ends{dim:#}\n"))?;
    }
    let mut left = args.count;
    let mut version = None;
    while !stop.load(Ordering::Relaxed) {
        let now = store.version()?;
        if version == Some(now) {
            std::thread::sleep(NAP);
            continue;
        }
        version = Some(now);
        loop {
            let found = follow.since(&store, at)?;
            for message in &found {
                if left == Some(0) {
                    return Ok(exit::OK);
                }
                print(Ui::new(context.ui.json), message)?;
                at = message.seq;
                left = left.map(|n| n - 1);
            }
            if left == Some(0) {
                return Ok(exit::OK);
            }
            if found.len() < BATCH as usize {
                break;
            }
        }
    }
    Ok(exit::INTERRUPTED)
}

/// What is followed.
struct Follow {
    session: Option<SessionId>,
    room: Option<Name>,
}

impl Follow {
    fn since(&self, store: &Store, seq: i64) -> Result<Vec<Message>, Failure> {
        Ok(match self.session {
            Some(session) => store.received_since(session, seq, BATCH)?,
            None => store.since(self.room.as_ref().map(Name::as_str), seq, BATCH)?,
        })
    }

    /// The position before the `last` newest messages.
    fn start(&self, store: &Store, newest: i64, last: u32) -> Result<i64, Failure> {
        if last == 0 {
            return Ok(newest);
        }
        let mut positions = vec![0];
        loop {
            let found = self.since(store, positions[positions.len() - 1])?;
            positions.extend(found.iter().map(|message| message.seq));
            if found.len() < BATCH as usize {
                break;
            }
        }
        let back = positions.len().saturating_sub(1 + last as usize);
        Ok(positions[back])
    }
}

fn print(ui: Ui, message: &Message) -> Result<(), Failure> {
    if ui.json {
        return ui.line(&json!(message));
    }
    let (name, dim) = (style::NAME, style::DIM);
    let kind = show::kind_style(&message.kind);
    let subject = message.subject.as_deref().map(|s| format!("  {}", one_line(s, 100))).unwrap_or_default();
    ui.say(&format!(
        "{name}{}{name:#} → {}  {kind}{}{kind:#}{subject}  {dim}{} {}{dim:#}\n{}\n",
        one_line(&show::sender(message), 80),
        one_line(&message.to, 80),
        one_line(message.kind.as_str(), 48),
        message.id,
        ui.ago(message.created),
        indented(&message.body, 2)
    ))
}

/// A flag that Ctrl-C sets, instead of ending the process in the middle of something.
pub(super) fn interrupts() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(|error| {
            Failure::new("signals", exit::NOT_WELL, "cannot listen for Ctrl-C", "").because(error.to_string())
        })?;
    }
    Ok(flag)
}
