//! One provider: its version, every entry, what its user still has to do, the round trips, and when it was last heard.

use serde::Serialize;
use session_bridge_core::provider::{Card, Scope, Wake};
use session_bridge_providers::PROVIDERS;

use super::check::{Check, Checks, Level};
use super::{entries, heard, review, shared, trip, version};
use crate::cli::context::Context;
use crate::install::version::{Standing, Told};
use crate::install::{self, Target, namesake, provider_of, scope_text};
use crate::report::Failure;

/// What is said of a CLI that the bridge is not installed in.
pub(super) const ABSENT: &str = "installed";

/// How one provider stands, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    provider: &'static str,
    scope: String,
    version: Option<String>,
    standing: Standing,
    /// Every entry stands as planned.
    configured: bool,
    /// A message came out of the installed hook; none if that was not tried.
    hook_works: Option<bool>,
    /// The installed server answered; none if that was not tried.
    server_works: Option<bool>,
    /// When a hook last ran for a session, and when a host last greeted a server: milliseconds since 1970.
    last_event: Option<i64>,
    last_hello: Option<i64>,
}

/// The heading of what is said of a target.
pub(super) fn group(target: &Target) -> String {
    match &target.site.scope {
        Scope::User => target.card().name.to_owned(),
        scope @ Scope::Project(_) => format!("{} ({})", target.card().name, scope_text(scope)),
    }
}

/// Looks at one provider that the bridge is installed in. `told` is what its program says of its version; `all` are
/// the targets of this machine.
pub(super) fn look(
    context: &Context,
    target: &Target,
    told: Option<&Told>,
    all: &[Target],
    checks: &mut Checks,
) -> Result<Summary, Failure> {
    let group = &group(target);
    if let Err(failure) = namesake::refuse(&context.host, target) {
        checks.add(Check::failed(group, "program", &failure));
    }
    let standing = version::look(target, told, group, checks);
    let allowed = target.is_allowed(&context.home, &context.host)?;
    let plan = target.plan(&context.home, &context.host, allowed);
    let configured = entries::look(context, &plan, group, checks);
    for problem in target.provider.hindrances(&context.host, &target.site) {
        checks.add(Check::warn(group, "switch", problem).help("that is yours to change"));
    }
    review::look(context, target, group, checks);
    let (mut hook_works, mut server_works) = (None, None);
    if configured {
        let want = install::want(&context.home, &context.host, allowed);
        let tried = trip::try_out(target, &plan, &want, group);
        for (check, works) in [(tried.hook, &mut hook_works), (tried.server, &mut server_works)] {
            *works = match check.level {
                Level::Ok => Some(true),
                Level::Note => None,
                Level::Warn | Level::Fail => Some(false),
            };
            checks.add(check);
        }
    } else {
        // What is wrong was named above; counting it twice would help nobody.
        checks.add(Check::note(
            group,
            "hook",
            "hook and MCP server were not tried: entries are not as planned",
        ));
    }
    surfaces(target.card(), standing, configured, group, checks);
    shared::look((&context.home, &context.host), target, true, all, checks);
    let heard = heard::look(context, target.card(), group, checks);
    Ok(Summary {
        provider: target.id(),
        scope: scope_text(&target.site.scope),
        version: told.and_then(|told| told.as_ref().ok().cloned()),
        standing,
        configured,
        hook_works,
        server_works,
        last_event: heard.event,
        last_hello: heard.hello.map(|hello| hello.at),
    })
}

/// Where text reaches the model, and what wakes an idle session: verified, degraded or missing.
fn surfaces(card: &Card, standing: Standing, configured: bool, group: &str, checks: &mut Checks) {
    let names = |bodies: bool| {
        let places = card.inject.iter().filter(|inject| inject.bodies == bodies);
        places.map(|inject| inject.moment.as_str()).collect::<Vec<_>>()
    };
    let messages = [names(true), vec!["mcp-pull"]].concat();
    let mut text = format!("messages at {}", messages.join(", "));
    let headers = names(false);
    if !headers.is_empty() {
        text = format!("{text}; headers at {}", headers.join(", "));
    }
    let doors: Vec<&str> = card.wake.iter().map(Wake::name).collect();
    text = match doors.as_slice() {
        [] => format!("{text}; no door: mail for an idle session waits for its next prompt"),
        doors => format!("{text}; woken by {}", doors.join(", ")),
    };
    checks.add(match (configured, standing) {
        (true, Standing::Verified) => Check::ok(group, "surfaces", format!("verified: {text}")),
        // The cause was named above; counting it twice would help nobody.
        (true, _) => {
            Check::note(group, "surfaces", format!("degraded, as the version is not verified: {text}"))
        }
        (false, _) => Check::note(group, "surfaces", format!("missing, as entries are: {text}")),
    });
}

/// Names the supported CLIs that the bridge is not installed in; one that is on this machine is worth a hint.
pub(super) fn absent(
    context: &Context,
    only: &[String],
    all: &[Target],
    ledgers: &[String],
    checks: &mut Checks,
) -> Result<(), Failure> {
    for provider in PROVIDERS {
        let card = provider.card();
        let id = card.id.as_str();
        let asked = only.is_empty() || only.iter().any(|name| name == id);
        if !asked || ledgers.iter().any(|name| provider_of(name) == id) {
            continue;
        }
        let target = Target::at(*provider, &Scope::User, &context.host)?;
        if target.site.present {
            let summary = "the bridge is not installed here, so nothing was tried";
            let how = format!("session-bridge init --provider {id}");
            checks.add(Check::note(card.name, ABSENT, summary).help(how));
            shared::look((&context.home, &context.host), &target, false, all, checks);
            heard::all_the_same(context, card, checks);
        } else {
            checks.add(Check::note(card.name, ABSENT, "not on this machine"));
        }
    }
    Ok(())
}
