//! The bridge as a plugin: what the CLIs' own settings say. It is theirs to install and to take out, so it is named, and
//! what it needs of us is looked at.

use super::check::{Check, Checks};
use crate::cli::context::Context;
use crate::install::provider_of;
use crate::plugin::Plugged;

/// Says what each needs, and where the bridge was installed both ways.
pub(super) fn look(context: &Context, plugged: &[Plugged], installed: &[String], checks: &mut Checks) {
    for Plugged { card, plugin } in plugged {
        let programs = [context.home.main_program(), context.home.hook_program()];
        let missing = programs.iter().find(|program| !program.exists());
        let both = installed.iter().any(|name| provider_of(name) == card.id.as_str());
        let check = |summary: String| Check::note(card.name, "plugin", summary);
        checks.add(match missing {
            Some(program) => Check::fail(
                card.name,
                "plugin",
                format!("the plugin names {}, which is missing: it does nothing", program.display()),
            )
            .help("session-bridge plugin link"),
            None if both => check(
                "installed as a plugin as well: mail arrives once, and each event starts two hooks"
                    .to_owned(),
            )
            .detail(plugin.remove.join("\n"))
            .help("one way is enough: run these commands, or take the entries of `init` out"),
            None => check("installed as a plugin; only the CLI takes it out".to_owned())
                .detail(plugin.remove.join("\n")),
        });
    }
}
