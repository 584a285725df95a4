//! Messages, sessions and receipts as several commands show them.

use session_bridge_core::frame::printable;
use session_bridge_core::message::{Kind, Via};
use session_bridge_store::{Message, Presence, Receipt, SessionView, State, Step};

use crate::term::{Ui, after, indented, moment, one_line, put, style};

/// Of a delivery whose body went out, nobody can say where to.
const DOUBTFUL: &str = "may or may not have reached the model";
/// Of a parked delivery.
const ANNOUNCED: &str = "announced, waits to be read by id";
/// What stands beside a delivery that nothing more is proven of than that its model dealt with it.
const MARKED: &str = "marked as read by its model";

/// How a state looks.
pub(crate) fn state_style(state: State) -> anstyle::Style {
    match state {
        State::Seen | State::Answered => style::GOOD,
        State::Declined | State::Expired | State::Failed => style::BAD,
        State::Injected => style::NAME,
        _ => style::WARN,
    }
}

/// How a presence looks.
pub(crate) fn presence_style(presence: Presence) -> anstyle::Style {
    match presence {
        Presence::Busy => style::WARN,
        Presence::Idle => style::GOOD,
        Presence::Offline | Presence::Ended => style::DIM,
    }
}

/// A session's presence, and whether it is paused.
pub(crate) fn presence(view: &SessionView) -> String {
    let paused = if view.paused.is_some() { ", paused" } else { "" };
    format!("{}{paused}", view.presence.as_str())
}

/// How a kind looks: what wants an answer stands out.
pub(crate) fn kind_style(kind: &Kind) -> anstyle::Style {
    if matches!(kind, Kind::Question) { style::WARN } else { anstyle::Style::new() }
}

/// The sender, and how it was sent.
pub(crate) fn sender(message: &Message) -> String {
    let from = printable(&message.from);
    match (message.via, &message.provider) {
        (Via::CommandLine, _) => format!("{from} (command line)"),
        (_, Some(provider)) => format!("{from} ({provider})"),
        _ => from,
    }
}

/// A whole message: its head in a few lines, then its text.
pub(crate) fn message(ui: Ui, message: &Message) -> String {
    let (strong, dim) = (style::STRONG, style::DIM);
    let kind = kind_style(&message.kind);
    let mut out =
        format!("{kind}{}{kind:#} {strong}{}{strong:#}\n", printable(message.kind.as_str()), message.id);
    let mut field = |name: &str, value: &str| {
        put!(out, "{dim}{name:<9}{dim:#} {}\n", one_line(value, usize::MAX));
    };
    field("from", &sender(message));
    field("to", &message.to);
    field("room", &message.room);
    if let Some(subject) = &message.subject {
        field("subject", subject);
    }
    field("sent", &format!("{} ({})", ui.ago(message.created), moment(message.created)));
    if let Some(at) = message.expires {
        // For whom it did, the receipts alone tell.
        field("expires", &format!("{}, where unread by then", crate::term::until(ui.now, at)));
    }
    if let Some(parent) = message.in_reply_to {
        field("replies to", &parent.to_string());
    }
    out.push('\n');
    out.push_str(&indented(&message.body, 2));
    out
}

/// One recipient's state and every step to it.
pub(crate) fn receipt(ui: Ui, receipt: &Receipt) -> String {
    let (name, dim, look) = (style::NAME, style::DIM, state_style(receipt.state));
    let mut out = format!(
        "{name}{}{name:#} ({})  {look}{}{look:#}",
        printable(&receipt.label),
        printable(&receipt.provider),
        receipt.state
    );
    if let Some(remark) = &receipt.remark {
        put!(out, "  {}", one_line(remark, usize::MAX));
    }
    if let Some(why) = unproven(receipt) {
        put!(out, "  {dim}{why}{dim:#}");
    }
    if let Some(answer) = receipt.answer {
        put!(out, "  {dim}by {answer}{dim:#}");
    }
    out.push('\n');
    let mut began = None;
    for done in &receipt.steps {
        let when = began.map_or_else(|| ui.ago(done.at), |began| after(done.at - began));
        put!(out, "  {}\n", step(done, &when));
        began = began.or(Some(done.at));
    }
    out
}

/// What there is to say of a delivery that nothing proves, if anything.
pub(crate) fn unproven(receipt: &Receipt) -> Option<&'static str> {
    match receipt {
        Receipt { marked: Some(_), state: State::Stored | State::Offered | State::Injected, .. } => {
            Some(MARKED)
        }
        _ if receipt.doubt => Some(DOUBTFUL),
        _ if receipt.parked => Some(ANNOUNCED),
        _ => None,
    }
}

/// Recipients whose receipts are there no more, if any.
pub(crate) fn cleared(count: u32) -> String {
    let dim = style::DIM;
    let (who, receipts) = match count {
        0 => return String::new(),
        1 => ("1 recipient".to_owned(), "its receipt was"),
        _ => (format!("{count} recipients"), "their receipts were"),
    };
    format!(
        "{dim}{who} read or declined it long ago, or ended after it was put out; {receipts} cleared away{dim:#}\n"
    )
}

/// One step: the state, when, where and what proves it.
fn step(step: &Step, when: &str) -> String {
    let (look, dim) = (state_style(step.state), style::DIM);
    let mut out = format!("{look}{:<9}{look:#} {when:>9}", step.state);
    let details: Vec<String> = [&step.surface, &step.evidence]
        .into_iter()
        .flatten()
        .map(|text| one_line(text, usize::MAX))
        .collect();
    if !details.is_empty() {
        put!(out, "  {dim}{}{dim:#}", details.join(": "));
    }
    out
}

/// Recipients in one line.
pub(crate) fn recipients(views: &[SessionView]) -> String {
    if views.is_empty() {
        return "nobody".to_owned();
    }
    let name = style::NAME;
    let one = |view: &SessionView| {
        format!(
            "{name}{}{name:#} ({}, {})",
            printable(&view.session.label),
            view.session.provider,
            presence(view)
        )
    };
    views.iter().map(one).collect::<Vec<_>>().join(", ")
}
