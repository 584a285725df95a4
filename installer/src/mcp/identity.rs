//! Which session calls. Decided once per call, when it arrives (rule W2), by what the host provably gives.

use std::time::Duration;

use serde_json::Value;
use session_bridge_core::host::{Host as _, RealHost};
use session_bridge_core::id::SessionId;
use session_bridge_core::identity::{self, Caller, Claim, Evidence};
use session_bridge_core::marks;
use session_bridge_core::process::{self, Process, ProcessKey};
use session_bridge_core::provider::{Card, Provider};
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Clock, Pause, RunFolders, Session, Sign, Store, StoreError, Unbound};

use super::result::Refusal;
use super::store_thread::{Desk, StoreThread};

/// How long a call waits for a hook to bind this server's host process (rule W3).
const BINDING_WAIT: Duration = Duration::from_secs(2);
/// How long a server that nobody calls waits for it: a first hook may have failed.
const GREETING_WAIT: Duration = Duration::from_secs(60);
/// How often both look at first, and at last.
const BINDING_LOOK: Duration = Duration::from_millis(50);
const BINDING_LOOK_MOST: Duration = Duration::from_secs(2);

/// The session that makes a call.
#[derive(Debug, Clone)]
pub(super) struct Me {
    pub(super) card: &'static Card,
    pub(super) id: SessionId,
    pub(super) room: String,
    /// The conversation that called; a later one gets nothing of this call's.
    pub(super) conversation: i64,
}

impl Me {
    fn new(card: &'static Card, session: Session) -> Self {
        Self { card, id: session.id, room: session.room, conversation: session.conversation }
    }

    /// A paused session's tools do nothing.
    pub(super) fn refuse_if_paused(&self, store: &Store) -> Result<(), Refusal> {
        match Pause::of(store.home(), self.card.id.as_str(), self.id) {
            None => Ok(()),
            Some(pause) => Err(Refusal::new(
                "paused",
                format!("{} paused by the user", pause.what()),
                "nothing was stored or shown; go on without the bridge until the user turns it on again",
            )),
        }
    }

    /// The session's row, as long as the conversation that called goes on.
    pub(super) fn session(&self, store: &Store) -> Result<Session, Refusal> {
        let session = store.session(self.id)?;
        if session.conversation != self.conversation || session.ended.is_some() {
            return Err(Refusal::new(
                "conversation_ended",
                "the conversation that made this call is over",
                "call again",
            ));
        }
        Ok(session)
    }
}

/// What is known of a client before it introduces itself: the name of its process, or else what the configuration says,
/// which another CLI may have imported. The environment says nothing: whatever is started inside a CLI inherits it.
pub(super) fn hint(process: Option<&Process>, configured: Option<String>) -> Option<String> {
    let running = process.and_then(|process| marks::by_process(PROVIDERS, &process.name));
    running.map(|provider| provider.card().id.to_string()).or(configured)
}

/// The provider of the connected client: its own introduction first, then the hint.
pub(super) fn provider(client: Option<&str>, hint: Option<&str>) -> Option<&'static dyn Provider> {
    client
        .and_then(session_bridge_providers::by_mcp_client)
        .or_else(|| hint.and_then(session_bridge_providers::by_id))
}

/// Finds the session of a call, registering it if the call is the first that is heard of it.
pub(super) async fn resolve(
    provider: &'static dyn Provider,
    meta: Option<&Value>,
    claim: Option<&Claim>,
    host: Option<ProcessKey>,
    store: &StoreThread,
) -> Result<Me, Refusal> {
    let card = provider.card();
    let valid =
        |claim: &Claim| store.run_folders().native(card.id.as_str(), &claim.session).has_nonce(&claim.nonce);
    let evidence = Evidence { meta, claim, valid: &valid, env: &|key| RealHost.env_text(key) };
    match identity::caller(card, evidence) {
        Caller::Subagent => Err(Refusal::new(
            "subagent_has_no_inbox",
            "a subagent owns no inbox and cannot send",
            "return to the main agent and let it use the bridge",
        )),
        Caller::Native(native) => {
            let session = store.run(move |desk| by_native(desk, card, &native, host)).await;
            Ok(Me::new(card, session.ok_or_else(Refusal::broken)??))
        }
        Caller::HostProcess { spawn } => {
            if let Some(session) = bound(card, host, store, BINDING_WAIT).await? {
                return Ok(Me::new(card, session));
            }
            let claimed = spawn.clone();
            let elsewhere =
                store.run(move |desk| lives_elsewhere(desk, card, claimed.as_deref(), host)).await;
            if elsewhere.ok_or_else(Refusal::broken)?? {
                return Err(evidence_disagrees(card));
            }
            // No hook runs here: nothing knows better than the server's start.
            let found = store.run(move |desk| by_process(desk, card, spawn.as_deref(), host)).await;
            let session = found.ok_or_else(Refusal::broken)??;
            session.map(|session| Me::new(card, session)).ok_or_else(|| not_bound(card))
        }
        Caller::Unknown => Err(not_bound(card)),
    }
}

/// Waits for a hook to say which session the host process has. With its hooks at work, that is before any call.
async fn bound(
    card: &'static Card,
    host: Option<ProcessKey>,
    store: &StoreThread,
    wait: Duration,
) -> Result<Option<Session>, Refusal> {
    let deadline = tokio::time::Instant::now() + wait;
    let mut pause = BINDING_LOOK;
    loop {
        let found = store.run(move |desk| by_process(desk, card, None, host)).await;
        let found = found.ok_or_else(Refusal::broken)??;
        if found.is_some() || tokio::time::Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(pause).await;
        pause = (pause + pause / 8).min(BINDING_LOOK_MOST);
    }
}

/// Binds this server without a call, once a hook has told which session its host process has. Until then it is listed
/// as started and not bound. The id that the host gave at the server's start registers nothing here: `claude -p
/// --continue` gives one that it then does not use.
pub(super) async fn greet(
    provider: &'static dyn Provider,
    client: String,
    host: Option<ProcessKey>,
    store: &StoreThread,
) -> Option<SessionId> {
    let card = provider.card();
    let announcing = move |desk: &mut Desk| -> Result<(), StoreError> {
        let cwd = RealHost.cwd().unwrap_or_default().to_string_lossy().into_owned();
        let since = Clock::system().now();
        let provider = card.id.as_str().to_owned();
        desk.begin();
        // Only `doctor` looks at it.
        let _ = RunFolders::of(desk.home()).greeted(&provider, &client);
        desk.announce(&Unbound { provider, pid: host.map(|host| host.pid), since, cwd })
    };
    // A failure shows in the first call.
    let _ = store.run(announcing).await?;
    match uncalled(card) {
        Caller::HostProcess { .. } => {
            bound(card, host, store, GREETING_WAIT).await.ok()?.map(|session| session.id)
        }
        _ => started_for(card, host, store).await.map(|session| session.id),
    }
}

/// The session that this server was started for, where its host says so in the server's environment.
pub(super) async fn started_for(
    card: &'static Card,
    host: Option<ProcessKey>,
    store: &StoreThread,
) -> Option<Session> {
    let Caller::Native(native) = uncalled(card) else { return None };
    let greeted = move |desk: &mut Desk| -> Result<Option<Session>, StoreError> {
        let store = desk.store()?;
        let known = store.named_by(card.id.as_str(), &native)?;
        // This server came too late: to greet its session would bring it back.
        if known.as_ref().is_some_and(|session| session.ended.is_some() && session.host == host) {
            return Ok(None);
        }
        let session = known_or_new(store, card, known, &native, host)?;
        desk.serve(session.id)?;
        Ok(Some(session))
    };
    store.run(greeted).await?.ok()?
}

/// What the server knows without a call.
fn uncalled(card: &Card) -> Caller {
    let env = |key: &str| RealHost.env_text(key);
    identity::caller(card, Evidence { meta: None, claim: None, valid: &|_| false, env: &env })
}

fn not_bound(card: &Card) -> Refusal {
    let message = format!("started, not bound: {} has not told which session this is", card.name);
    Refusal::new(
        "not_bound",
        message,
        "nothing was stored; send any prompt first, and if that does not help, run `session-bridge doctor`",
    )
    .fault()
}

fn evidence_disagrees(card: &Card) -> Refusal {
    let message =
        format!("{} named a session at this server's start that lives in another process", card.name);
    Refusal::new(
        "evidence_disagrees",
        message,
        "nothing was stored; send any prompt first, and if that does not help, run `session-bridge doctor`",
    )
    .fault()
}

/// Whether the id from the server's start is that of a session whose host process is another one and alive. Whatever is
/// started inside a CLI inherits its variables, so one of the two is wrong.
fn lives_elsewhere(
    desk: &mut Desk,
    card: &'static Card,
    spawn: Option<&str>,
    host: Option<ProcessKey>,
) -> Result<bool, StoreError> {
    let (Some(native), Some(host), false) = (spawn, host, desk.bound) else { return Ok(false) };
    let named = desk.store()?.named_by(card.id.as_str(), native)?;
    let elsewhere = named.filter(|session| session.ended.is_none()).and_then(|session| session.host);
    Ok(elsewhere.is_some_and(|other| other != host && process::is_alive(other)))
}

fn by_native(
    desk: &mut Desk,
    card: &'static Card,
    native: &str,
    host: Option<ProcessKey>,
) -> Result<Session, StoreError> {
    let store = desk.store()?;
    let known = store.named_by(card.id.as_str(), native)?;
    let session = known_or_new(store, card, known, native, host)?;
    desk.serve(session.id)?;
    Ok(session)
}

/// The session that was found by its host's own id, or what comes of its arrival.
fn known_or_new(
    store: &mut Store,
    card: &Card,
    known: Option<Session>,
    native: &str,
    host: Option<ProcessKey>,
) -> Result<Session, StoreError> {
    // A known caller costs no write. The host process that its hooks named stays, as long as it lives.
    let hosted = |session: &Session| session.host.is_some_and(process::is_alive) || host.is_none();
    match known.filter(|s| s.native == native && s.ended.is_none() && hosted(s)) {
        Some(session) => Ok(session),
        None => arrive(store, card, native, host),
    }
}

/// What the hooks said of the process last; if none said anything, the id from the server's start, once.
fn by_process(
    desk: &mut Desk,
    card: &'static Card,
    spawn: Option<&str>,
    host: Option<ProcessKey>,
) -> Result<Option<Session>, StoreError> {
    let first = !desk.bound;
    let store = desk.store()?;
    let hosted = host.map(|host| store.hosted_by(card.id.as_str(), host)).transpose()?.flatten();
    let session = match (hosted, spawn) {
        (Some(session), _) => session,
        (None, Some(native)) if first || host.is_none() => arrive(store, card, native, host)?,
        _ => return Ok(None),
    };
    desk.serve(session.id)?;
    Ok(Some(session))
}

fn arrive(
    store: &mut Store,
    card: &Card,
    native: &str,
    host: Option<ProcessKey>,
) -> Result<Session, StoreError> {
    let cwd = RealHost.cwd();
    store.arrive_on(&RealHost, card, Sign { native, host, cwd: cwd.as_deref(), start: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Process {
        Process { key: ProcessKey { pid: 7, start: 9 }, parent: 1, name: name.to_owned() }
    }

    /// The provider of a client that introduces itself so, started by a process of that name from an entry with this hint.
    fn served(client: &str, process: &str, configured: &str) -> Option<String> {
        let hint = hint(Some(&named(process)), Some(configured.to_owned()));
        Some(provider(Some(client), hint.as_deref())?.card().id.to_string())
    }

    #[test]
    fn the_introduction_goes_before_the_process_and_that_before_the_entry() {
        assert_eq!(served("codex-mcp-client", "claude", "gemini-cli").as_deref(), Some("codex"));
        assert_eq!(served("somebody", "claude", "gemini-cli").as_deref(), Some("claude-code"));
        assert_eq!(served("somebody", "node", "gemini-cli").as_deref(), Some("gemini-cli"));
        assert_eq!(served("somebody", "node", "nobody"), None);
        assert!(hint(None, None).is_none());
    }
}
