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

    /// Notes a call; false if one with that id is still under way, whose answer could be either's.
    fn arrived(&self, id: &RequestId) -> bool {
        let mut calls = self.calls();
        let is_new = !calls.contains_key(id);
        if is_new {
            calls.insert(id.clone(), Slot::Running);
        }
        is_new
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
                            if !self.outbox.arrived(&request.id) {
                                continue;
                            }
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
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use rmcp::model::{EmptyResult, ServerResult};
    use serde_json::json;
    use session_bridge_core::home::Home;
    use session_bridge_core::id::MessageId;
    use session_bridge_core::message::{Kind, Urgency};
    use session_bridge_store::{Arrival, Author, Draft, Pull, State, Wanted};

    use super::*;
    use crate::mcp::store_thread::Desk;

    /// Hands in what was prepared; takes everything or nothing.
    struct Pipe {
        incoming: VecDeque<ClientJsonRpcMessage>,
        broken: bool,
    }

    impl Transport<RoleServer> for Pipe {
        type Error = io::Error;

        fn send(&mut self, _: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
            let result = if self.broken { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) };
            std::future::ready(result)
        }

        async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
            self.incoming.pop_front()
        }

        async fn close(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// One message to one session, and its body in an open attempt.
    struct Bench {
        _dir: tempfile::TempDir,
        store: StoreThread,
        outbox: Arc<Outbox>,
        message: MessageId,
        freight: Freight,
    }

    impl Bench {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = StoreThread::start(Home::at(dir.path().join("bridge"))).unwrap();
            let (message, freight) = store.run(prepare).await.unwrap();
            let outbox = Arc::new(Outbox::new(store.clone()));
            Self { _dir: dir, store, outbox, message, freight }
        }

        fn transport(&self, broken: bool, incoming: &[serde_json::Value]) -> Watched<Pipe> {
            let incoming = incoming.iter().map(|m| serde_json::from_value(m.clone()).unwrap()).collect();
            Watched::new(Pipe { incoming, broken }, Arc::clone(&self.outbox))
        }

        /// The message's state, and whether its reader was told the guard.
        async fn state(&self) -> (State, bool) {
            let (message, reader) = (self.message, self.freight.guards.unwrap());
            let look = move |desk: &mut Desk| {
                let store = desk.store().unwrap();
                (store.receipts(message).unwrap()[0].state, store.session(reader).unwrap().guarded)
            };
            self.store.run(look).await.unwrap()
        }

        /// Whether the body can go out again.
        async fn is_free(&self) -> bool {
            let (message, reader) = (self.message, self.freight.guards.unwrap());
            let pull = move |desk: &mut Desk| {
                desk.store()
                    .unwrap()
                    .pull(reader, Pull::Read(&[message]), None, "s")
                    .unwrap()
                    .attempt
                    .is_some()
            };
            self.store.run(pull).await.unwrap()
        }
    }

    fn prepare(desk: &mut Desk) -> (MessageId, Freight) {
        let store = desk.store().unwrap();
        let mut arrive = |native| {
            store
                .arrive(&Arrival {
                    provider: "codex",
                    short: "codex",
                    native,
                    host: None,
                    one_per_process: false,
                    cwd: None,
                    start: None,
                    claimed: None,
                    wanted: Wanted::default(),
                })
                .unwrap()
                .id
        };
        let (sender, reader) = (arrive("a"), arrive("b"));
        let id = MessageId::generate();
        let draft = Draft {
            id,
            author: Author::Session(sender),
            room: "default",
            to: "b",
            kind: Kind::Note,
            subject: None,
            body: "hello",
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        store.send(&draft, &[reader]).unwrap();
        let attempt = store.pull(reader, Pull::Read(&[id]), Some("call_1"), "s").unwrap().attempt;
        (id, Freight { attempt, guards: Some(reader) })
    }

    fn request(id: i64) -> serde_json::Value {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "x"}})
    }

    fn cancel(id: i64) -> serde_json::Value {
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
    }

    fn response(id: i64) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::response(ServerResult::EmptyResult(EmptyResult {}), RequestId::Number(id))
    }

    #[tokio::test]
    async fn a_written_response_offers_its_bodies() {
        let bench = Bench::new().await;
        let mut transport = bench.transport(false, &[request(1)]);
        transport.receive().await.unwrap();
        bench.outbox.load(&RequestId::Number(1), bench.freight);
        transport.send(response(2)).await.unwrap();
        assert_eq!(bench.state().await, (State::Stored, false), "another response proves nothing");
        transport.send(response(1)).await.unwrap();
        assert_eq!(bench.state().await, (State::Offered, true));
        assert!(bench.outbox.calls().is_empty());
    }

    #[tokio::test]
    async fn a_response_that_cannot_be_written_gives_its_bodies_back() {
        let bench = Bench::new().await;
        let mut transport = bench.transport(true, &[request(1)]);
        transport.receive().await.unwrap();
        bench.outbox.load(&RequestId::Number(1), bench.freight);
        transport.send(response(1)).await.unwrap_err();
        assert_eq!(bench.state().await, (State::Stored, false));
        assert!(bench.is_free().await);
    }

    #[tokio::test]
    async fn a_call_cancelled_before_its_response_gives_its_bodies_back() {
        for load_first in [true, false] {
            let bench = Bench::new().await;
            let mut transport = bench.transport(false, &[request(1), cancel(1)]);
            transport.begun = true;
            transport.receive().await.unwrap();
            if load_first {
                bench.outbox.load(&RequestId::Number(1), bench.freight);
            }
            transport.receive().await.unwrap();
            if !load_first {
                bench.outbox.load(&RequestId::Number(1), bench.freight);
            }
            assert_eq!(bench.state().await, (State::Stored, false));
            assert!(bench.is_free().await, "loaded first: {load_first}");
            assert!(bench.outbox.calls().is_empty());
        }
    }

    #[tokio::test]
    async fn a_cancel_after_the_response_changes_nothing() {
        let bench = Bench::new().await;
        let mut transport = bench.transport(false, &[request(1), cancel(1)]);
        transport.begun = true;
        transport.receive().await.unwrap();
        bench.outbox.load(&RequestId::Number(1), bench.freight);
        let sending = transport.send(response(1));
        transport.receive().await.unwrap();
        sending.await.unwrap();
        assert_eq!(bench.state().await, (State::Offered, true));
    }

    #[tokio::test]
    async fn what_the_connection_s_end_left_behind_is_given_back() {
        let bench = Bench::new().await;
        let mut transport = bench.transport(false, &[request(1)]);
        transport.receive().await.unwrap();
        bench.outbox.load(&RequestId::Number(1), bench.freight);
        bench.outbox.give_up().await;
        assert!(bench.is_free().await);
    }

    #[tokio::test]
    async fn what_comes_too_early_is_left_out() {
        let bench = Bench::new().await;
        let early = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}});
        let odd = json!({"jsonrpc": "2.0", "id": 0, "method": "odd/thing"});
        let mut transport = bench.transport(false, &[early.clone(), odd, cancel(7), hello, early]);
        assert!(matches!(transport.receive().await, Some(JsonRpcMessage::Request(_))));
        assert!(matches!(transport.receive().await, Some(JsonRpcMessage::Notification(_))));
    }
}
