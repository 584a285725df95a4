//! `uninstall`: takes out what the ledger says is ours, and nothing else.

use std::path::PathBuf;

use serde_json::{Value, json};
use session_bridge_core::apply::{self, Disk};
use session_bridge_core::host::Host as _;
use session_bridge_core::{preview, shell};
use session_bridge_providers::by_id;
use session_bridge_store::Pause;

use super::Status;
use super::changes::{Columns, Line};
use super::context::Context;
use super::init::unknown_provider;
use crate::exit;
use crate::install::{defaults, ledgers, links, provider_of};
use crate::plugin::{self, Plugged};
use crate::report::Failure;
use crate::term::{folder, put, result_width, style, wrapped};

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

/// What became of one ledger.
struct Outcome {
    ledger: String,
    name: String,
    written: Vec<PathBuf>,
    kept: Vec<PathBuf>,
    patch: Vec<Value>,
    diff: String,
    failure: Option<Failure>,
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

/// What is there afterwards, beside the outcomes.
struct After<'a> {
    /// Links that were removed.
    links: &'a [PathBuf],
    plugged: &'a [Plugged],
    /// The bridge is configured in no CLI any more.
    none_left: bool,
}

fn show(args: &Args, context: &Context, outcomes: &[Outcome], after: &After<'_>) -> Result<(), Failure> {
    let ui = context.ui;
    let stays = context.home.root().exists().then(|| context.home.root().to_owned());
    if ui.json {
        let providers: Vec<Value> = outcomes
            .iter()
            .map(|outcome| {
                json!({
                    "provider": provider_of(&outcome.ledger),
                    "state": if outcome.failure.is_some() { "failed" } else { "removed" },
                    "files": outcome.patch,
                    "kept": outcome.kept,
                    "error": outcome.failure.as_ref().map(|failure| failure.document()["error"].clone()),
                })
            })
            .collect();
        let plugins: Vec<&str> = after.plugged.iter().map(Plugged::id).collect();
        return ui.document(&json!({
            "dry_run": args.dry_run, "providers": providers, "links_removed": after.links, "stays": stays,
            "plugins": plugins,
        }));
    }
    let (strong, good, dim, warn, bad) = (style::STRONG, style::GOOD, style::DIM, style::WARN, style::BAD);
    let home = context.host.home();
    let home = home.as_deref();
    let mut text = String::new();
    if outcomes.is_empty() {
        text.push_str("Nothing to do: the bridge is not installed there.\n");
    }
    for outcome in outcomes {
        match &outcome.failure {
            _ if args.dry_run => {}
            Some(_) => put!(text, "{bad}✗{bad:#} "),
            None => put!(text, "{good}✓{good:#} "),
        }
        put!(text, "{strong}{}{strong:#}", outcome.name);
        let left = outcome.written.is_empty() && outcome.kept.is_empty() && outcome.failure.is_none();
        if !args.dry_run && left {
            put!(text, "  {dim}nothing was left to take out{dim:#}");
        }
        text.push('\n');
        text.push_str(&outcome.diff);
        let gone = |path: &PathBuf| if path.exists() { "restored" } else { "removed" };
        let written = outcome.written.iter().map(|path| Line::new(gone(path), path, "", home));
        text.push_str(&lines(&written.collect::<Vec<_>>()));
        for path in &outcome.kept {
            let path = folder(&path.to_string_lossy(), home);
            put!(
                text,
                "  {warn}!{warn:#} {}\n",
                wrapped(&format!("{path} stays: others have written into it"), 4)
            );
        }
        let failure = outcome.failure.as_ref().map(Failure::text).unwrap_or_default();
        for line in failure.lines() {
            put!(text, "    {line}\n");
        }
    }
    if !after.links.is_empty() {
        put!(text, "{good}✓{good:#} {strong}session-bridge{strong:#}\n");
        let links: Vec<Line> = after.links.iter().map(|path| Line::new("removed", path, "", home)).collect();
        text.push_str(&lines(&links));
    }
    for Plugged { card, plugin } in after.plugged {
        put!(text, "{warn}!{warn:#} {} still has the bridge as a plugin; to take that out:\n", card.name);
        for command in plugin.remove {
            put!(text, "    {command}\n");
        }
    }
    if args.dry_run {
        put!(text, "{dim}nothing was changed{dim:#}\n");
        return ui.say(&text);
    }
    if outcomes.iter().any(|outcome| !outcome.written.is_empty()) {
        put!(text, "\n{}\n", wrapped("Sessions that run keep what they have loaded until they end.", 0));
    }
    if let Some(root) = stays.filter(|_| after.none_left) {
        let path = root.to_string_lossy();
        put!(text, "{}\n\n", wrapped(&format!("Messages stay in {}.", folder(&path, home)), 0));
        put!(text, "{dim}again{dim:#}   session-bridge init\n");
        put!(text, "{dim}delete{dim:#}  rm -r {}\n", shell::word(&path));
    }
    ui.say(&text)
}

fn lines(lines: &[Line]) -> String {
    Columns::of(&lines.iter(), result_width()).text(lines)
}
