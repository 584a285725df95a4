//! Whether Codex will run the hooks that stand in its file: it asks its user to review them, and says itself whether that
//! was done.

use session_bridge_core::provider::{Consent, Step};

use super::check::{Check, Checks};
use crate::cli::context::Context;
use crate::install::{Target, trust};

/// Looks, if this is the provider whose hooks are reviewed.
pub(super) fn look(context: &Context, target: &Target, group: &str, checks: &mut Checks) {
    if target.id() == trust::PROVIDER {
        byte_order_mark(target, group, checks);
        reviews(context, target, group, checks);
    }
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
    let settled = |step: &&Step| step.settled_by() == Some(Consent::TrustHooks);
    let step = target.card().human_steps.iter().find(settled).map(|step| step.text(target.card().name));
    let step = step.unwrap_or_default();
    match trust::list(program, &target.site, &context.home) {
        Ok(hooks) if hooks.is_empty() => checks.add(
            Check::warn(group, "review", format!("{} lists none of the bridge's hooks", target.card().name))
                .help("session-bridge doctor --fix"),
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
