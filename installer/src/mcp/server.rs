//! The protocol's face: what the server says of itself, and each call from arrival to result.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, InitializeRequestParams,
    InitializeResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use session_bridge_core::id::SessionId;
use session_bridge_core::identity::Claim;
use session_bridge_core::process::{self, ProcessKey};
use tokio::time::timeout;

use super::call::Call;
use super::collect::Collector;
use super::deadline::Timekeeper;
use super::door::Doorkeeper;
use super::identity;
use super::instructions::{self, INSTRUCTIONS};
use super::journal::{Journal, Who};
use super::result::{Refusal, Reply};
use super::store_thread::StoreThread;
use super::tools;
use super::transport::{Freight, Outbox};

/// How long the host waits for the session's name at most: the rest of the introduction does without.
const INTRODUCTION: Duration = Duration::from_secs(2);

/// The server.
#[derive(Clone)]
pub(super) struct Bridge {
    pub(super) store: StoreThread,
    outbox: Arc<Outbox>,
    hint: Option<Arc<str>>,
    host: Option<ProcessKey>,
    door: Arc<Doorkeeper>,
    deadlines: Arc<Timekeeper>,
    journal: Arc<Journal>,
    collector: Arc<Collector>,
}

impl Bridge {
    pub(super) fn new(
        store: StoreThread,
        outbox: Arc<Outbox>,
        hint: Option<String>,
        journal: Arc<Journal>,
    ) -> Self {
        let process = process::host_process();
        let hint = identity::hint(process.as_ref(), hint);
        let host = process.map(|process| process.key);
        let deadlines = Timekeeper::start(&store);
        let collector = Collector::start(&store);
        Self {
            store,
            outbox,
            hint: hint.map(Into::into),
            host,
            door: Arc::default(),
            deadlines,
            journal,
            collector,
        }
    }

    fn serve(&self, session: SessionId) {
        self.door.serve(session);
        self.deadlines.serve(session);
    }

    async fn call(
        &self,
        name: &str,
        mut arguments: serde_json::Map<String, Value>,
        context: RequestContext<RoleServer>,
        who: &mut Who,
    ) -> Result<Reply, Refusal> {
        self.collector.called();
        let client = context.client_info();
        let client = client.as_ref().map(|info| info.name.as_str());
        let provider = identity::provider(client, self.hint.as_deref()).ok_or_else(|| {
            Refusal::new(
                "unknown_client",
                format!("the MCP client `{}` is none that this server knows", client.unwrap_or("?")),
                "start the server as `session-bridge mcp --client <provider>`",
            )
            .fault()
        })?;
        who.provider = Some(provider.card().id.as_str());
        let meta = serde_json::to_value(&context.meta).ok();
        let claim = Claim::take(&mut arguments);
        let me = identity::resolve(provider, meta.as_ref(), claim.as_ref(), self.host, &self.store).await?;
        who.session = Some(me.id);
        self.serve(me.id);
        let host_id = me.card.mcp_call_id.iter().find_map(|key| meta.as_ref()?.get(key)?.as_str());
        let host_id = host_id.map(str::to_owned);
        let deadlines = Arc::clone(&self.deadlines);
        let call = Call { store: self.store.clone(), me, host_id, deadlines, context };
        tools::call(&call, name, arguments).await
    }
}

impl ServerHandler for Bridge {
    fn get_info(&self) -> InitializeResult {
        InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new("session-bridge", env!("CARGO_PKG_VERSION")).with_title("session-bridge"),
            )
            .with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut info = self.negotiate_initialize(&request)?;
        let provider = identity::provider(Some(&request.client_info.name), self.hint.as_deref());
        if let Some(provider) = provider
            && let Some(prefix) = provider.tools_called()
        {
            let card = provider.card();
            let known = timeout(INTRODUCTION, identity::started_for(card, self.host, &self.store));
            let session = known.await.ok().flatten();
            info.instructions =
                Some(instructions::spelled_out(card, prefix, session.as_ref(), self.store.home()));
        }
        Ok(info)
    }

    /// Only versions with a handshake: the identity of a session is found per connection.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let client = context.peer.peer_info();
        let client = client.as_ref().map(|info| &info.client_info);
        let name = client.map(|info| info.name.as_str());
        if let Some(provider) = identity::provider(name, self.hint.as_deref()) {
            self.door.start(provider.card(), self.host, &self.store);
            let client = client.map(|info| format!("{} {}", info.name, info.version)).unwrap_or_default();
            if let Some(session) = identity::greet(provider, client, self.host, &self.store).await {
                self.serve(session);
            }
        }
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::catalogue()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !tools::exists(&request.name) {
            return Err(ErrorData::invalid_params(format!("no tool {}", request.name), None));
        }
        let id = context.id.clone();
        let (began, mut who) = (Instant::now(), Who::default());
        let arguments = request.arguments.unwrap_or_default();
        let outcome = self.call(&request.name, arguments, context, &mut who).await;
        self.journal.call(who, &request.name, &outcome, began.elapsed());
        let (result, freight) = match outcome {
            Ok(reply) => {
                let freight = reply.freight;
                (reply.into_result(), freight)
            }
            Err(refusal) => (refusal.into_result(), Freight::default()),
        };
        self.outbox.load(&id, freight);
        Ok(result.into())
    }
}
