//! MCP servers that run, and are older than what is installed.

use std::path::Path;

use session_bridge_core::home::Home;
use session_bridge_store::{Program, RunFolders, Server, Store};

use super::bridge::GROUP;
use super::check::{Check, Checks};

/// Servers that go on with a program which is no longer the installed one. Nothing is lost by that; a newer store is
/// read by them and no longer written.
pub(super) fn look(home: &Home, store: Option<&Store>, checks: &mut Checks) {
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
