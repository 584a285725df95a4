//! What calls of this session send, together: a burst costs one transaction and one flush, not one of each per message.

use serde_json::json;
use session_bridge_core::message::Urgency;
use session_bridge_store::{Author, Sent, Store};
use tokio::sync::oneshot;

use super::identity::Me;
use super::result::{Refusal, Reply};
use super::store_thread::Desk;
use super::tools;
use crate::post::{self, Outgoing};

/// One call of `bridge_send_message`.
pub(super) struct Letter {
    pub(super) me: Me,
    pub(super) to: String,
    pub(super) newest: bool,
    pub(super) kind: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) body: String,
    pub(super) urgency: Urgency,
    /// How long it may wait, in milliseconds.
    pub(super) lifetime_ms: Option<i64>,
}

/// A letter, and who waits for its outcome.
pub(super) type Posted = (Letter, oneshot::Sender<Result<Reply, Refusal>>);

/// Sends them in their order, and answers each call. Nobody is answered before all that was stored is durable.
pub(super) fn send_all(desk: &mut Desk, posted: Vec<Posted>) {
    let store = match desk.store() {
        Ok(store) => store,
        Err(error) => {
            let refusal = Refusal::from(error);
            return posted.into_iter().for_each(|(_, answer)| drop(answer.send(Err(refusal.clone()))));
        }
    };
    let mut valid = Vec::with_capacity(posted.len());
    for (letter, answer) in posted {
        // As before any other piece of work: a paused session's tools do nothing.
        match letter.me.refuse_if_paused(store).and_then(|()| letter.me.session(store)) {
            Ok(_) => valid.push((letter, answer)),
            Err(refusal) => drop(answer.send(Err(refusal))),
        }
    }
    let everybody = store.limits().broadcast_lifetime_ms();
    let all: Vec<_> = valid.iter().map(|(letter, _)| outgoing(letter, everybody)).collect();
    let outcomes = post::send_all(store, &all);
    drop(all);
    for ((_, answer), outcome) in valid.into_iter().zip(outcomes) {
        let reply = outcome.map_err(Refusal::from).and_then(|sent| reply(store, &sent));
        // A call that was cancelled waits for nothing; its message is sent.
        drop(answer.send(reply));
    }
}

/// `everybody` is how long a message to everybody lives that does not say so itself.
fn outgoing(letter: &Letter, everybody: i64) -> Outgoing<'_> {
    Outgoing {
        author: Author::Session(letter.me.id),
        room: &letter.me.room,
        to: &letter.to,
        newest: letter.newest,
        kind: letter.kind.as_deref().unwrap_or("note"),
        subject: letter.subject.as_deref(),
        body: &letter.body,
        urgency: letter.urgency,
        lifetime_ms: letter.lifetime_ms.or((letter.to == "*").then_some(everybody)),
    }
}

fn reply(store: &Store, sent: &Sent) -> Result<Reply, Refusal> {
    let to = tools::send::recipients(store, &sent.recipients)?;
    let (left_out, next) = (tools::send::labels(store, &sent.left_out)?, tools::send::paused(&to));
    Ok(Reply::plain(
        json!({"status": "stored", "id": sent.id, "to": to, "blocked_by": left_out, "next": next}),
    ))
}
