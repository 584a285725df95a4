//! What `init`, `uninstall` and `doctor` share: which providers, in whose configuration, with which plan.

pub(crate) mod app_server;
pub(crate) mod defaults;
pub(crate) mod links;
pub(crate) mod look_alike;
pub(crate) mod namesake;
pub(crate) mod trust;
pub(crate) mod version;

use std::path::Path;

use session_bridge_core::edit::ConfigError;
use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::ledger::Ledger;
use session_bridge_core::plan::{ConfigEdit, Plan};
use session_bridge_core::provider::{Card, Provider, Scope, Site, Want};
use session_bridge_providers::{PROVIDERS, by_id};

use crate::report::Failure;

/// One provider in one scope.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) site: Site,
    /// The name of its ledger: the provider's id, and for a project a word that stands for its folder.
    pub(crate) ledger: String,
}

impl Target {
    pub(crate) fn at(
        provider: &'static dyn Provider,
        scope: &Scope,
        host: &dyn Host,
    ) -> Result<Self, Failure> {
        let site = provider.locate(host, scope)?;
        Ok(Self { provider, site, ledger: ledger_name(provider.card().id.as_str(), scope) })
    }

    pub(crate) fn card(&self) -> &'static Card {
        self.provider.card()
    }

    pub(crate) fn id(&self) -> &'static str {
        self.card().id.as_str()
    }

    /// What being installed means here.
    pub(crate) fn plan(&self, home: &Home, host: &dyn Host, allow_tools: bool) -> Plan {
        let want = want(home, host, allow_tools);
        Plan { provider: self.ledger.clone(), ..self.provider.plan(&self.site, &want) }
    }

    /// The edit that consent to run the tools unasked adds or changes; none where the host has no such rule.
    pub(crate) fn allow_edit(&self, home: &Home, host: &dyn Host) -> Option<ConfigEdit> {
        let without = self.plan(home, host, false);
        let with = self.plan(home, host, true);
        with.edits.into_iter().find(|edit| !without.edits.contains(edit))
    }

    /// What the ledger says about this target.
    pub(crate) fn record(&self, home: &Home) -> Result<Ledger, ConfigError> {
        Ledger::load(home.root(), &self.ledger)
    }

    /// Whether the consent was given before: it holds until uninstall.
    pub(crate) fn is_allowed(&self, home: &Home, host: &dyn Host) -> Result<bool, ConfigError> {
        let Some(edit) = self.allow_edit(home, host) else { return Ok(false) };
        // An edit that is there in any case says so by what it holds.
        let always = self.plan(home, host, false).edits.iter().any(|plain| plain.id == edit.id);
        Ok(self.record(home)?.edits().any(|known| known.id == edit.id && (!always || known.op == edit.op)))
    }
}

/// What every provider's entries have to name.
pub(crate) fn want(home: &Home, host: &dyn Host, allow_tools: bool) -> Want {
    let default = host.home().map(|folder| folder.join(".session-bridge"));
    Want {
        hook_program: home.hook_program(),
        main_program: home.main_program(),
        home_override: (default.as_deref() != Some(home.root())).then(|| home.root().to_owned()),
        allow_tools,
    }
}

/// The ledger's name for a provider in a scope.
fn ledger_name(provider: &str, scope: &Scope) -> String {
    match scope {
        Scope::User => provider.to_owned(),
        Scope::Project(folder) => format!("{provider}@{}", word_for(folder)),
    }
}

fn word_for(folder: &Path) -> String {
    fsx::hash(folder.as_os_str().as_encoded_bytes()).chars().take(12).collect()
}

/// The names of all ledgers, in the order of the registry.
pub(crate) fn ledgers(home: &Home) -> Result<Vec<String>, Failure> {
    let folder = home.ledger();
    let entries = match fsx::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file("read", &folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file("read", &folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".json").filter(|name| !name.starts_with('.')) {
            names.push(name.to_owned());
        }
    }
    let rank = |name: &String| PROVIDERS.iter().position(|p| p.card().id.as_str() == provider_of(name));
    names.sort_by_key(|name| (rank(name).unwrap_or(usize::MAX), name.clone()));
    Ok(names)
}

/// The provider's id in a ledger's name.
pub(crate) fn provider_of(ledger: &str) -> &str {
    ledger.split('@').next().unwrap_or(ledger)
}

/// The target that a ledger is about; none if this version does not know the provider, or the project is not to be
/// found in it.
pub(crate) fn target_of(name: &str, home: &Home, host: &dyn Host) -> Result<Option<Target>, Failure> {
    let Some(provider) = by_id(provider_of(name)) else { return Ok(None) };
    if provider_of(name) == name {
        return Target::at(provider, &Scope::User, host).map(Some);
    }
    let ledger = Ledger::load(home.root(), name)?;
    let folders = ledger.files.iter().flat_map(|record| record.path.ancestors());
    let project = folders
        .map(|folder| Scope::Project(folder.to_owned()))
        .find(|s| ledger_name(provider_of(name), s) == name);
    project.map(|scope| Target::at(provider, &scope, host)).transpose()
}

/// For people: where the configuration is.
pub(crate) fn scope_text(scope: &Scope) -> String {
    match scope {
        Scope::User => "user".to_owned(),
        Scope::Project(folder) => format!("project {}", folder.display()),
    }
}
