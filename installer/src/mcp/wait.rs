//! Waiting for mail: claim, arm, look, wait. Nothing is lost between looking and waiting, and nobody else shows what an
//! open wait is about to return (rules D6, B2).

use std::time::Duration;

use rmcp::model::ProgressNotificationParam;
use session_bridge_core::frame::Fence;
use session_bridge_store::{ClaimId, Filter, Pull, Store};
use tokio::time::{Instant, sleep_until};

use super::call::Call;
use super::identity::Me;
use super::result::{Bodies, Refusal};
use super::watch::Watch;

/// How often a waiting call shows that it lives, where the host asked for it.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// How often it looks where the system cannot watch the folder.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How a wait ended.
pub(super) enum Waited {
    /// With a message.
    Message(Bodies),
    /// With its time.
    TimedOut,
    /// Nobody will answer any more what it waited for: its question was declined, expired or failed.
    Closed,
    /// The host cancelled the call; nobody reads its result.
    Cancelled,
}

/// Waits for the next message that fits. The claim is given up at the end, however it ends.
pub(super) async fn next(
    call: &Call,
    filter: Filter,
    claim: ClaimId,
    limit: Duration,
) -> Result<Waited, Refusal> {
    let waited = wait(call, filter, claim.clone(), limit).await;
    release(call, claim);
    waited
}

/// Gives a claim up without waiting for it: an unreleased one ends with its time or this server.
pub(super) fn release(call: &Call, claim: ClaimId) {
    call.store.post(move |desk| {
        let _ = desk.store().and_then(|store| store.release(&claim));
    });
}

async fn wait(call: &Call, filter: Filter, claim: ClaimId, limit: Duration) -> Result<Waited, Refusal> {
    let began = Instant::now();
    let deadline = began + limit;
    let folder = call.work(|desk, me| Ok(desk.store()?.run().session(me.id).path().to_owned())).await?;
    let watch = Watch::arm(&folder, &["bell"]);
    let token = call.context.meta.get_progress_token();
    let mut progress_at = began + PROGRESS_EVERY;
    loop {
        if call.context.ct.is_cancelled() {
            return Ok(Waited::Cancelled);
        }
        if let Some(end) = look(call, filter.clone(), claim.clone()).await? {
            return Ok(end);
        }
        let mut wake_at = deadline;
        if !watch.is_armed() {
            wake_at = wake_at.min(Instant::now() + LOOK_EVERY);
        }
        loop {
            let progress = token.as_ref().map_or(deadline, |_| progress_at);
            tokio::select! {
                () = watch.changed() => break,
                () = call.context.ct.cancelled() => return Ok(Waited::Cancelled),
                () = sleep_until(wake_at.min(progress)) => {}
            }
            let now = Instant::now();
            if now >= deadline {
                // A last look: the bell may have rung with the deadline.
                let last = look(call, filter.clone(), claim.clone()).await?;
                return Ok(last.unwrap_or(Waited::TimedOut));
            }
            if now >= wake_at {
                break;
            }
            if let Some(token) = token.clone().filter(|_| now >= progress_at) {
                progress_at = now + PROGRESS_EVERY;
                let note = ProgressNotificationParam::new(token, began.elapsed().as_secs_f64().round())
                    .with_total(limit.as_secs_f64());
                // The host may have gone; then the call ends with the connection.
                let _ = call.context.peer.notify_progress(note).await;
            }
        }
    }
}

/// What ends the wait now.
async fn look(call: &Call, filter: Filter, claim: ClaimId) -> Result<Option<Waited>, Refusal> {
    let (host_id, server) = (call.host_id.clone(), call.store.server().to_owned());
    call.work(move |desk, me| {
        let store = desk.store()?;
        // Before the mail: what closes a question stores the notice of it in the same transaction, and a notice that came
        // after an empty look would go out beside the result.
        let receipts = filter.reply_to.map(|question| store.receipts(question)).transpose()?;
        let closed = receipts.is_some_and(|all| all.iter().all(|receipt| receipt.state.is_closed()));
        let pull = Pull::Next(&filter, Some(&claim));
        let bodies = take(store, me, pull, host_id.as_deref(), &server)?;
        if !bodies.messages.is_empty() {
            return Ok(Some(Waited::Message(bodies)));
        }
        Ok(closed.then_some(Waited::Closed))
    })
    .await
}

/// Takes bodies for the result of a call.
pub(super) fn take(
    store: &mut Store,
    me: &Me,
    pull: Pull<'_>,
    host_id: Option<&str>,
    server: &str,
) -> Result<Bodies, Refusal> {
    me.session(store)?;
    let fence = host_id.is_none().then(|| Fence::fresh(&[]));
    let call = host_id.or(fence.as_ref().map(Fence::word));
    let pulled = store.pull(me.id, pull, call, server)?;
    Ok(Bodies {
        session: me.id,
        guarded: store.session(me.id)?.guarded,
        attempt: pulled.attempt,
        fence,
        messages: pulled.messages,
        late: pulled.late,
    })
}
