//! The stdio transport, watched: which response was written decides what its bodies may claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, ErrorData, JsonRpcMessage, RequestId,
    ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use session_bridge_core::id::{AttemptId, SessionId};

use super::store_thread::StoreThread;

/// What becomes true once a response was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Freight {
    /// The attempt whose bodies the response carries.
    pub(super) attempt: Option<AttemptId>,
    /// The session that the response tells how to take peer text.
    pub(super) guards: Option<SessionId>,
}

/// A tool call between its arrival and its response.
#[derive(Debug)]
enum Slot {
    Running,
    Loaded(Freight),
    Cancelled,
}

/// The calls under way, and what their responses carry.
pub(super) struct Outbox {
    calls: Mutex<HashMap<RequestId, Slot>>,
    store: StoreThread,
}

impl Outbox {
    pub(super) fn new(store: StoreThread) -> Self {
        Self { calls: Mutex::default(), store }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<RequestId, Slot>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self, id: &RequestId) {
        self.calls().insert(id.clone(), Slot::Running);
    }

    /// The library drops the response of a cancelled call from now on.
    fn cancelled(&self, id: &RequestId) {
        let mut calls = self.calls();
        let Some(slot) = calls.get_mut(id) else { return };
        if let Slot::Loaded(freight) = *slot {
            calls.remove(id);
            drop(calls);
            self.void(freight);
        } else {
            *slot = Slot::Cancelled;
        }
    }

    /// A call is done and its response carries this. Nothing went out if the call was cancelled meanwhile.
    pub(super) fn load(&self, id: &RequestId, freight: Freight) {
        let mut calls = self.calls();
        if let Some(slot @ Slot::Running) = calls.get_mut(id) {
            *slot = Slot::Loaded(freight);
        } else {
            calls.remove(id);
            drop(calls);
            self.void(freight);
        }
    }

    fn leaving(&self, id: &RequestId) -> Freight {
        match self.calls().remove(id) {
            Some(Slot::Loaded(freight)) => freight,
            _ => Freight::default(),
        }
    }

    fn written(&self, freight: Freight) {
        if freight == Freight::default() {
            return;
        }
        self.store.post(move |desk| {
            let Ok(store) = desk.store() else { return };
            // A failure leaves the attempt open; once this server is gone, it counts as unknown.
            if let Some(attempt) = freight.attempt {
                let _ = store.pull_written(attempt);
            }
            if let Some(session) = freight.guards {
                let _ = store.set_guarded(session);
            }
        });
    }

    fn void(&self, freight: Freight) {
        let Some(attempt) = freight.attempt else { return };
        self.store.post(move |desk| {
            let _ = desk.store().and_then(|store| store.pull_void(attempt));
        });
    }

    /// The connection is gone: what was not handed to it never goes out.
    pub(super) async fn give_up(&self) {
        let calls = std::mem::take(&mut *self.calls());
        for slot in calls.into_values() {
            if let Slot::Loaded(freight) = slot {
                self.void(freight);
            }
        }
        self.store.run(|_| ()).await;
    }
}

/// A transport that reports to the [`Outbox`], and keeps from the library what it would answer differently:
/// requests that this server does not know get "method not found" at any time, also before `initialize`, and nothing
/// that comes too early ends the connection.
pub(super) struct Watched<T> {
    inner: T,
    outbox: Arc<Outbox>,
    begun: bool,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, outbox: Arc<Outbox>) -> Self {
        Self { inner, outbox, begun: false }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Watched<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let freight = match &item {
            JsonRpcMessage::Response(response) => self.outbox.leaving(&response.id),
            JsonRpcMessage::Error(error) => {
                error.id.as_ref().map(|id| self.outbox.leaving(id)).unwrap_or_default()
            }
            _ => Freight::default(),
        };
        let outbox = Arc::clone(&self.outbox);
        let send = self.inner.send(item);
        async move {
            let sent = send.await;
            match &sent {
                Ok(()) => outbox.written(freight),
                Err(_) => outbox.void(freight),
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let message = self.inner.receive().await?;
            match &message {
                JsonRpcMessage::Request(request) => {
                    let unknown = match &request.request {
                        ClientRequest::CustomRequest(custom) => Some(custom.method.clone()),
                        ClientRequest::DiscoverRequest(_) => Some("server/discover".to_owned()),
                        ClientRequest::InitializeRequest(_) => {
                            self.begun = true;
                            None
                        }
                        ClientRequest::CallToolRequest(_) => {
                            self.outbox.arrived(&request.id);
                            None
                        }
                        _ => None,
                    };
                    let Some(method) = unknown else { return Some(message) };
                    let error =
                        ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("no method {method}"), None);
                    let answer =
                        self.inner.send(ServerJsonRpcMessage::error(error, Some(request.id.clone())));
                    // A task, because the caller may drop this future at any await.
                    tokio::spawn(answer);
                }
                JsonRpcMessage::Notification(notification) => {
                    if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                        && let Some(id) = &cancelled.params.request_id
                    {
                        self.outbox.cancelled(id);
                    }
                    if self.begun {
                        return Some(message);
                    }
                }
                _ if self.begun => return Some(message),
                _ => {}
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests;
