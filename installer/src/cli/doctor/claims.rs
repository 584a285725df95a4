//! Overrides that bind nobody.

use session_bridge_core::environment;
use session_bridge_store::{IgnoredClaim, Store};

use super::bridge::GROUP;
use super::check::{Check, Checks};
use crate::report::Failure;

/// Sessions that were started with another one's id (rule W6).
pub(super) fn look(store: &Store, checks: &mut Checks) -> Result<(), Failure> {
    for IgnoredClaim { session, label, claimed, holder, shared } in store.ignored_claims()? {
        let variable = environment::SESSION_ID.name;
        let why = match (shared, holder) {
            (true, _) => "its process serves several sessions, which share one environment".to_owned(),
            (false, Some(holder)) => format!("that id is {holder}'s"),
            (false, None) => "it was known under its own id before".to_owned(),
        };
        checks.add(
            Check::warn(
                GROUP,
                "override",
                format!("{label} ({session}) ignores {variable}={claimed}: {why}"),
            )
            .help(format!("start it without {variable}; CLIs that are started inside a session inherit it")),
        );
    }
    Ok(())
}
