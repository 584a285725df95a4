//! Servers that nobody can attribute to a session, while everybody else sends.

use anyhow::{Context as _, Result};
use serde_json::json;
use session_bridge_core::marks::Mark;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;

use super::act::{NOBODYS, expect_refusal};
use super::house::Kind;
use super::model::Model;
use super::world::World;
use crate::launch::Host;

/// One call of each sort, all at once: most are refused after a wait.
pub(super) fn call(world: &World, model: &Model) -> Result<()> {
    std::thread::scope(|scope| {
        let mut all = Vec::new();
        for provider in PROVIDERS {
            let spawn = match Kind::of(*provider) {
                Kind::Alone { spawn } => spawn,
                Kind::Shared => None,
                _ => continue,
            };
            let card = provider.card();
            let client = card.mcp_clients.first().copied().unwrap_or(card.id.as_str());
            // No hook has spoken in this process.
            all.push(scope.spawn(|| refused(world, *provider, Some(client), None, "not_bound")));
            if !card.marks.iter().any(|mark| matches!(mark, Mark::Process(_))) {
                all.push(scope.spawn(|| refused(world, *provider, None, None, "unknown_client")));
            }
            // It inherited the variable of a session that lives in another process.
            let live = model.people.iter().find(|person| person.live && person.provider.card().id == card.id);
            if let Some((name, other)) = spawn.zip(live) {
                let env = Some((name.to_owned(), other.native.clone()));
                all.push(
                    scope.spawn(move || refused(world, *provider, Some(client), env, "evidence_disagrees")),
                );
            }
        }
        all.into_iter().try_for_each(|one| one.join().ok().context("a stranger panicked")?)
    })
}

/// A process of its own, whose server is called once. Without a client of the CLI, nothing else says whose server it is either.
fn refused(
    world: &World,
    provider: &'static dyn Provider,
    client: Option<&str>,
    env: Option<(String, String)>,
    code: &str,
) -> Result<()> {
    let id = provider.card().id.as_str();
    let mut host = Host::start(&world.host_program(provider))?;
    let words = if client.is_some() { vec!["--client", id] } else { Vec::new() };
    let env: Vec<_> = env.into_iter().collect();
    let mut server = world.server(&mut host, client.unwrap_or("somebody"), &words, &env)?;
    let arguments = json!({"to": "*", "body": NOBODYS});
    let said = server.call("bridge_send_message", &arguments, &json!({}))?;
    expect_refusal(world, said, code, id);
    Ok(())
}
