//! `receipts`: what happened to a message, per recipient, and what happens next.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_store::{Message, Receipt, State, Step, Store};

use super::context::{Context, message_named};
use super::follow::{Follow, Next};
use super::{Status, duration, show};
use crate::exit;
use crate::report::Failure;
use crate::term::{Ui, after, fits, lines, one_line, put, style, wide};

/// Columns that a label may take in a line of --follow.
const LABEL: usize = 40;
/// Columns of the time.
const TIME: usize = 7;
/// Columns of the longest word for a state.
const STATE: usize = 8;

/// Show what happened to a message, with the evidence for each step.
///
/// With --follow, further steps are shown as they come, until the message was seen, answered or declined by each
/// recipient, or expired or failed for it. Mail that is held, or was announced and waits to be read, is waited for. An
/// answer that comes after `seen` is waited for by `ask --resume`. With --json each step is one line.
///
/// Exit status with --follow: 0 all have seen or answered it, 1 somebody never will, 3 not all in time, 130 Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message: its id, or the first 6 and more characters of it.
    #[arg(value_name = "MESSAGE")]
    message: String,
    /// Go on, and show each new step as it comes.
    #[arg(long)]
    follow: bool,
    /// How long to follow; without it, to the end.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "follow")]
    timeout: Option<Duration>,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let mut store = context.store()?;
    let id = message_named(&store, &args.message)?;
    let ui = context.ui;
    if args.follow {
        return follow(ui, &mut store, id, args.timeout);
    }
    let receipts = store.receipts(id)?;
    let cleared = store.cleared_receipts(id)?;
    if ui.json {
        ui.document(&json!({ "id": id, "receipts": receipts, "cleared": cleared }))?;
        return Ok(exit::OK);
    }
    let mut text = head(ui, &store.message(id)?);
    if receipts.is_empty() && cleared == 0 {
        text.push_str(NOBODY);
    }
    for receipt in &receipts {
        text.push_str(&show::receipt(ui, receipt));
    }
    text.push_str(&show::cleared(cleared));
    ui.say(&text)?;
    Ok(exit::OK)
}

const NOBODY: &str = "It was for nobody: no other session was there, or its reader is the command line.\n";

/// Which message it is.
fn head(ui: Ui, message: &Message) -> String {
    let (strong, dim) = (style::STRONG, style::DIM);
    let about = message.subject.as_deref().unwrap_or(&message.body);
    format!(
        "{} {strong}{}{strong:#} {dim}from{dim:#} {} {dim}{}{dim:#}\n  {}\n\n",
        one_line(message.kind.as_str(), 48),
        message.id,
        show::sender(message),
        ui.ago(message.created),
        one_line(about, 100)
    )
}

fn follow(ui: Ui, store: &mut Store, id: MessageId, timeout: Option<Duration>) -> Status {
    let mut follow = Follow::begin(timeout)?;
    let message = store.message(id)?;
    let mut told = Told { ui, sent: message.created, id, known: BTreeMap::new() };
    if !ui.json {
        ui.say(&head(ui, &message))?;
    }
    let (receipts, next) = loop {
        let next = follow.next(store)?;
        let receipts = store.receipts(id)?;
        told.tell(&receipts, store.now())?;
        if next != Next::Look || receipts.iter().all(is_final) {
            break (receipts, next);
        }
    };
    let open = receipts.iter().filter(|receipt| !is_final(receipt)).count();
    if !ui.json {
        let cleared = store.cleared_receipts(id)?;
        if !receipts.is_empty() || cleared == 0 {
            ui.note(&told.end(&receipts, open, next))?;
        }
        ui.note(&show::cleared(cleared))?;
    }
    Ok(match next {
        _ if open == 0 && receipts.iter().any(|receipt| receipt.state.is_closed()) => exit::NOT_WELL,
        _ if open == 0 => exit::OK,
        Next::Interrupted => exit::INTERRUPTED,
        Next::Timeout | Next::Look => exit::TIMEOUT,
    })
}

/// Whether nothing more is followed for a recipient. Where nothing proves that its model saw the text, its word that it dealt
/// with it is the last that comes.
fn is_final(receipt: &Receipt) -> bool {
    is_over(receipt.state) || receipt.marked.is_some()
}

fn is_over(state: State) -> bool {
    state.is_closed() || is_good(state)
}

fn is_good(state: State) -> bool {
    matches!(state, State::Seen | State::Answered)
}

/// What was told already.
struct Told {
    ui: Ui,
    id: MessageId,
    /// When the message was sent; times are told from there.
    sent: i64,
    known: BTreeMap<SessionId, (Vec<Step>, Option<String>)>,
}

impl Told {
    /// Tells what is new, in the order in which it happened.
    fn tell(&mut self, receipts: &[Receipt], now: i64) -> Result<(), Failure> {
        let width = receipts.iter().map(|receipt| wide(&one_line(&receipt.label, LABEL))).max().unwrap_or(0);
        let mut news = Vec::new();
        for receipt in receipts {
            let (steps, remark) = self.known.entry(receipt.session).or_default();
            for step in &receipt.steps {
                if !steps.contains(step) {
                    news.push((receipt, step.clone(), None));
                    steps.push(step.clone());
                }
            }
            let present = remark_on(receipt);
            if *remark != present {
                remark.clone_from(&present);
                let step = Step { state: receipt.state, at: now, surface: None, evidence: None };
                news.extend(present.map(|remark| (receipt, step, Some(remark))));
            }
        }
        news.sort_by_key(|(_, step, _)| step.at);
        for (receipt, step, remark) in news {
            if self.ui.json {
                let mut line = json!({
                    "id": self.id, "session": receipt.session, "label": receipt.label, "provider": receipt.provider
                });
                if let (Some(line), Ok(serde_json::Value::Object(step))) =
                    (line.as_object_mut(), serde_json::to_value(&step))
                {
                    line.extend(step);
                    line.extend(remark.map(|remark| ("remark".to_owned(), json!(remark))));
                }
                self.ui.line(&line)?;
            } else {
                self.ui.say(&self.line(receipt, &step, remark.as_deref(), width))?;
            }
        }
        Ok(())
    }

    /// When, who, the state, and what proves it or stands in the way.
    fn line(&self, receipt: &Receipt, step: &Step, remark: Option<&str>, width: usize) -> String {
        let (name, dim) = (style::NAME, style::DIM);
        // For people `held` is a state like the others.
        let (word, look, details) = match remark.map(|remark| (remark.strip_prefix("held: "), remark)) {
            Some((Some(why), _)) => ("held", style::WARN, why.to_owned()),
            Some((None, remark)) => (step.state.as_str(), show::state_style(step.state), remark.to_owned()),
            None => {
                let proof = [&step.surface, &step.evidence].into_iter().flatten().map(String::as_str);
                let proof = proof.collect::<Vec<_>>().join(": ");
                (step.state.as_str(), show::state_style(step.state), proof)
            }
        };
        let label = one_line(&receipt.label, LABEL);
        let pad = " ".repeat(width.saturating_sub(wide(&label)));
        let when = after(step.at - self.sent);
        let mut out = format!("{dim}{when:>TIME$}{dim:#}  {name}{label}{name:#}{pad}  {look}{word}{look:#}");
        let details = one_line(&details, usize::MAX);
        let column = TIME + 2 + width + 2 + STATE + 2;
        if details.is_empty() {
            // A state alone does not end in its own padding.
        } else if fits(&details, column) {
            put!(out, "{}{dim}{details}{dim:#}", " ".repeat(STATE + 2 - word.len()));
        } else {
            let indent = TIME + 4;
            for text in lines(&details, indent) {
                put!(out, "\n{}{dim}{text}{dim:#}", " ".repeat(indent));
            }
        }
        out.push('\n');
        out
    }

    fn end(&self, receipts: &[Receipt], open: usize, next: Next) -> String {
        let (good, warn, bad, dim) = (style::GOOD, style::WARN, style::BAD, style::DIM);
        if receipts.is_empty() {
            return NOBODY.to_owned();
        }
        let all = recipients(receipts.len());
        if open > 0 {
            let why = if next == Next::Interrupted { "stopped" } else { "the time is over" };
            let open = if receipts.len() > 1 { format!(", open for {open} of {all}") } else { String::new() };
            return format!(
                "{warn}{why}{warn:#}{open}\n{dim}go on: session-bridge receipts {} --follow{dim:#}\n",
                self.id
            );
        }
        let lost: Vec<String> = [State::Declined, State::Expired, State::Failed]
            .into_iter()
            .map(|state| (state, receipts.iter().filter(|receipt| receipt.state == state).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| format!("{state} for {count}"))
            .collect();
        if lost.is_empty() {
            let proven = receipts.iter().all(|receipt| is_good(receipt.state));
            let how = if proven { "seen or answered" } else { "seen, answered or marked as read" };
            return format!("{good}✓{good:#} {how} by {all}\n");
        }
        if receipts.len() == 1 {
            return format!("{bad}✗ {}{bad:#}\n", receipts[0].state);
        }
        format!("{bad}✗{bad:#} {} of {all}\n", lost.join(" and "))
    }
}

fn recipients(count: usize) -> String {
    if count == 1 { "1 recipient".to_owned() } else { format!("{count} recipients") }
}

/// What stands in the way of a recipient that is waited for.
fn remark_on(receipt: &Receipt) -> Option<String> {
    if is_over(receipt.state) {
        return None;
    }
    receipt.remark.clone().or_else(|| show::unproven(receipt).map(str::to_owned))
}
