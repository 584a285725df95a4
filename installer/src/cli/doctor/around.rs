//! What goes on around the store: failures in the logs, servers that are older than what is installed, and overrides
//! that bind nobody.

use std::path::Path;
use std::time::Duration;

use session_bridge_core::environment;
use session_bridge_core::home::Home;
use session_bridge_core::log;
use session_bridge_store::{IgnoredClaim, Program, RunFolders, Server, Store};

use super::bridge::GROUP;
use super::check::{Check, Checks};
use crate::report::Failure;

/// Failures that are older say nothing about how it stands.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the logs are, and what they say.
pub(super) fn logs(home: &Home, checks: &mut Checks) {
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

/// Servers that go on with a program which is no longer the installed one. Nothing is lost by that; a newer store is
/// read by them and no longer written.
pub(super) fn servers(home: &Home, store: Option<&Store>, checks: &mut Checks) {
    let servers = RunFolders::of(home).servers();
    let count = servers.len();
    let mut stale = 0;
    for server in servers {
        let Some(why) = staleness(&server.program, &home.main_program()) else { continue };
        stale += 1;
        let whose = sessions(&server, store);
        checks.add(
            Check::warn(GROUP, "server", format!("the server of {whose} (process {}) {why}", server.pid))
                .detail(server.program.path.display().to_string())
                .help("restart that session when it suits: its CLI then starts the server that is installed now"),
        );
    }
    if stale == 0 && count > 0 {
        checks.add(Check::ok(
            GROUP,
            "server",
            format!("{count} running servers are of the installed release"),
        ));
    }
}

/// Why a server that was started from `program` is not of the installed release, if it is not.
fn staleness(program: &Program, installed: &Path) -> Option<String> {
    let ours = env!("CARGO_PKG_VERSION");
    if program.version != ours {
        return Some(format!("is of release {}, this is {ours}", program.version));
    }
    match Program::file_at(&program.path) {
        Err(_) => return Some("runs a program that was deleted since".to_owned()),
        Ok(now) if now != program.file => return Some("runs a program that was replaced since".to_owned()),
        Ok(_) => {}
    }
    let elsewhere = Program::file_at(installed).is_ok_and(|file| file != program.file);
    elsewhere.then(|| "runs another program than the installed one".to_owned())
}

fn sessions(server: &Server, store: Option<&Store>) -> String {
    let label = |id| {
        let known = store.and_then(|store| store.session(id).ok());
        known.map_or_else(|| id.to_string(), |session| format!("{} ({id})", session.label))
    };
    match server.sessions.as_slice() {
        [] => "no session yet".to_owned(),
        ids => ids.iter().map(|id| label(*id)).collect::<Vec<_>>().join(", "),
    }
}

/// Sessions that were started with another one's id (rule W6).
pub(super) fn claims(store: &Store, checks: &mut Checks) -> Result<(), Failure> {
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
