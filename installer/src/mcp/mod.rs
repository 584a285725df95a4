//! The MCP server: the bridge's tools for one agent CLI, over standard input and output.
//!
//! One task per request, one thread for the store, and nothing else: a server that nobody calls polls nothing. It wakes
//! its own idle session where the host gave it the means ([`door`]), and keeps the deadlines of what that session sent
//! ([`deadline`]). Who calls is decided when a call arrives ([`identity`]); what a result's bodies prove is decided by
//! the transport, which alone knows whether a response was written ([`transport`]).

mod call;
mod collect;
mod deadline;
mod door;
mod identity;
mod instructions;
mod journal;
mod mail;
mod result;
mod server;
mod store_thread;
mod tools;
mod transport;
mod wait;
pub(crate) mod watch;

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rmcp::transport::async_rw::AsyncRwTransport;
use session_bridge_core::home::Home;
use session_bridge_core::host::RealHost;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use journal::{Journal, Who};
use server::Bridge;
use store_thread::StoreThread;
use transport::{Outbox, Watched};

pub use instructions::INSTRUCTIONS;
pub use tools::catalogue;

/// Serves until the host closes standard input. `hint` names the provider for hosts whose client name is not known.
pub fn serve(hint: Option<&str>) -> anyhow::Result<()> {
    let program = std::env::args_os().next().unwrap_or_default();
    let home = Home::find_for(&RealHost, Path::new(&program))?;
    let runtime = event_loop()?;
    let journal = Arc::new(Journal::new(home.clone(), &RealHost));
    let served = runtime.block_on(async {
        let (read, write) = rmcp::transport::stdio_pipes();
        run(home, hint.map(str::to_owned), Arc::clone(&journal), read, write).await
    });
    if let Err(error) = &served {
        journal.failed(Who::default(), &format!("{error:#}"));
    }
    // A read of a terminal or socket may still hang in its thread; there is nothing to wait for.
    runtime.shutdown_background();
    served
}

/// Serves these bytes as if a host had sent them, and returns what it would have got: for harnesses that have many inputs
/// and no need of a process for each.
pub fn answer(home: Home, input: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let runtime = event_loop()?;
    let journal = Arc::new(Journal::new(home.clone(), &RealHost));
    let (server, mut host) = tokio::io::duplex(MOST_ANSWERED);
    // The server's end closes with the server; nobody reads before, so it must hold everything.
    let served = runtime.block_on(async {
        let (_, write) = tokio::io::split(server);
        let served = run(home, None, journal, Cursor::new(input), write).await;
        let mut output = Vec::new();
        host.read_to_end(&mut output).await?;
        served.map(|()| output)
    });
    runtime.shutdown_background();
    served
}

/// How much [`answer`] holds.
const MOST_ANSWERED: usize = 16 << 20;

fn event_loop() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the MCP server's event loop")
}

async fn run(
    home: Home,
    hint: Option<String>,
    journal: Arc<Journal>,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> anyhow::Result<()> {
    let store = StoreThread::start(home)?;
    let outbox = Arc::new(Outbox::new(store.clone()));
    let bridge = Bridge::new(store.clone(), Arc::clone(&outbox), hint, journal);
    let transport = Watched::new(AsyncRwTransport::new_server(read, write), Arc::clone(&outbox));
    let ended = match rmcp::serve_server(bridge, transport).await {
        Ok(running) => running.waiting().await.map(|_| ()).context("the MCP connection failed"),
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(error).context("the MCP client did not introduce itself"),
    };
    outbox.give_up().await;
    store.close().await;
    ended
}
