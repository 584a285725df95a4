//! Failures in the logs of hooks and servers.

use std::time::Duration;

use session_bridge_core::home::Home;
use session_bridge_core::log;

use super::bridge::GROUP;
use super::check::{Check, Checks};

/// Failures that are older say nothing about how it stands.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the logs are, and what they say.
pub(super) fn look(home: &Home, checks: &mut Checks) {
    let folder = home.log();
    let folder = folder.display();
    let failures = log::failures(home, RECENT);
    let check = match failures.count {
        0 => Check::ok(GROUP, "log", format!("no failure within a day in {folder}")),
        // What failed may be over: the other checks tell whether it is.
        1 => Check::note(GROUP, "log", format!("1 failure within a day in {folder}")),
        n => Check::note(GROUP, "log", format!("{n} failures within a day in {folder}")),
    };
    checks.add(check.detail(failures.last.unwrap_or_default()));
}
