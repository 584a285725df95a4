//! Which agent CLIs, and whether the person agrees.

use session_bridge_core::host::Host as _;
use session_bridge_core::provider::{Card, Scope};
use session_bridge_providers::{PROVIDERS, by_id};

use super::survey::Found;
use super::{Args, listing};
use crate::cli::context::Context;
use crate::exit;
use crate::install::Target;
use crate::report::Failure;
use crate::term::{note_width, paragraph};

/// What `init` works on.
pub(super) struct Choice {
    pub(super) targets: Vec<Target>,
    /// Supported CLIs that are not on this machine.
    pub(super) absent: Vec<&'static Card>,
}

pub(super) fn choose(args: &Args, scope: &Scope, context: &Context) -> Result<Choice, Failure> {
    let mut targets: Vec<Target> = Vec::new();
    let mut absent = Vec::new();
    if args.provider.is_empty() {
        for provider in PROVIDERS {
            let target = Target::at(*provider, scope, &context.host)?;
            if target.site.present { targets.push(target) } else { absent.push(target.card()) }
        }
        if targets.is_empty() {
            let names: Vec<&str> = absent.iter().map(|card| card.name).collect();
            return Err(Failure::new(
                "no_cli_found",
                exit::NOT_WELL,
                format!("none of the supported agent CLIs is on this machine ({})", names.join(", ")),
                "install one, or name one with --provider to prepare its configuration all the same",
            ));
        }
        return Ok(Choice { targets, absent });
    }
    for id in &args.provider {
        let provider = by_id(id).ok_or_else(|| unknown_provider(id))?;
        let target = Target::at(provider, scope, &context.host)?;
        // Named by its user, it is prepared even if it is not there yet.
        if !target.site.present {
            absent.push(target.card());
        }
        if !targets.iter().any(|known| known.ledger == target.ledger) {
            targets.push(target);
        }
    }
    Ok(Choice { targets, absent })
}

pub(in crate::cli) fn unknown_provider(id: &str) -> Failure {
    let known: Vec<&str> = PROVIDERS.iter().map(|provider| provider.card().id.as_str()).collect();
    Failure::usage(
        "unknown_provider",
        format!("there is no provider `{}`", id.chars().take(64).collect::<String>()),
        format!("use one of {}", known.join(", ")),
    )
}

/// What the person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Install.
    Yes,
    /// Install, and all of what is open is agreed to.
    YesToAll,
    /// Change nothing.
    No,
}

/// Whoever names providers, or says --all or --yes, has decided to install; anybody else is asked once. What goes beyond
/// the installation is asked of persons only, in the same question, and --yes is no answer to it.
pub(super) fn decide(
    args: &Args,
    context: &Context,
    found: &[Found],
    absent: &[&'static Card],
) -> Result<Decision, Failure> {
    let ui = context.ui;
    let more = listing::more(found);
    let decided = args.yes || args.all || !args.provider.is_empty();
    if decided && (args.yes || more.is_empty() || !ui.is_interactive()) {
        return Ok(Decision::Yes);
    }
    if decided {
        let question = format!("Agree to more than the installation: {more}?");
        let agreed = is_yes(&ui.ask(&paragraph(&question, 0, note_width()), "y/N")?);
        return Ok(if agreed { Decision::YesToAll } else { Decision::Yes });
    }
    if !ui.is_interactive() {
        return Err(Failure::usage(
            "confirmation_needed",
            "there is no terminal to ask on whether to install, so nothing was changed",
            "add --yes to install into every agent CLI that is here, or name some with --provider; --dry-run shows what would be changed",
        ));
    }
    let home = context.host.home();
    let width = note_width();
    ui.note(&listing::text(found, absent, &context.home.hook_program(), home.as_deref(), width))?;
    if more.is_empty() {
        let yes = is_yes(&ui.ask("Install the bridge?", "y/N")?);
        return Ok(if yes { Decision::Yes } else { Decision::No });
    }
    ui.note(&listing::answers(found, width))?;
    Ok(match ui.ask("Install the bridge?", "y/a/N")?.as_str() {
        "a" | "all" => Decision::YesToAll,
        answer if is_yes(answer) => Decision::Yes,
        _ => Decision::No,
    })
}

fn is_yes(answer: &str) -> bool {
    matches!(answer, "y" | "yes")
}
