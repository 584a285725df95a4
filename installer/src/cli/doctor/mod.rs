//! `doctor`: does it work, shown by trying it.

mod bridge;
mod check;
mod claims;
mod client;
mod entries;
mod heard;
mod logs;
mod plugin;
mod provider;
mod repair;
mod review;
mod scratch;
mod selftest;
mod servers;
mod shared;
mod store;
mod text;
mod trip;
mod version;

use std::collections::BTreeMap;

use serde_json::json;

use super::Status;
use super::context::Context;
use super::init::unknown_provider;
use crate::exit;
use crate::install::version::{self as installed, Told};
use crate::install::{Target, ledgers, provider_of, target_of};
use crate::report::Failure;
use check::{Check, Checks};

/// Check that the bridge works: every entry, a message through each installed hook, each MCP server,
/// versions, reviews, and the store.
///
/// What stands in each CLI's configuration is run as that CLI runs it, in a temporary home: nothing of yours is touched.
/// Exit status 0 only when all is well, else 1. Remarks, such as what you paused or a version that nobody verified, do
/// not change the status.
///
/// With --selftest it tries instead, for ten seconds and in a temporary home on the same disk, to break the bridge:
/// programs are killed while they send and deliver, receipts are compared with what really came out, and the hook and
/// sends are timed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look at this one only; may be given several times.
    #[arg(long, value_name = "PROVIDER")]
    provider: Vec<String>,
    /// Repair what can be repaired: entries that are missing or changed, the links in `bin/`,
    /// and a damaged store.
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    selftest: selftest::Options,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    selftest::clear_stale(&context.home);
    if args.selftest.is_wanted() {
        return selftest::run(&args.selftest, context);
    }
    let names = ledgers(&context.home)?;
    if let Some(id) = args.provider.iter().find(|id| session_bridge_providers::by_id(id).is_none()) {
        return Err(unknown_provider(id));
    }
    let asked =
        |name: &String| args.provider.is_empty() || args.provider.iter().any(|id| id == provider_of(name));
    let mine: Vec<String> = names.iter().filter(|name| asked(name)).cloned().collect();
    let mut plugged = crate::plugin::plugged(&context.host);
    plugged.retain(|plugged| asked(&plugged.id().to_owned()));
    let mut checks = Checks::default();
    if args.fix {
        store::repair(context, &mut checks);
        repair::fix(context, &mine, !plugged.is_empty(), &mut checks);
    }
    let known: Vec<String> =
        mine.iter().cloned().chain(plugged.iter().map(|plugged| plugged.id().to_owned())).collect();
    bridge::look(context, &known, &mut checks);
    let found: Vec<(&String, Result<Option<Target>, Failure>)> =
        names.iter().map(|name| (name, target_of(name, &context.home, &context.host))).collect();
    let all: Vec<Target> = found.iter().filter_map(|(_, found)| found.as_ref().ok()?.clone()).collect();
    let versions = versions(context, all.iter().filter(|target| asked(&target.ledger)));
    let mut providers = Vec::new();
    for (name, found) in found.iter().filter(|(name, _)| asked(name)) {
        match found {
            Ok(Some(target)) => {
                let told = versions.get(&target.ledger);
                match provider::look(context, target, told, &all, &mut checks) {
                    Ok(summary) => providers.push(summary),
                    Err(failure) => {
                        checks.add(Check::failed(&provider::group(target), "entries", &failure));
                    }
                }
            }
            Ok(None) => checks.add(
                Check::warn(
                    name,
                    "known",
                    format!("{name} was installed by another version of session-bridge"),
                )
                .help("use that version, or take it out: session-bridge uninstall --all"),
            ),
            Err(failure) => checks.add(Check::failed(name, "site", failure)),
        }
    }
    plugin::look(context, &plugged, &names, &mut checks);
    provider::absent(context, &args.provider, &all, &known, &mut checks)?;
    if context.ui.json {
        let document = json!({ "ok": checks.is_well(), "providers": providers, "checks": checks.all });
        context.ui.document(&document)?;
    } else {
        context.ui.say(&text::render(&checks, context))?;
    }
    Ok(if checks.is_well() { exit::OK } else { exit::NOT_WELL })
}

/// What is known of the programs' versions, by ledger. They take their time, so all are asked at once.
fn versions<'t>(context: &Context, targets: impl Iterator<Item = &'t Target>) -> BTreeMap<String, Told> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = targets
            .filter_map(|target| Some((target, target.site.program.as_deref()?)))
            .map(|(target, program)| {
                let ask = move || installed::of(&context.host, target.card(), program);
                (target.ledger.clone(), scope.spawn(ask))
            })
            .collect();
        let gone = || Err("it could not be asked".to_owned());
        asked.into_iter().map(|(ledger, told)| (ledger, told.join().unwrap_or_else(|_| gone()))).collect()
    })
}
