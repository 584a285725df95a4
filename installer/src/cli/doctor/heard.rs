//! Seen alive, which is more than configured: when a hook last ran for a session of this CLI, and when a host of it last
//! greeted a server.

use session_bridge_store::RunFolders;

use super::check::{Check, Checks};
use crate::cli::context::Context;
use crate::install::Target;

/// Says when each was, and gives both in milliseconds since 1970.
pub(super) fn look(
    context: &Context,
    target: &Target,
    group: &str,
    checks: &mut Checks,
) -> (Option<i64>, Option<i64>) {
    // A store that cannot be read is named elsewhere.
    let event = context.store_if_any().and_then(|store| store.last_event(target.id()).ok()).flatten();
    let hello = RunFolders::of(&context.home).hello(target.id());
    let hook = match event {
        Some(at) => format!("last hook event {}", context.ui.ago(at)),
        None => "no hook event yet".to_owned(),
    };
    let server = match &hello {
        Some(hello) => format!("last MCP hello {} from {}", context.ui.ago(hello.at), hello.client),
        None => "no MCP hello yet".to_owned(),
    };
    let summary = format!("{hook}; {server}");
    checks.add(if event.is_some() && hello.is_some() {
        Check::ok(group, "alive", summary)
    } else {
        // Until a host has shown itself, what only its user can do may be what is missing.
        let named = |step: &str| {
            checks.all.iter().any(|check| check.help.as_deref().is_some_and(|help| help.contains(step)))
        };
        let steps =
            target.card().human_steps.iter().filter(|step| !named(step)).map(|step| format!("- {step}\n"));
        Check::note(group, "alive", summary).detail(steps.collect::<String>())
    });
    (event, hello.map(|hello| hello.at))
}
