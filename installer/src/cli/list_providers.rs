//! `list-providers`: which agent CLIs are supported, and how they stand here.

use serde_json::{Value, json};
use session_bridge_core::provider::Scope;
use session_bridge_providers::PROVIDERS;

use super::Status;
use super::context::Context;
use crate::exit;
use crate::install::{Target, ledgers, provider_of};
use crate::term::{Table, cell, plain, style};

/// List the supported agent CLIs, and which of them are here.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Status {
    let installed = ledgers(&context.home)?;
    let mut documents: Vec<Value> = Vec::new();
    let mut table = Table::new(&["PROVIDER", "NAME", "HERE", "BRIDGE", "VERIFIED WITH", "PROGRAM"]);
    for provider in PROVIDERS {
        let card = provider.card();
        let site = Target::at(*provider, &Scope::User, &context.host)?.site;
        let ours = installed.iter().any(|name| provider_of(name) == card.id.as_str());
        let versions: Vec<&str> = card.verified.iter().map(|verified| verified.version).collect();
        let yes_no = |yes: bool, no| if yes { cell("yes", style::GOOD) } else { cell(no, style::DIM) };
        table.row(vec![
            cell(card.id.as_str(), style::NAME),
            plain(card.name),
            yes_no(site.present, "no"),
            if ours { cell("installed", style::GOOD) } else { cell("-", style::DIM) },
            match card.not_run {
                None => plain(versions.join(", ")),
                Some(_) => cell("not run", style::DIM),
            },
            cell(site.program.as_deref().map(|p| p.display().to_string()).unwrap_or_default(), style::DIM),
        ]);
        documents.push(json!({
            "provider": card.id,
            "name": card.name,
            "present": site.present,
            "program": site.program,
            "installed": ours,
            "not_run": card.not_run,
            "verified": card.verified.iter().map(|v| json!({ "version": v.version, "date": v.date })).collect::<Vec<_>>(),
        }));
    }
    if context.ui.json {
        context.ui.document(&json!({ "providers": documents }))?;
    } else {
        context.ui.say(&table.render())?;
    }
    Ok(exit::OK)
}
