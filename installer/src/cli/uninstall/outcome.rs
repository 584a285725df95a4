//! What `uninstall` did, or would do, and how it tells that.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use session_bridge_core::host::Host as _;
use session_bridge_core::shell;

use super::Args;
use crate::cli::changes::{Columns, Line};
use crate::cli::context::Context;
use crate::install::provider_of;
use crate::plugin::Plugged;
use crate::report::Failure;
use crate::term::{folder, put, result_width, style, wrapped};

/// What became of one ledger.
pub(super) struct Outcome {
    pub(super) ledger: String,
    pub(super) name: String,
    pub(super) written: Vec<PathBuf>,
    pub(super) kept: Vec<PathBuf>,
    pub(super) patch: Vec<Value>,
    pub(super) diff: String,
    pub(super) failure: Option<Failure>,
}

/// What is there afterwards, beside the outcomes.
pub(super) struct After<'a> {
    /// Links that were removed.
    pub(super) links: &'a [PathBuf],
    pub(super) plugged: &'a [Plugged],
    /// The bridge is configured in no CLI any more.
    pub(super) none_left: bool,
}

/// Tells it all.
pub(super) fn show(
    args: &Args,
    context: &Context,
    outcomes: &[Outcome],
    after: &After<'_>,
) -> Result<(), Failure> {
    let root = context.home.root();
    let stays = root.exists().then_some(root);
    if context.ui.json {
        return context.ui.document(&document(args, outcomes, after, stays));
    }
    context.ui.say(&text(args, context, outcomes, after, stays))
}

fn document(args: &Args, outcomes: &[Outcome], after: &After<'_>, stays: Option<&Path>) -> Value {
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
    json!({
        "dry_run": args.dry_run, "providers": providers, "links_removed": after.links, "stays": stays,
        "plugins": plugins,
    })
}

fn text(
    args: &Args,
    context: &Context,
    outcomes: &[Outcome],
    after: &After<'_>,
    stays: Option<&Path>,
) -> String {
    let (strong, good, dim, warn) = (style::STRONG, style::GOOD, style::DIM, style::WARN);
    let home = context.host.home();
    let home = home.as_deref();
    let mut text = String::new();
    if outcomes.is_empty() {
        text.push_str("Nothing to do: the bridge is not installed there.\n");
    }
    for outcome in outcomes {
        text.push_str(&of_ledger(args, outcome, home));
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
        return text;
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
    text
}

/// What became of one ledger, as text.
fn of_ledger(args: &Args, outcome: &Outcome, home: Option<&Path>) -> String {
    let (strong, good, dim, warn, bad) = (style::STRONG, style::GOOD, style::DIM, style::WARN, style::BAD);
    let mut text = String::new();
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
    text
}

fn lines(lines: &[Line]) -> String {
    Columns::of(&lines.iter(), result_width()).text(lines)
}
