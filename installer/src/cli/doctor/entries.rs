//! Every entry of a provider's plan: whether it stands in the host's file as planned.

use session_bridge_core::apply::{self, Disk};
use session_bridge_core::plan::{Finding, Plan, State};
use session_bridge_core::preview;

use super::check::{Check, Checks};
use crate::cli::context::Context;

const FIX: &str = "session-bridge doctor --fix";

/// Looks at every entry of the plan; true if all are there.
pub(super) fn look(context: &Context, plan: &Plan, group: &str, checks: &mut Checks) -> bool {
    let findings = match apply::check(plan, &Disk::new(context.home.root())) {
        Ok(findings) => findings,
        Err(error) => {
            checks.add(Check::failed(group, "entries", &error.into()));
            return false;
        }
    };
    let present: Vec<&Finding> = findings.iter().filter(|finding| finding.state == State::Present).collect();
    let mut files: Vec<String> = Vec::new();
    for finding in &present {
        let file = finding.file.display().to_string();
        if !files.contains(&file) {
            files.push(file);
        }
    }
    if !present.is_empty() {
        checks.add(
            Check::ok(
                group,
                "entries",
                format!("{} of {} entries are as planned", present.len(), findings.len()),
            )
            .detail(files.join("\n")),
        );
    }
    for finding in findings.iter().filter(|finding| finding.state != State::Present) {
        checks.add(problem(group, finding));
    }
    present.len() == findings.len()
}

fn problem(group: &str, finding: &Finding) -> Check {
    let (id, file) = (finding.edit.to_string(), finding.file.display());
    let entry = format!("{file}: the entry to {}", finding.why);
    match &finding.state {
        State::Absent => Check::fail(group, &id, format!("{entry} is missing")).help(FIX),
        State::Drifted { want, have } => Check::fail(group, &id, format!("{entry} was changed"))
            .detail(preview::drift(want, have))
            .help(FIX),
        State::Clash { problem } => Check::fail(group, &id, problem.clone())
            .help("rename or remove that entry, then run session-bridge doctor --fix"),
        State::Unreadable { problem, code } => Check::fail(group, &id, format!("{problem} [{code}]"))
            .help("repair the file at that place, then run session-bridge doctor --fix"),
        State::Orphaned => {
            Check::warn(group, &id, format!("{entry} is from another version and no longer wanted")).help(FIX)
        }
        other => Check::fail(group, &id, format!("{entry} is in an unknown state: {other:?}")),
    }
}
