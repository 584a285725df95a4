//! One tool call: who calls, and the way to the store.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::service::RequestContext;

use super::deadline::Timekeeper;
use super::identity::Me;
use super::result::Refusal;
use super::store_thread::{Desk, StoreThread};

/// One tool call.
pub(super) struct Call {
    pub(super) store: StoreThread,
    pub(super) me: Me,
    /// The host's id of the call, by which its hooks name it.
    pub(super) host_id: Option<String>,
    /// Is to look when something with a lifetime was sent.
    pub(super) deadlines: Arc<Timekeeper>,
    pub(super) context: RequestContext<RoleServer>,
}

impl Call {
    /// Runs `work` on the store's thread.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk, &Me) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let me = self.me.clone();
        let work = move |desk: &mut Desk| {
            // Before each piece of work: a wait may be open when its session is paused.
            me.refuse_if_paused(desk.store()?)?;
            work(desk, &me)
        };
        self.store.run(work).await.ok_or_else(Refusal::broken)?
    }
}
