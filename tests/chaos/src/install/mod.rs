//! `init` and `uninstall` on generated configuration, with the plans of every provider.
//!
//! A configuration is written by `text`, which knows what users, their tools and their editors do to files; `laws` says what
//! must hold for it, and `foreign` what others write in between.

mod foreign;
mod home;
mod laws;
mod text;

use std::path::Path;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use session_bridge_core::host::FakeHost;
use session_bridge_core::plan::{EditOp, Format, Plan};
use session_bridge_core::provider::{Provider, Scope, Want};
use session_bridge_providers::PROVIDERS;

pub(crate) use home::{Tree, tree};

use crate::random::Random;
use home::Home;

/// The formats that are edited in place.
pub const FORMATS: [Format; 4] = [Format::Json, Format::Jsonc, Format::CommentedJson, Format::Toml];

/// Some configurations of one format, and what came of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Batch {
    /// The format's name in the ledger.
    pub format: String,
    /// The number of the first one.
    pub first: u64,
    /// How many.
    pub configs: u64,
    /// Those that `init` took.
    pub taken: u64,
    /// Those that it refused with a code, and did not touch.
    pub refused: u64,
    /// Runs that died at a step of a write.
    pub crashes: u64,
    /// What must not be.
    pub findings: Vec<String>,
}

/// What an installation of the bridge at `home` wants, with every consent.
pub(crate) fn want(home: &Path) -> Want {
    Want {
        hook_program: home.join("bin/session-bridge-hook"),
        main_program: home.join("bin/session-bridge"),
        home_override: None,
        allow_tools: true,
    }
}

/// The user's own installation of a provider in a home.
fn plan(provider: &dyn Provider, home: &Path) -> Result<Plan> {
    let site = provider.locate(&FakeHost::at(home), &Scope::User)?;
    Ok(provider.plan(&site, &want(&home.join(".session-bridge"))))
}

/// The providers that edit a file of the format in place.
fn providers(format: Format) -> Result<Vec<&'static dyn Provider>> {
    let mut found = Vec::new();
    for &provider in PROVIDERS {
        let edits = plan(provider, Path::new("/home/u"))?.edits;
        if edits.iter().any(|edit| edit.file.format == format && !matches!(edit.op, EditOp::File { .. })) {
            found.push(provider);
        }
    }
    ensure!(!found.is_empty(), "no provider has a file of {format:?}");
    Ok(found)
}

/// Tries configurations `first..first + count` of a format. A home of memory is taken where there is one: every step flushes.
pub fn batch(format: Format, seed: u64, first: u64, count: u64) -> Result<Batch> {
    let providers = providers(format)?;
    let name = serde_json::to_value(format)?.as_str().unwrap_or_default().to_owned();
    let mut batch = Batch { format: name, first, configs: count, ..Batch::default() };
    for number in first..first + count {
        let mut random = Random::new(seed ^ ((format as u64) << 56), number);
        let provider = *random.pick(&providers);
        let home = Home::new()?;
        let plan = plan(provider, home.path())?;
        Home::fill(&plan, format, &mut random)?;
        let before = home.tree()?;
        let mut found = Vec::new();
        match laws::hold(&home, &plan, &mut random, &mut found)? {
            Some(crashes) => {
                batch.taken += 1;
                batch.crashes += crashes;
            }
            None => batch.refused += 1,
        }
        if let Some(what) = found.first() {
            let files: Vec<String> = before
                .iter()
                .map(|(path, bytes)| format!("{}: {:?}", path.display(), String::from_utf8_lossy(bytes)))
                .collect();
            batch.findings.push(format!(
                "{number} of {}: {what}; before: {}",
                plan.provider,
                files.join("; ")
            ));
        }
    }
    Ok(batch)
}
