//! Servers that nobody can attribute to a session, while everybody else sends.

use anyhow::Result;
use serde_json::json;
use session_bridge_core::marks::Mark;
use session_bridge_providers::PROVIDERS;

use super::act::{NOBODYS, expect_refusal};
use super::house::Kind;
use super::model::Model;
use super::server::Server;
use super::world::World;
use crate::launch::Host;

/// One call of each sort.
pub(super) fn call(world: &World, model: &Model) -> Result<()> {
    let arguments = json!({"to": "*", "body": NOBODYS});
    for provider in PROVIDERS {
        let card = provider.card();
        let client = card.mcp_clients.first().copied().unwrap_or(card.id.as_str());
        let id = card.id.as_str();
        let mut host = Host::start(&world.host_program(*provider))?;
        let spawn = match Kind::of(*provider) {
            Kind::Alone { spawn } => spawn,
            Kind::Shared => None,
            _ => continue,
        };
        // No hook has spoken in this process.
        let mut server = Server::start(world, &mut host, client, &["--client", id], &[])?;
        let said = server.call("bridge_send_message", &arguments, &json!({}))?;
        expect_refusal(world, said, "not_bound", id);
        let named = card.marks.iter().any(|mark| matches!(mark, Mark::Process(_)));
        if !named {
            let mut server = Server::start(world, &mut host, "somebody", &[], &[])?;
            let said = server.call("bridge_send_message", &arguments, &json!({}))?;
            expect_refusal(world, said, "unknown_client", id);
        }
        let live = model.people.iter().find(|person| person.live && person.provider.card().id == card.id);
        if let (Some(name), Some(other)) = (spawn, live) {
            // It inherited the variable of a session that lives in another process.
            let env = [(name.to_owned(), other.native.clone())];
            let mut server = Server::start(world, &mut host, client, &["--client", id], &env)?;
            let said = server.call("bridge_send_message", &arguments, &json!({}))?;
            expect_refusal(world, said, "evidence_disagrees", id);
        }
    }
    Ok(())
}
