//! Hosts that run the entries of others as well. Two installations then meet in one session.

use super::check::{Check, Checks};
use super::provider;
use crate::cli::context::Context;
use crate::install::Target;

/// Names the installations that this host runs besides its own.
pub(super) fn look(context: &Context, target: &Target, all: &[Target], group: &str, checks: &mut Checks) {
    let files = target.provider.also_runs(&context.host, &target.site.scope);
    let runs = |other: &&Target| {
        let plan = other.plan(&context.home, &context.host, false);
        other.id() != target.id() && plan.edits.iter().any(|edit| files.contains(&edit.file.path))
    };
    let others: Vec<String> = all.iter().filter(runs).map(provider::group).collect();
    if !others.is_empty() {
        let what = format!("it also runs the bridge's entries for {}", others.join(" and "));
        // Rules W1 and E1.
        checks.add(Check::note(group, "imports", what).detail(
            "harmless: each hook and server finds out which CLI runs it, and of two that come at the same time one serves",
        ));
    }
}
