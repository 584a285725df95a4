//! `doctor`: does it work, shown by trying it.

mod around;
mod bridge;
mod check;
mod live;
mod plugin;
mod provider;
mod store;

use serde_json::json;
use session_bridge_core::apply::{self, Disk};

use super::Status;
use super::context::Context;
use super::init::unknown_provider;
use crate::exit;
use crate::install::{Target, ledgers, links, provider_of, target_of};
use crate::report::Failure;
use check::{Check, Checks};

pub(super) use live::version;

/// Check that the bridge works: every entry, the hook and the MCP server live, versions, reviews, and the store.
///
/// Exit status 0 only when all is well, else 1. What you paused is named, and does not change the status.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look at this one only; may be given several times.
    #[arg(long, value_name = "PROVIDER")]
    provider: Vec<String>,
    /// Repair what can be repaired: entries that are missing or changed, the links in `bin/`,
    /// and a damaged store.
    #[arg(long)]
    fix: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    let names = ledgers(&context.home)?;
    if let Some(id) = args.provider.iter().find(|id| session_bridge_providers::by_id(id).is_none()) {
        return Err(unknown_provider(id));
    }
    let names: Vec<String> = names
        .into_iter()
        .filter(|name| args.provider.is_empty() || args.provider.iter().any(|id| id == provider_of(name)))
        .collect();
    let mut plugged = crate::plugin::plugged(&context.host);
    plugged.retain(|plugged| args.provider.is_empty() || args.provider.iter().any(|id| id == plugged.id()));
    let known: Vec<String> =
        names.iter().cloned().chain(plugged.iter().map(|plugged| plugged.id().to_owned())).collect();
    let mut checks = Checks::default();
    if args.fix {
        store::repair(context, &mut checks);
        if !known.is_empty() {
            fix(context, &names, &mut checks);
        }
    }
    bridge::look(context, &known, &mut checks);
    for name in &names {
        match target_of(name, &context.home, &context.host) {
            Ok(Some(target)) => provider::look(context, &target, &mut checks),
            Ok(None) => checks.add(
                Check::warn(
                    name,
                    "known",
                    format!("{name} was installed by another version of session-bridge"),
                )
                .help("use that version, or take it out: session-bridge uninstall --all"),
            ),
            Err(failure) => checks.add(Check::failed(name, "site", &failure)),
        }
    }
    plugin::look(context, &plugged, &names, &mut checks);
    provider::absent(context, &args.provider, &known, &mut checks)?;
    if context.ui.json {
        context.ui.document(&json!({ "ok": checks.is_well(), "checks": checks.all }))?;
    } else {
        context.ui.say(&checks.text())?;
    }
    Ok(if checks.is_well() { exit::OK } else { exit::NOT_WELL })
}

/// Brings links and entries back to what the ledger says was agreed to.
fn fix(context: &Context, names: &[String], checks: &mut Checks) {
    match links::make(&context.home) {
        Ok(made) => {
            for link in made {
                checks.add(Check::ok("repair", "link", format!("linked {}", link.path.display())));
            }
        }
        Err(failure) => checks.add(Check::failed("repair", "link", &failure)),
    }
    for name in names {
        match repair(context, name) {
            Ok(lines) => {
                for line in lines {
                    checks.add(Check::ok("repair", "config", line));
                }
            }
            Err(failure) => checks.add(Check::failed("repair", "config", &failure)),
        }
    }
}

fn repair(context: &Context, name: &str) -> Result<Vec<String>, Failure> {
    let Some(target) = target_of(name, &context.home, &context.host)? else { return Ok(Vec::new()) };
    let allowed = target.is_allowed(&context.home, &context.host)?;
    let plan = Target::plan(&target, &context.home, &context.host, allowed);
    let applied = apply::apply(&plan, &Disk::new(context.home.root()))?;
    let mut lines: Vec<String> =
        applied.written.iter().map(|path| format!("wrote {}", path.display())).collect();
    if applied.repaired {
        lines.push(format!("finished the ledger of {name} after a crash"));
    }
    Ok(lines)
}
