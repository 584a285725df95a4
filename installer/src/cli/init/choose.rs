//! Which agent CLIs, and whether the person agrees.

use session_bridge_core::provider::{Card, Scope};
use session_bridge_providers::{PROVIDERS, by_id};

use super::{Args, files};
use crate::cli::context::Context;
use crate::cli::doctor::version;
use crate::exit;
use crate::install::Target;
use crate::report::Failure;
use crate::term::{put, style};

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

/// Whoever names providers, or says --all or --yes, has decided; anybody else is asked once.
pub(super) fn confirmed(args: &Args, context: &Context, choice: &Choice) -> Result<bool, Failure> {
    if args.yes || args.all || !args.provider.is_empty() {
        return Ok(true);
    }
    if !context.ui.is_interactive() {
        return Err(Failure::usage(
            "confirmation_needed",
            "there is no terminal to ask on whether to install",
            "add --yes, or name what to install with --all or --provider; --dry-run shows what would be changed",
        ));
    }
    let (strong, dim) = (style::STRONG, style::DIM);
    let mut text = String::from("Found on this machine:\n");
    for target in &choice.targets {
        let version = target.site.program.as_deref().map(version);
        let version = match version {
            Some(Ok(version)) => version,
            Some(Err(_)) => "does not tell its version".to_owned(),
            None => "no program on PATH".to_owned(),
        };
        put!(text, "  {strong}{}{strong:#} {dim}({version}){dim:#}\n", target.card().name);
        for file in files(target) {
            let what = if file.exists() { "would edit" } else { "would create" };
            put!(text, "    {dim}{what}{dim:#} {}\n", file.display());
        }
    }
    text.push_str(
        "Hooks run with your rights, each time such an agent CLI starts, gets a prompt or uses a tool.\n",
    );
    context.ui.note(&text)?;
    context.ui.confirm("Install the bridge there?")
}
