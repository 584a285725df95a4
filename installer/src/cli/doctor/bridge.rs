//! What all providers share: the home, the links and the programs behind them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use session_bridge_core::settings::Settings;
use session_bridge_store::{Pause, Store};

use super::check::{Check, Checks};
use super::{logs, servers, store};
use crate::cli::context::Context;
use crate::cli::pause;
use crate::install::links::{self, LinkState};

pub(super) const GROUP: &str = "bridge";

/// Looks at everything that is not one provider's.
pub(super) fn look(context: &Context, installed: &[String], checks: &mut Checks) {
    checks.add(Check::ok(GROUP, "version", format!("session-bridge {}", env!("CARGO_PKG_VERSION"))));
    home(context, checks);
    settings(context, checks);
    if let Err(error) = Store::refuse_foreign_layout(&context.home) {
        return checks.add(Check::failed(GROUP, "home", &error.into()));
    }
    for pause in Pause::all(&context.home) {
        let what = format!("{} paused: mail is kept and not delivered", pause.what());
        checks.add(Check::note(GROUP, "paused", what).help(pause::way_out(&pause)));
    }
    if installed.is_empty() {
        checks.add(
            Check::warn(GROUP, "installed", "the bridge is installed in no agent CLI")
                .help("session-bridge init --all"),
        );
    } else {
        self::links(context, checks);
    }
    if let Err(failure) = store::look(context, checks) {
        checks.add(Check::failed(GROUP, "store", &failure));
    }
    servers::look(&context.home, context.store_if_any().as_ref(), checks);
    if context.home.root().exists() {
        logs::look(&context.home, checks);
    }
}

fn home(context: &Context, checks: &mut Checks) {
    let root = context.home.root();
    let Ok(meta) = fs::metadata(root) else {
        checks.add(Check::note(GROUP, "home", format!("{} does not exist yet", root.display())));
        return;
    };
    let mode = meta.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    checks.add(if others == 0 {
        Check::ok(GROUP, "home", format!("{} is yours alone", root.display()))
    } else {
        Check::warn(GROUP, "home", format!("{} can be entered by others (mode {mode:o})", root.display()))
            .help(format!("chmod 700 {}", root.display()))
    });
}

/// A damaged file is nobody's hindrance, and so nobody would notice.
fn settings(context: &Context, checks: &mut Checks) {
    let path = context.home.settings();
    let Ok(bytes) = fs::read(&path) else { return };
    checks.add(match Settings::parse(&bytes) {
        Ok(_) => Check::ok(GROUP, "settings", format!("{} is read", path.display())),
        Err(error) => {
            let summary = format!("{} counts as absent: {error}", path.display());
            Check::warn(GROUP, "settings", summary)
                .help("repair it or move it away; docs/settings.md says what can stand there")
        }
    });
}

fn links(context: &Context, checks: &mut Checks) {
    let wanted = match links::wanted(&context.home) {
        Ok(wanted) => wanted,
        Err(failure) => return checks.add(Check::failed(GROUP, "link", &failure)),
    };
    // Both programs stand in one folder: where all is well, one line says it.
    if let Some(first) = wanted.first().filter(|_| wanted.iter().all(|link| link.state == LinkState::Ok)) {
        let (bin, to) = (parent(&first.path), parent(&first.target));
        return checks.add(Check::ok(GROUP, "link", format!("{bin} leads to the programs in {to}")));
    }
    for link in wanted {
        let path = link.path.display();
        let fix = "session-bridge doctor --fix";
        checks.add(match link.state {
            LinkState::Ok => Check::ok(GROUP, "link", format!("{path} → {}", link.target.display())),
            // Another installation may well be the one that is meant.
            LinkState::Elsewhere => {
                let to = fs::read_link(&link.path).map(|to| to.display().to_string()).unwrap_or_default();
                Check::note(GROUP, "link", format!("{path} → {to}, which is not this program"))
                    .help(format!("to use this one: {fix}"))
            }
            LinkState::Missing => Check::fail(GROUP, "link", format!("{path} is missing")).help(fix),
            LinkState::Dangling => Check::fail(GROUP, "link", format!("{path} leads nowhere")).help(fix),
            LinkState::Foreign => {
                Check::note(GROUP, "link", format!("{path} is a file of its own, not a link"))
            }
        });
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
