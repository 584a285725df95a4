//! Seen alive, which is more than configured: when a hook last ran for a session of this CLI, and when a host of it last
//! greeted a server.

use session_bridge_core::provider::Card;
use session_bridge_store::{Hello, RunFolders};

use super::check::{Check, Checks};
use crate::cli::context::Context;

/// When a CLI was last heard.
#[derive(Debug)]
pub(super) struct Heard {
    /// A hook ran, in milliseconds since 1970.
    pub(super) event: Option<i64>,
    pub(super) hello: Option<Hello>,
}

impl Heard {
    fn of(context: &Context, card: &Card) -> Self {
        let id = card.id.as_str();
        // A store that cannot be read is named elsewhere.
        let event = context.store_if_any().and_then(|store| store.last_event(id).ok()).flatten();
        Self { event, hello: RunFolders::of(&context.home).hello(id) }
    }

    fn sentence(&self, context: &Context) -> String {
        let hook = match self.event {
            Some(at) => format!("last hook event {}", context.ui.ago(at)),
            None => "no hook event yet".to_owned(),
        };
        match &self.hello {
            Some(hello) => {
                format!("{hook}; last MCP hello {} from {}", context.ui.ago(hello.at), hello.client)
            }
            None => format!("{hook}; no MCP hello yet"),
        }
    }
}

/// Says when each was.
pub(super) fn look(context: &Context, card: &Card, group: &str, checks: &mut Checks) -> Heard {
    let heard = Heard::of(context, card);
    let summary = heard.sentence(context);
    checks.add(if heard.event.is_some() && heard.hello.is_some() {
        Check::ok(group, "alive", summary)
    } else {
        // Until a host has shown itself, what only its user can do may be what is missing.
        let named = |step: &str| {
            checks.all.iter().any(|check| check.help.as_deref().is_some_and(|help| help.contains(step)))
        };
        let steps = card.human_steps.iter().map(|step| step.text(card.name)).filter(|step| !named(step));
        let steps = steps.map(|step| format!("- {step}\n"));
        Check::note(group, "alive", summary).detail(steps.collect::<String>())
    });
    heard
}

/// Says so if a CLI is alive that the bridge was not installed in: somebody configured it by other means.
pub(super) fn all_the_same(context: &Context, card: &Card, checks: &mut Checks) {
    let heard = Heard::of(context, card);
    if heard.event.is_some() || heard.hello.is_some() {
        let summary = format!("heard all the same: {}", heard.sentence(context));
        checks.add(Check::note(card.name, "alive", summary));
    }
}
