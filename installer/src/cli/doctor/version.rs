//! The version of a CLI on this machine, and how it stands to those that the provider was run against.

use session_bridge_core::provider::Card;

use super::check::{Check, Checks};
use crate::install::Target;
use crate::install::version::{Standing, Told, standing};

/// Says which version is here. One that nobody verified is a remark: the round trips show whether it works.
pub(super) fn look(target: &Target, told: Option<&Told>, group: &str, checks: &mut Checks) -> Standing {
    let card = target.card();
    if let Some(why) = card.not_run {
        // Nothing that the person could set right: no version of it would do.
        let told = format!("{} is configured, not verified by running: {why}", card.name);
        checks.add(Check::note(group, "version", told));
        return Standing::Unknown;
    }
    let (Some(program), Some(told)) = (&target.site.program, told) else {
        checks.add(
            Check::warn(group, "program", format!("no program `{}` on PATH", card.binaries.join("` or `")))
                .help(format!(
                    "install {}, or take the bridge out: session-bridge uninstall --provider {}",
                    card.name, card.id
                )),
        );
        return Standing::Unknown;
    };
    let program = program.display();
    let found = match told {
        Ok(found) => found,
        Err(why) => {
            checks.add(
                Check::warn(group, "version", format!("{program} does not tell its version: {why}"))
                    .help(format!("run `{program} --version`")),
            );
            return Standing::Unknown;
        }
    };
    let standing = standing(card, found);
    let remark = match standing {
        Standing::Verified => {
            checks.add(Check::ok(group, "version", format!("{found}, verified ({program})")));
            return standing;
        }
        Standing::Newer => "newer than verified",
        Standing::Older => "older than verified",
        Standing::Between => "between verified versions",
        Standing::Unknown => "not among the verified versions",
    };
    checks.add(
        Check::note(group, "version", format!("{found}, {remark} ({program})"))
            .detail(format!("what it does with hooks was measured with {}", range(card))),
    );
    standing
}

fn range(card: &Card) -> String {
    let known: Vec<&str> = card.verified.iter().map(|verified| verified.version).collect();
    known.join(", ")
}
