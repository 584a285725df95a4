//! What has come, and what became of what was sent.

use serde_json::{Value, json};
use session_bridge_core::frame;
use session_bridge_core::id::MessageId;
use session_bridge_core::message::Via;
use session_bridge_store::{Entry, Pull, Receipt, View};

use super::{args, message_id};
use crate::mcp::call::Call;
use crate::mcp::result::{Refusal, Reply};
use crate::mcp::wait;
use crate::term::ago;

/// Headers in one list unless the model asks for another number, and at most.
const LISTED: (u32, u32) = (20, 100);

pub(super) async fn list(call: &Call, args: args::ListInbox) -> Result<Reply, Refusal> {
    call.work(move |desk, me| {
        let store = desk.store()?;
        let session = me.session(store)?;
        let now = store.now();
        let view = match args.view {
            args::View::Unread => View::Unread,
            args::View::All => View::All,
        };
        let limit = args.limit.unwrap_or(LISTED.0).clamp(1, LISTED.1);
        let entries = store.inbox(me.id, view, limit)?;
        let unread = store.view(session)?.unread;
        let messages: Vec<Value> = entries.iter().map(|entry| header(entry, now)).collect();
        Ok(Reply::plain(json!({
            "unread": unread,
            "messages": messages,
            "next": (unread > 0).then_some("bridge_read_message shows the text"),
        })))
    })
    .await
}

/// One line of the list. Subjects and names are a peer's words: one line, no markup.
fn header(entry: &Entry, now: i64) -> Value {
    let m = &entry.message;
    json!({
        "id": m.id,
        "from": frame::quoted(&m.from),
        "cli": m.provider,
        "via": (m.via == Via::CommandLine).then_some("command line"),
        "kind": m.kind,
        "subject": m.subject.as_deref().map(frame::quoted),
        "in_reply_to": m.in_reply_to,
        "at": ago(now, m.created),
        "bytes": m.body.len(),
        "state": entry.state,
        "may_be_shown_already": entry.doubt.then_some(true),
        "marked_read": entry.marked.map(|_| true),
    })
}

/// What one result holds beyond its first message: hosts cut longer ones off.
const MOST_BYTES: usize = 64 * 1024;

pub(super) async fn read(call: &Call, args: args::Ids) -> Result<Reply, Refusal> {
    let ids = ids(&args.ids)?;
    let (host_id, server) = (call.host_id.clone(), call.store.server().to_owned());
    call.work(move |desk, me| {
        let store = desk.store()?;
        let mut bytes = 0;
        let mut now = Vec::new();
        let mut left = Vec::new();
        for id in ids {
            bytes += store.message_for(me.id, id)?.body.len();
            if now.is_empty() || bytes <= MOST_BYTES { now.push(id) } else { left.push(id) }
        }
        let bodies = wait::take(store, me, Pull::Read(&now), host_id.as_deref(), &server)?;
        let next = (!left.is_empty()).then_some("read the rest with another call");
        Ok(Reply::plain(json!({"left": left, "next": next})).with_bodies(&bodies))
    })
    .await
}

pub(super) async fn mark_read(call: &Call, args: args::Ids) -> Result<Reply, Refusal> {
    let ids = ids(&args.ids)?;
    call.work(move |desk, me| {
        let marked = desk.store()?.mark_read(me.id, &ids)?;
        Ok(Reply::plain(json!({"status": "marked", "newly_marked": marked})))
    })
    .await
}

pub(super) async fn decline(call: &Call, args: args::Decline) -> Result<Reply, Refusal> {
    let id = message_id(&args.message_id)?;
    call.work(move |desk, me| {
        let store = desk.store()?;
        me.session(store)?;
        store.decline(me.id, id, args.reason.as_deref(), Via::Session)?;
        Ok(Reply::plain(json!({"status": "declined", "id": id})))
    })
    .await
}

fn ids(texts: &[String]) -> Result<Vec<MessageId>, Refusal> {
    let mut ids = Vec::new();
    for text in texts {
        let id = message_id(text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Err(Refusal::new("bad_arguments", "`ids` is empty", "give at least one message id"));
    }
    Ok(ids)
}

pub(super) async fn receipts(call: &Call, args: args::Receipts) -> Result<Reply, Refusal> {
    let id = message_id(&args.message_id)?;
    call.work(move |desk, me| {
        let store = desk.store()?;
        store.message_for(me.id, id)?;
        let now = store.now();
        let receipts: Vec<Value> = store.receipts(id)?.iter().map(|r| receipt(r, now)).collect();
        let cleared = Some(store.cleared_receipts(id)?).filter(|count| *count > 0);
        Ok(Reply::plain(json!({"id": id, "receipts": receipts, "cleared_away": cleared})))
    })
    .await
}

fn receipt(receipt: &Receipt, now: i64) -> Value {
    let step = |step: &session_bridge_store::Step| {
        let mut text = format!("{} {}", step.state, ago(now, step.at));
        for part in [&step.surface, &step.evidence].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(part);
        }
        text
    };
    json!({
        "to": receipt.label,
        "session": receipt.session,
        "state": receipt.state,
        "answer": receipt.answer,
        "in_doubt": receipt.doubt.then_some(true),
        "announced": receipt.parked.then_some(true),
        "marked_read": receipt.marked.map(|_| true),
        "remark": receipt.remark,
        "steps": receipt.steps.iter().map(step).collect::<Vec<_>>(),
    })
}
