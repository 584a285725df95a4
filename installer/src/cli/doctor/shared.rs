//! Hosts that run the entries of others as well. Two installations then meet in one session.

use session_bridge_core::home::Home;
use session_bridge_core::host::Host;

use super::check::{Check, Checks};
use super::provider;
use crate::install::Target;

/// Names the installations that this host runs besides its own. `installed` says whether it has one.
pub(super) fn look(
    (home, host): (&Home, &dyn Host),
    target: &Target,
    installed: bool,
    all: &[Target],
    checks: &mut Checks,
) {
    let files = target.provider.also_runs(host, &target.site.scope);
    let runs = |other: &&Target| {
        let plan = other.plan(home, host, false);
        other.id() != target.id() && plan.edits.iter().any(|edit| files.contains(&edit.file.path))
    };
    let others: Vec<String> = all.iter().filter(runs).map(provider::group).collect();
    if others.is_empty() {
        return;
    }
    let also = if installed { "also " } else { "" };
    // Rules W1 and E1.
    let why = if installed {
        "harmless: each hook and server finds out which CLI runs it, and of two that come for one event one serves it"
    } else {
        "harmless: each hook and server finds out which CLI runs it; its sessions are served through those entries"
    };
    let what = format!("it {also}runs the bridge's entries for {}", others.join(" and "));
    checks.add(Check::note(&provider::group(target), "imports", what).detail(why));
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use session_bridge_core::event::{DecodeError, HookCall, HookEvent, HostOutput, Reply};
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::plan::Plan;
    use session_bridge_core::provider::{Card, LocateError, Provider, Scope, Site, Want};
    use session_bridge_providers::PROVIDERS;

    use super::*;

    /// The second provider, in a host that runs what is configured for the first as well.
    struct Borrower;

    impl Provider for Borrower {
        fn card(&self) -> &'static Card {
            PROVIDERS[1].card()
        }

        fn locate(&self, host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
            PROVIDERS[1].locate(host, scope)
        }

        fn plan(&self, site: &Site, want: &Want) -> Plan {
            PROVIDERS[1].plan(site, want)
        }

        fn also_runs(&self, host: &dyn Host, scope: &Scope) -> Vec<PathBuf> {
            PROVIDERS[0].locate(host, scope).map(|site| site.hooks_file).into_iter().collect()
        }

        fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
            PROVIDERS[1].decode(call)
        }

        fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
            PROVIDERS[1].encode(event, reply)
        }
    }

    #[test]
    fn installations_that_meet_in_one_host_are_named() {
        let host = FakeHost::at("/home/u");
        let home = Home::at("/home/u/.session-bridge");
        let at = |provider: &'static dyn Provider| Target::at(provider, &Scope::User, &host).unwrap();
        let (first, second, borrower) = (at(PROVIDERS[0]), at(PROVIDERS[1]), at(&Borrower));
        let said = |target: &Target, installed: bool, all: &[Target]| {
            let mut checks = Checks::default();
            look((&home, &host), target, installed, all, &mut checks);
            assert!(checks.is_well());
            checks.all.first().map(|check| check.summary.clone())
        };
        let (lender, all) = (first.card().name, [first.clone(), second.clone()]);
        assert_eq!(
            said(&borrower, true, &all),
            Some(format!("it also runs the bridge's entries for {lender}"))
        );
        assert_eq!(said(&borrower, false, &all), Some(format!("it runs the bridge's entries for {lender}")));
        assert_eq!(said(&borrower, true, std::slice::from_ref(&second)), None, "nothing of the other's");
        assert_eq!(said(&second, true, &all), None, "it runs its own alone");
    }
}
