//! A session that does not exist: its host's events, with the fields that its provider makes up for `doctor`.

use std::process::Stdio;

use serde_json::{Value, json};
use session_bridge_core::event::Moment;
use session_bridge_core::id::{MessageId, SessionId};
use session_bridge_core::message::{Kind, Urgency};
use session_bridge_core::probe::{self, Probe};
use session_bridge_core::provider::{Card, Provider, Source};
use session_bridge_providers::PROVIDERS;
use session_bridge_store::{Author, Draft, Store};

use super::program::{Ended, Kill, carry_out};
use super::world::World;
use crate::cli::doctor::client::Client;

/// How often a session's start is told before that is a finding.
const STARTS: usize = 5;

/// One made-up session.
pub(super) struct Session {
    provider: &'static dyn Provider,
    /// The host's id of it.
    native: String,
    pub(super) id: SessionId,
}

impl Session {
    /// A host starts one, and its hook registers it.
    pub(super) fn start(world: &World, native: &str) -> Result<Self, String> {
        let provider =
            provider().ok_or("no provider tells its session in each call and takes mail by hooks")?;
        let mut session = Self { provider, native: format!("selftest-{native}"), id: SessionId::generate() };
        let store = world.ask(|| world.store())?;
        // A hook that finds the store busy leaves it at that; the next event registers the session.
        for _ in 0..STARTS {
            let ended = session.fire(world, Moment::SessionStart, "", Kill::Never)?;
            if !ended.status.success() {
                return Err(format!("the hook of a session's start ended with {}", ended.status));
            }
            if let Some(found) = world.ask(|| store.named_by(provider.card().id.as_str(), &session.native))? {
                session.id = found.id;
                return Ok(session);
            }
        }
        Err("the hook of a session's start took no note of it".to_owned())
    }

    /// One event of it, as the host tells its hook.
    pub(super) fn fire(
        &self,
        world: &World,
        moment: Moment,
        turn: &str,
        kill: Kill,
    ) -> Result<Ended, String> {
        let (words, payload) = self.event(world, moment, turn)?;
        carry_out(world.hook(&words), payload.as_bytes(), kill, &world.stop)
    }

    /// The same for a host that closed the pipe before the answer came.
    pub(super) fn fire_unheard(&self, world: &World, moment: Moment, turn: &str) -> Result<(), String> {
        let (words, payload) = self.event(world, moment, turn)?;
        let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
        drop(reader);
        let mut command = world.hook(&words);
        command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            drop(std::io::Write::write_all(&mut stdin, payload.as_bytes()));
        }
        child.wait().map(drop).map_err(|error| error.to_string())
    }

    /// The hook's words and what it reads.
    pub(super) fn event(
        &self,
        world: &World,
        moment: Moment,
        turn: &str,
    ) -> Result<([&'static str; 2], String), String> {
        let card = self.provider.card();
        let spec = card.hooks.iter().find(|spec| spec.moment == moment).ok_or("no such event")?;
        let folder = world.project();
        let payload = self.provider.probe(&self.probe(spec.event, turn, &folder));
        Ok(([card.id.as_str(), spec.event], payload.to_string()))
    }

    fn probe<'a>(&'a self, event: &'a str, turn: &'a str, cwd: &'a std::path::Path) -> Probe<'a> {
        Probe { event, session: &self.native, turn, nonce: &self.native, cwd }
    }

    /// An MCP server for its host.
    pub(super) fn server(&self, world: &World) -> Result<Client, String> {
        let card = self.provider.card();
        let client = card.mcp_clients.first().map_or("selftest", |name| name.trim_end_matches('*'));
        Client::start(world.command(&["mcp", "--client", card.id.as_str()]), client)
    }

    /// The parameters of a call that sends, as this session makes it.
    pub(super) fn send_call(&self, world: &World, to: SessionId, body: &str) -> Value {
        let folder = world.project();
        let probe = self.probe("", "", &folder);
        let mut call = probe::call(self.provider.card(), &probe, "bridge_send_message");
        call["arguments"]["to"] = json!(to.to_string());
        call["arguments"]["body"] = json!(body);
        call
    }

    /// Stores a message for it, without any program. Gives its id.
    pub(super) fn put(&self, world: &World, store: &mut Store, body: &str) -> Result<MessageId, String> {
        let room = world.ask(|| store.session(self.id))?.room;
        let draft = Draft {
            id: MessageId::generate(),
            author: Author::CommandLine { name: "selftest".to_owned(), as_session: None },
            room: &room,
            to: &self.native,
            kind: Kind::Status,
            subject: None,
            body,
            in_reply_to: None,
            urgency: Urgency::Normal,
            lifetime_ms: None,
        };
        world.ask(|| store.send(&draft, &[self.id]))?;
        Ok(draft.id)
    }
}

/// One whose hosts have several sessions each and name them in calls, since all of ours have one host: this process.
fn provider() -> Option<&'static dyn Provider> {
    let has = |card: &Card, moment| card.hooks.iter().any(|spec| spec.moment == moment);
    let takes = |card: &Card, moment| card.inject_at(moment).is_some_and(|inject| inject.bodies);
    PROVIDERS.iter().copied().find(|provider| {
        let card = provider.card();
        matches!(card.identity.mcp.first(), Some(Source::Meta { .. }))
            && has(card, Moment::SessionStart)
            && [Moment::PromptSubmit, Moment::AfterTool, Moment::TurnEnd].iter().all(|m| takes(card, *m))
    })
}

/// The mark of a body, by which it is known wherever it comes out.
pub(super) fn mark(whose: usize, n: usize) -> String {
    format!("=s{whose}.{n}=")
}

/// The marks in what a program put out.
pub(super) fn marks(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("=s") {
        let Some(length) = text[at + 2..].find('=') else { continue };
        let inner = &text[at + 2..at + 2 + length];
        if inner
            .split_once('.')
            .is_some_and(|(a, b)| a.parse::<usize>().is_ok() && b.parse::<usize>().is_ok())
        {
            found.push(format!("=s{inner}="));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_any_text() {
        let text = format!("{{\"x\":\"a {}\\n{} =s= =sx.y= =s1\"}}", mark(1, 20), mark(3, 4));
        assert_eq!(marks(text.as_bytes()), ["=s1.20=", "=s3.4="]);
    }

    #[test]
    fn there_is_a_provider_for_it() {
        assert!(provider().is_some());
    }
}
