//! `uninstall`: takes out what the ledger says is ours, and nothing else.

mod outcome;

use session_bridge_core::apply::{self, Disk};
use session_bridge_core::preview;
use session_bridge_providers::by_id;
use session_bridge_store::Pause;

use self::outcome::{After, Outcome, show};
use super::Status;
use super::context::Context;
use super::init::unknown_provider;
use crate::exit;
use crate::install::{defaults, ledgers, links, provider_of};
use crate::plugin;
use crate::report::Failure;

/// Take the bridge out of agent CLIs.
///
/// Files that nobody else has written since are afterwards what they were before, byte for byte; in others only our
/// entries go. Messages stay. What was paused is so no longer. A plugin is its CLI's to take out: the commands are named.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take it out of this one; may be given several times.
    #[arg(long, value_name = "PROVIDER", conflicts_with = "all", required_unless_present = "all")]
    provider: Vec<String>,
    /// Take it out of every agent CLI.
    #[arg(long)]
    all: bool,
    /// Show what would be changed, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let known = ledgers(&context.home)?;
    for id in &args.provider {
        if by_id(id).is_none() && !known.iter().any(|name| provider_of(name) == id) {
            return Err(unknown_provider(id));
        }
    }
    let chosen: Vec<String> = known
        .into_iter()
        .filter(|name| args.all || args.provider.iter().any(|id| id == provider_of(name)))
        .collect();
    let disk = Disk::new(context.home.root());
    let outcomes: Vec<Outcome> = chosen.iter().map(|name| undo(args, context, name, &disk)).collect();
    let mut removed = Vec::new();
    let none_left = !args.dry_run && ledgers(&context.home)?.is_empty();
    let plugged = plugin::plugged(&context.host);
    if none_left {
        // A plugin names them, too.
        if plugged.is_empty() {
            removed = links::remove(&context.home)?;
        }
        for pause in Pause::all(&context.home) {
            pause.lift(&context.home)?;
        }
        // Something else in it, or no folder at all, is no fault.
        drop(std::fs::remove_dir(context.home.paused()));
    }
    let after = After { links: &removed, plugged: &plugged, none_left };
    show(args, context, &outcomes, &after)?;
    Ok(outcomes.iter().find_map(|outcome| outcome.failure.as_ref()).map_or(exit::OK, |failure| failure.exit))
}

fn undo(args: &Args, context: &Context, ledger: &str, disk: &Disk) -> Outcome {
    let id = provider_of(ledger);
    let mut outcome = Outcome {
        ledger: ledger.to_owned(),
        name: by_id(id).map_or_else(|| id.to_owned(), |provider| provider.card().name.to_owned()),
        written: Vec::new(),
        kept: Vec::new(),
        patch: Vec::new(),
        diff: String::new(),
        failure: None,
    };
    if let Err(failure) = try_undo(args, context, ledger, disk, &mut outcome) {
        outcome.failure = Some(failure);
    }
    outcome
}

fn try_undo(
    args: &Args,
    context: &Context,
    ledger: &str,
    disk: &Disk,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let before = apply::preview_revert(ledger, disk)?;
    outcome.patch = preview::patch(&before).as_array().cloned().unwrap_or_default();
    if args.dry_run {
        outcome.diff = preview::unified_diff(&before);
        return before
            .files
            .into_iter()
            .find_map(|file| file.after.err())
            .map_or(Ok(()), |error| Err(error.into()));
    }
    let applied = apply::revert(ledger, disk)?;
    outcome.written = applied.written;
    outcome.kept = applied.kept;
    // What new sessions start with belongs to the provider, whichever scopes it is installed in.
    let id = provider_of(ledger);
    if !ledgers(&context.home)?.iter().any(|name| provider_of(name) == id) {
        defaults::forget(&context.home, id)?;
        // A later installation is not to begin paused.
        Pause::Provider(id.to_owned()).lift(&context.home)?;
    }
    Ok(())
}
