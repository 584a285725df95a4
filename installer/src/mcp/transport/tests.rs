//! What is written, what is cancelled and what fails to go out, step by step.

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
            desk.store().unwrap().pull(reader, Pull::Read(&[message]), None, "s").unwrap().attempt.is_some()
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
