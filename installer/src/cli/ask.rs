//! `ask`: a question, and the wait for its answer.

use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::json;
use session_bridge_core::frame::printable;
use session_bridge_core::id::MessageId;
use session_bridge_store::{Message, Receipt, State, Store};

use super::context::{BodyArgs, Context, SenderArgs, message_named};
use super::follow::{Follow, Next};
use super::send_message::MessageArgs;
use super::{Status, duration, show};
use crate::exit;
use crate::post::{self, Outgoing};
use crate::report::Failure;
use crate::term::{Ui, one_line, style};

/// Ask a session a question and wait for the answer.
///
/// Standard error tells what is being waited for: stored, offered, injected, seen. The answer goes to standard output.
/// If the time is over, or after Ctrl-C, the question stays; `ask --resume <id>` waits again.
///
/// Exit status: 0 answered, 1 the question cannot be answered any more (declined, expired or failed), 3 no answer in
/// time, 130 Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who is asked.
    #[arg(value_name = "TO", required_unless_present = "resume")]
    to: Option<String>,
    #[command(flatten)]
    body: BodyArgs,
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    options: MessageArgs,
    /// Where several sessions answer to the address, ask the one that was seen last.
    #[arg(long)]
    newest: bool,
    /// How long to wait for the answer. Default: 90s, or `limits.ask_timeout_s` of settings.json.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Wait again for the answer to this question instead of asking one.
    #[arg(long, value_name = "MESSAGE", conflicts_with_all = ["to", "body", "body_file", "as_session", "room", "subject", "urgency", "expires", "newest"])]
    resume: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let usual = Duration::from_secs(store.limits().ask_timeout_s.into());
    let timeout = args.timeout.unwrap_or(usual);
    // Before the question is sent: it must not be left without a word.
    let mut follow = Follow::begin(Some(timeout))?;
    let id = match &args.resume {
        Some(text) => message_named(&store, text)?,
        None => send(args, context, &mut store)?,
    };
    let mut progress = Progress::new(context.ui, id);
    let (end, receipts) = loop {
        match follow.next(&mut store)? {
            Next::Look => {
                let receipts = store.receipts(id)?;
                progress.show(&receipts)?;
                if let Some(end) = ended(&receipts) {
                    break (end, receipts);
                }
            }
            Next::Timeout => break (End::Timeout, store.receipts(id)?),
            Next::Interrupted => break (End::Interrupted, store.receipts(id)?),
        }
    };
    progress.clear()?;
    finish(context.ui, &store, id, &end, &receipts, timeout)
}

fn send(args: &Args, context: &Context, store: &mut Store) -> Result<MessageId, Failure> {
    let to = args.to.as_deref().unwrap_or_default();
    if to == "*" {
        return Err(Failure::usage(
            "one_session_needed",
            "a question that is waited for goes to one session",
            "name one, or use `session-bridge broadcast --kind question`",
        ));
    }
    let sender = args.sender.resolve(context, store)?;
    let body = args.body.take()?;
    let out = Outgoing {
        author: sender.author,
        room: &sender.room,
        to,
        newest: args.newest,
        kind: "question",
        subject: args.options.subject.as_deref(),
        body: &body,
        urgency: args.options.urgency.into(),
        lifetime_ms: args.options.expires.map(duration::millis),
    };
    Ok(post::send(store, &out)?.id)
}

/// How a wait ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Answered(MessageId),
    Closed(State),
    Timeout,
    Interrupted,
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::Closed(state) => state.as_str(),
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
        }
    }

    fn exit(&self) -> u8 {
        match self {
            Self::Answered(_) => exit::OK,
            Self::Closed(_) => exit::NOT_WELL,
            Self::Timeout => exit::TIMEOUT,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }
}

/// The first answer wins; without any, the wait is over once nobody can answer any more.
fn ended(receipts: &[Receipt]) -> Option<End> {
    if let Some(answer) = receipts.iter().find_map(|receipt| receipt.answer) {
        return Some(End::Answered(answer));
    }
    let last = receipts.last()?.state;
    receipts.iter().all(|receipt| receipt.state.is_closed()).then_some(End::Closed(last))
}

fn finish(
    ui: Ui,
    store: &Store,
    id: MessageId,
    end: &End,
    receipts: &[Receipt],
    timeout: Duration,
) -> Status {
    let answer: Option<Message> = match end {
        End::Answered(answer) => Some(store.message(*answer)?),
        _ => None,
    };
    let resume =
        matches!(end, End::Timeout | End::Interrupted).then(|| format!("session-bridge ask --resume {id}"));
    if ui.json {
        ui.document(&json!({
            "id": id, "outcome": end.word(), "answer": answer, "receipts": receipts, "resume": resume
        }))?;
        return Ok(end.exit());
    }
    let (warn, dim) = (style::WARN, style::DIM);
    match (end, &answer) {
        (_, Some(answer)) => {
            let name = style::NAME;
            ui.note(&format!("{name}{}{name:#} {dim}{}{dim:#}\n", show::sender(answer), answer.id))?;
            ui.say(&format!("{}\n", printable(&answer.body)))?;
        }
        (End::Timeout, _) => {
            ui.note(&format!("{warn}no answer after {}s{warn:#}; the question stays\n", timeout.as_secs()))?;
        }
        (End::Interrupted, _) => ui.note(&format!("{warn}stopped waiting{warn:#}; the question stays\n"))?,
        _ => {
            let why = receipts
                .iter()
                .find_map(|r| r.remark.as_deref())
                .map(|why| format!(": {}", one_line(why, 200)));
            ui.note(&format!("{warn}{}{warn:#}{}\n", end.word(), why.unwrap_or_default()))?;
        }
    }
    if let Some(resume) = resume {
        ui.note(&format!("wait again: {resume}\n"))?;
    }
    Ok(end.exit())
}

/// Tells on standard error what is being waited for: one line that changes on a terminal, one line per change elsewhere.
struct Progress {
    ui: Ui,
    id: MessageId,
    told: String,
    live: bool,
}

impl Progress {
    fn new(ui: Ui, id: MessageId) -> Self {
        Self { ui, id, told: String::new(), live: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, receipts: &[Receipt]) -> Result<(), Failure> {
        let line = receipts.iter().map(path).collect::<Vec<_>>().join(", ");
        if self.ui.json || line == self.told {
            return Ok(());
        }
        self.told.clone_from(&line);
        let dim = style::DIM;
        if self.live {
            self.ui.note(&format!("\r\u{1b}[K{dim}{}{dim:#}  {line}", self.id))
        } else {
            self.ui.note(&format!("{} {line}\n", self.id))
        }
    }

    fn clear(&self) -> Result<(), Failure> {
        if self.live && !self.told.is_empty() { self.ui.note("\n") } else { Ok(()) }
    }
}

/// `api: stored → offered (prompt) → seen`.
fn path(receipt: &Receipt) -> String {
    let steps: Vec<String> = receipt
        .steps
        .iter()
        .map(|step| {
            let look = show::state_style(step.state);
            let at = step.surface.as_deref().map(|surface| format!(" ({})", printable(surface)));
            format!("{look}{}{look:#}{}", step.state, at.unwrap_or_default())
        })
        .collect();
    let held = receipt.remark.as_deref().map(|why| format!(" ({})", one_line(why, 200)));
    format!("{}: {}{}", one_line(&receipt.label, 60), steps.join(" → "), held.unwrap_or_default())
}
