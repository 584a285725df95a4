//! Sending. The sender is never an argument: it is the session that calls.

use serde_json::{Value, json};
use session_bridge_core::id::SessionId;
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_store::{Author, Store, StoreError};

use super::{args, lifetime, message_id};
use crate::mcp::call::Call;
use crate::mcp::mail::Letter;
use crate::mcp::result::{Refusal, Reply};
use crate::post::{self, Outgoing};

/// Most recipients that a result names.
const MAX_NAMED: usize = 10;

pub(super) async fn send(call: &Call, args: args::SendMessage) -> Result<Reply, Refusal> {
    let given = lifetime(args.expires_in);
    let expires = given.is_some() || args.to == "*";
    let letter = Letter {
        me: call.me.clone(),
        to: args.to,
        newest: args.newest,
        kind: args.kind,
        subject: args.subject,
        body: args.body,
        urgency: args.urgency.map(Into::into).unwrap_or_default(),
        lifetime_ms: given,
    };
    let reply = call.store.send(letter).await.ok_or_else(Refusal::broken)??;
    if expires {
        call.deadlines.look();
    }
    Ok(reply)
}

pub(super) async fn broadcast(call: &Call, args: args::Broadcast) -> Result<Reply, Refusal> {
    let sent = call.work(move |desk, me| {
        let store = desk.store()?;
        me.session(store)?;
        let lifetime = store.limits().broadcast_lifetime_ms();
        let sent = post::send(
            store,
            &Outgoing {
                author: Author::Session(me.id),
                room: &me.room,
                to: "*",
                newest: false,
                kind: args.kind.as_deref().unwrap_or("note"),
                subject: args.subject.as_deref(),
                body: &args.body,
                urgency: Urgency::Normal,
                lifetime_ms: Some(lifetime),
            },
        )?;
        let count = sent.recipients.len();
        let to = recipients(store, &sent.recipients)?;
        let next = if count == 0 {
            Some("nobody will read it: nobody else is there who takes it")
        } else {
            paused(&to)
        };
        Ok(Reply::plain(json!({
            "status": "stored",
            "id": sent.id,
            "recipients": count,
            "to": to,
            "blocked_by": labels(store, &sent.left_out)?,
            "next": next,
        })))
    });
    let reply = sent.await?;
    call.deadlines.look();
    Ok(reply)
}

pub(super) async fn reply(call: &Call, args: args::Reply) -> Result<Reply, Refusal> {
    let id = message_id(&args.message_id)?;
    call.work(move |desk, me| {
        let store = desk.store()?;
        me.session(store)?;
        let parent = store.message_for(me.id, id)?;
        if parent.sender == Some(me.id) {
            return Err(Refusal::new(
                "reply_to_oneself",
                "that message is your own",
                "use bridge_send_message for another message to its recipient",
            ));
        }
        let usual = if parent.kind == Kind::Question { "answer" } else { "note" };
        let kind = args.kind.as_deref().unwrap_or(usual);
        let author = Author::Session(me.id);
        let sent = post::reply(store, author, id, kind, args.subject.as_deref(), &args.body)?;
        let to = recipients(store, &sent.recipients)?;
        let nobody = sent.recipients.is_empty();
        let next = if nobody {
            Some("it came from the command line; whoever asked reads the answer there")
        } else {
            paused(&to)
        };
        Ok(Reply::plain(json!({
            "status": "stored",
            "id": sent.id,
            "answers": id,
            "to": to,
            "next": next,
        })))
    })
    .await
}

/// Who got it and whether they can be expected to hear.
pub(in crate::mcp) fn recipients(store: &Store, ids: &[SessionId]) -> Result<Vec<Value>, StoreError> {
    let named = ids.iter().take(MAX_NAMED).map(|id| {
        let session = store.session(*id)?;
        let (presence, paused) = (store.presence(&session), store.paused(&session).is_some().then_some(true));
        Ok(json!({"label": session.label, "id": id, "state": presence.as_str(), "paused": paused}))
    });
    named.collect()
}

/// What a sender is told whose message goes nowhere for now.
pub(in crate::mcp) fn paused(to: &[Value]) -> Option<&'static str> {
    to.iter().any(|one| one["paused"] == true).then_some(
        "the user paused a recipient: your message is kept, and goes out when they turn it on again",
    )
}

/// Who blocks the sender, by label.
pub(in crate::mcp) fn labels(store: &Store, ids: &[SessionId]) -> Result<Vec<String>, StoreError> {
    ids.iter().take(MAX_NAMED).map(|id| Ok(store.session(*id)?.label)).collect()
}
