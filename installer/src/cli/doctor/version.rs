//! The version of a CLI on this machine, and how it stands to those that the provider was run against.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;
use session_bridge_core::provider::Card;

use super::bounded;
use super::check::{Check, Checks};
use crate::install::Target;

/// How long a CLI may take to tell its version.
const LIMIT: Duration = Duration::from_secs(20);

/// How a version stands to the verified ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// It is one of them.
    Verified,
    /// It is newer than all of them.
    Newer,
    /// It is older than all of them.
    Older,
    /// It lies between two of them.
    Between,
    /// It cannot be told.
    Unknown,
}

/// What `<program> --version` says, as a bare version.
pub(in crate::cli) fn version(program: &Path) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg("--version");
    let ran = bounded::run(command, b"", LIMIT)?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let is_version = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.') && word.len() <= 40
    };
    let found = text.split_whitespace().map(|word| word.trim_start_matches('v')).find(is_version);
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("`--version` ended with {} and named no version", ran.status))
}

/// Says which version is here. One that nobody verified is a remark: the round trips show whether it works.
pub(super) fn look(
    target: &Target,
    told: Option<&Result<String, String>>,
    group: &str,
    checks: &mut Checks,
) -> Standing {
    let card = target.card();
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
    let standing = stand(card, found);
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

fn stand(card: &Card, found: &str) -> Standing {
    if card.verified.iter().any(|verified| verified.version == found) {
        return Standing::Verified;
    }
    let known: Option<Vec<_>> = card.verified.iter().map(|verified| numbers(verified.version)).collect();
    let (Some(found), Some(known)) = (numbers(found), known) else { return Standing::Unknown };
    match (known.iter().min(), known.iter().max()) {
        (_, Some(newest)) if found > *newest => Standing::Newer,
        (Some(oldest), _) if found < *oldest => Standing::Older,
        (Some(_), Some(_)) => Standing::Between,
        _ => Standing::Unknown,
    }
}

/// The numbers of a version, without what a build adds to them.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let plain = version.split(['-', '+']).next()?;
    plain.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use session_bridge_core::provider::Verified;

    use super::*;

    #[test]
    fn versions_are_told_apart_by_their_numbers() {
        let known: &[Verified] = &[
            Verified { version: "0.9.10", date: "2026-01-01" },
            Verified { version: "0.10.2", date: "2026-02-01" },
        ];
        let card = Card { verified: known, ..*session_bridge_providers::PROVIDERS[0].card() };
        for (version, standing) in [
            ("0.10.2", Standing::Verified),
            ("0.10.10", Standing::Newer),
            ("1.0", Standing::Newer),
            ("0.10.1", Standing::Between),
            ("0.9.9", Standing::Older),
            ("2026.11.a", Standing::Unknown),
        ] {
            assert_eq!(stand(&card, version), standing, "{version}");
        }
    }
}
