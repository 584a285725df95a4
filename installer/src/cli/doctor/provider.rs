//! One provider: its program and version, every entry, reviews, surfaces and sessions.

use session_bridge_core::apply::{self, Disk};
use session_bridge_core::plan::{Finding, State};
use session_bridge_core::preview;
use session_bridge_core::provider::{Card, Scope};
use session_bridge_providers::PROVIDERS;

use super::check::{Check, Checks};
use super::live;
use crate::cli::context::Context;
use crate::install::{Target, provider_of, scope_text, trust};
use crate::report::Failure;

const FIX: &str = "session-bridge doctor --fix";

/// Looks at one provider that the bridge is installed in.
pub(super) fn look(context: &Context, target: &Target, checks: &mut Checks) {
    let group = match &target.site.scope {
        Scope::User => target.card().name.to_owned(),
        scope @ Scope::Project(_) => format!("{} ({})", target.card().name, scope_text(scope)),
    };
    let verified = version(target, &group, checks);
    let whole = entries(context, target, &group, checks);
    surfaces(target.card(), &group, verified, whole, checks);
    for problem in target.provider.hindrances(&context.host, &target.site) {
        checks.add(Check::warn(&group, "switch", problem).help("that is yours to change"));
    }
    if target.id() == trust::PROVIDER {
        byte_order_mark(target, &group, checks);
        reviews(context, target, &group, checks);
    }
    if let Err(failure) = sessions(context, target, &group, checks) {
        checks.add(Check::failed(&group, "sessions", &failure));
    }
}

/// Says whether the CLI's version is one that we were measured against.
fn version(target: &Target, group: &str, checks: &mut Checks) -> bool {
    let card = target.card();
    if let Some(why) = card.not_run {
        // Nothing that the person could set right: no version of it would do.
        let told = format!("{} is configured, not verified by running: {why}", card.name);
        checks.add(Check::note(group, "version", told));
        return false;
    }
    let known: Vec<&str> = card.verified.iter().map(|verified| verified.version).collect();
    let Some(program) = &target.site.program else {
        checks.add(
            Check::warn(group, "program", format!("no program `{}` on PATH", card.binaries.join("` or `")))
                .help(format!(
                    "install {}, or take the bridge out: session-bridge uninstall --provider {}",
                    card.name, card.id
                )),
        );
        return false;
    };
    match live::version(program) {
        Ok(found) if known.contains(&found.as_str()) => {
            checks.add(Check::ok(
                group,
                "version",
                format!("{} {found}, verified ({})", card.name, program.display()),
            ));
            true
        }
        Ok(found) => {
            checks.add(
                Check::warn(
                    group,
                    "version",
                    format!(
                        "{} {found} is not a version that was verified ({})",
                        card.name,
                        program.display()
                    ),
                )
                .help(format!(
                    "verified: {}; receipts from hooks may claim less than happened",
                    known.join(", ")
                )),
            );
            false
        }
        Err(why) => {
            checks.add(
                Check::warn(
                    group,
                    "version",
                    format!("{} does not tell its version: {why}", program.display()),
                )
                .help(format!("run `{} --version`", program.display())),
            );
            false
        }
    }
}

/// Every entry of the plan; true if all are there.
fn entries(context: &Context, target: &Target, group: &str, checks: &mut Checks) -> bool {
    let found = target.is_allowed(&context.home, &context.host).and_then(|allowed| {
        apply::check(&target.plan(&context.home, &context.host, allowed), &Disk::new(context.home.root()))
    });
    let findings = match found {
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

/// Where text reaches the model: verified, degraded or missing.
fn surfaces(card: &Card, group: &str, verified: bool, whole: bool, checks: &mut Checks) {
    let what = |bodies: bool| if bodies { "messages" } else { "headers" };
    let mut names: Vec<String> = card
        .inject
        .iter()
        .map(|inject| format!("{} ({})", inject.moment.as_str(), what(inject.bodies)))
        .collect();
    names.push("mcp-pull (messages)".to_owned());
    names.extend(card.wake.iter().map(|wake| format!("{} (wakes)", wake.name())));
    if card.wake.is_empty() {
        names.push("no door: mail for an idle session waits for its next prompt".to_owned());
    }
    let names = names.join(", ");
    checks.add(match (whole, verified) {
        (true, true) => Check::ok(group, "surfaces", format!("surfaces verified: {names}")),
        // The cause was named above; counting it twice would help nobody.
        (true, false) => Check::note(group, "surfaces", format!("surfaces degraded: {names}")),
        (false, _) => Check::note(group, "surfaces", format!("surfaces missing, as entries are: {names}")),
    });
}

/// Codex reads nothing of a hooks file that begins with a byte order mark, and does not say so where hooks run. The mark
/// is somebody else's byte: it is named and stays.
fn byte_order_mark(target: &Target, group: &str, checks: &mut Checks) {
    let file = &target.site.hooks_file;
    if std::fs::read(file).is_ok_and(|bytes| bytes.starts_with(b"\xef\xbb\xbf")) {
        let name = target.card().name;
        checks.add(
            Check::warn(
                group,
                "byte-order-mark",
                format!("{} begins with a byte order mark: {name} skips the whole file", file.display()),
            )
            .help("save the file as UTF-8 without a byte order mark"),
        );
    }
}

/// Whether the host will run our hooks, as it says itself.
fn reviews(context: &Context, target: &Target, group: &str, checks: &mut Checks) {
    let Some(program) = &target.site.program else { return };
    let step =
        target.card().human_steps.iter().find(|step| step.contains("review")).copied().unwrap_or_default();
    match trust::list(program, &target.site, &context.home) {
        Ok(hooks) if hooks.is_empty() => checks.add(
            Check::warn(group, "review", format!("{} lists none of the bridge's hooks", target.card().name))
                .help(FIX),
        ),
        Ok(hooks) => {
            let waiting: Vec<String> = hooks
                .iter()
                .filter(|hook| !hook.is_trusted())
                .map(|hook| format!("{} ({}): {}", hook.event, hook.status, hook.command))
                .collect();
            checks.add(if waiting.is_empty() {
                Check::ok(group, "review", format!("all {} hooks are reviewed", hooks.len()))
            } else {
                Check::warn(
                    group,
                    "review",
                    format!("{} of {} hooks wait for your review", waiting.len(), hooks.len()),
                )
                .detail(waiting.join("\n"))
                .help(format!(
                    "{step} Or: session-bridge init --provider {} --trust-codex-hooks",
                    target.id()
                ))
            });
        }
        Err(failure) => {
            let why = failure.causes.first().cloned().unwrap_or_default();
            checks.add(
                Check::warn(group, "review", format!("whether the hooks are reviewed cannot be told: {why}"))
                    .help(step),
            );
        }
    }
}

fn sessions(context: &Context, target: &Target, group: &str, checks: &mut Checks) -> Result<(), Failure> {
    if !context.home.store().exists() {
        checks.add(Check::note(group, "sessions", "no session seen yet"));
        return Ok(());
    }
    let views = context.store()?.sessions(None, false)?;
    let ours: Vec<_> = views.iter().filter(|view| view.session.provider == target.id()).collect();
    let seen = ours.iter().map(|view| view.seen).max();
    checks.add(Check::note(
        group,
        "sessions",
        match seen {
            Some(at) => format!("{} open sessions, last seen {}", ours.len(), context.ui.ago(at)),
            None => "no open session".to_owned(),
        },
    ));
    Ok(())
}

/// Names the supported CLIs that the bridge is not installed in; one that is on this machine is worth a hint.
pub(super) fn absent(
    context: &Context,
    only: &[String],
    installed: &[String],
    checks: &mut Checks,
) -> Result<(), Failure> {
    for provider in PROVIDERS {
        let card = provider.card();
        let id = card.id.as_str();
        let asked = only.is_empty() || only.iter().any(|name| name == id);
        if !asked || installed.iter().any(|name| provider_of(name) == id) {
            continue;
        }
        let present = Target::at(*provider, &Scope::User, &context.host)?.site.present;
        let check = Check::note(card.name, "installed", "the bridge is not installed here");
        checks.add(if present { check.help(format!("session-bridge init --provider {id}")) } else { check });
    }
    Ok(())
}
