//! Which version of an agent CLI is here: what its package says, and where that is not known, what the program says.
//!
//! A package is read in no time and leaves no trace; some programs take seconds for `--version`, and write files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_bridge_core::host::Host;
use session_bridge_core::provider::Card;

use crate::bounded;

/// How long a program may take to tell its version; some take seconds at their first start.
const LIMIT: Duration = Duration::from_secs(8);
/// How far above the program its package is looked for.
const DEPTH: usize = 4;
/// Nobody's version is longer.
const LONGEST: usize = 40;

/// A version, or why there is none.
pub(crate) type Told = Result<String, String>;

/// What the package says that holds the program; none for programs of other origin.
pub(crate) fn packaged(host: &dyn Host, card: &Card, program: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Manifest {
        name: String,
        version: String,
    }
    let program = host.canonical(program);
    program
        .ancestors()
        .skip(1)
        .take(DEPTH)
        .filter_map(|folder| host.read(&folder.join("package.json")).ok())
        .filter_map(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok())
        .find(|manifest| card.is_package(&manifest.name))
        .map(|manifest| manifest.version)
        .filter(|version| is_version(version))
}

/// The package's word, else the program's.
pub(crate) fn of(host: &dyn Host, card: &Card, program: &Path) -> Told {
    packaged(host, card, program).map_or_else(|| asked(program, LIMIT), Ok)
}

/// What `<program> --version` says, for all programs at once: it takes no longer than the slowest, and never much longer
/// than the limit.
pub(crate) fn asked_together(programs: &[PathBuf]) -> Vec<Told> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = programs.iter().map(|program| scope.spawn(|| asked(program, LIMIT))).collect();
        let fault = |_| Err("it could not be asked".to_owned());
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(fault)).collect()
    })
}

/// What `<program> --version` puts out, all of it.
pub(crate) fn says(program: &Path) -> Told {
    said(program, LIMIT)
}

fn asked(program: &Path, limit: Duration) -> Told {
    let text = said(program, limit)?;
    let found =
        text.split_whitespace().map(|word| word.trim_start_matches('v')).find(|word| is_version(word));
    found.map(str::to_owned).ok_or_else(|| "`--version` names no version".to_owned())
}

/// What `<program> --version` puts out.
fn said(program: &Path, limit: Duration) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg("--version");
    let ran = bounded::run(command, b"", limit)?;
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

fn is_version(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.contains('.')
        && word.len() <= LONGEST
        && word.chars().all(plain)
}

/// How a version stands to those that the provider was run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
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

/// Compares a version with the card's.
pub(crate) fn standing(card: &Card, version: &str) -> Standing {
    if card.verified.iter().any(|verified| verified.version == version) {
        return Standing::Verified;
    }
    let known: Option<Vec<_>> = card.verified.iter().map(|verified| numbers(verified.version)).collect();
    let (Some(found), Some(known)) = (numbers(version), known) else { return Standing::Unknown };
    match (known.iter().min(), known.iter().max()) {
        (_, Some(newest)) if found > *newest => Standing::Newer,
        (Some(oldest), _) if found < *oldest => Standing::Older,
        (Some(_), Some(_)) => Standing::Between,
        _ => Standing::Unknown,
    }
}

/// `2.1.329` as numbers; none for previews and the like, whose order nobody promises.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Verified;
    use session_bridge_providers::PROVIDERS;

    use rustix::process::Pid;

    use super::*;

    fn packaged_card() -> &'static Card {
        PROVIDERS.iter().map(|provider| provider.card()).find(|card| !card.packages.is_empty()).unwrap()
    }

    #[test]
    fn the_package_that_holds_the_program_tells_its_version() {
        let card = packaged_card();
        let mut host = FakeHost::at("/home/u");
        let program = Path::new("/npm/node_modules/@x/y/bin/program");
        let manifest = |name: &str, version: &str| {
            format!("{{\"name\": \"{name}\", \"version\": \"{version}\", \"bin\": {{}}}}").into_bytes()
        };
        host.files.insert("/npm/node_modules/@x/y/bin/package.json".into(), manifest("inner", "9.9.9"));
        assert_eq!(packaged(&host, card, program), None);
        host.files.insert("/npm/node_modules/@x/y/package.json".into(), manifest(card.packages[0], "2.1.0"));
        assert_eq!(packaged(&host, card, program).as_deref(), Some("2.1.0"));
        // Another program of the same name, in a package of its own.
        host.files.insert("/npm/node_modules/@x/y/package.json".into(), manifest("somebody/else", "2.1.0"));
        assert_eq!(packaged(&host, card, program), None);
        host.files.insert("/npm/node_modules/@x/y/package.json".into(), manifest(card.packages[0], "a b"));
        assert_eq!(packaged(&host, card, program), None);
        host.files.insert("/npm/node_modules/@x/y/package.json".into(), b"{".to_vec());
        assert_eq!(packaged(&host, card, program), None);
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let folder = std::env::temp_dir().join(format!("sb-version-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = |name: &str, script: &str| {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let short = Duration::from_millis(300);
        let hangs = asked(&program("hangs", "sleep 600 & echo 1.2.3; wait"), short);
        assert!(hangs.unwrap_err().contains("did not end"));
        let stays =
            program("stays", &format!("echo $$ > {}; exec sleep 600 >&-", folder.join("pid").display()));
        assert!(asked(&stays, short).is_err());
        let pid: i32 = fs::read_to_string(folder.join("pid")).unwrap().trim().parse().unwrap();
        assert!(rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_err(), "it still runs");
        let usual = Duration::from_secs(30);
        assert_eq!(
            asked(&program("tells", "echo some-cli v1.2.3-rc.1 '(abc)'"), usual).unwrap(),
            "1.2.3-rc.1"
        );
        assert!(asked(&program("mute", "echo hello; exit 3"), usual).unwrap_err().contains("no version"));
        assert!(asked(&folder.join("missing"), usual).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let known: &[Verified] = &[
            Verified { version: "0.9.10", date: "2026-01-01" },
            Verified { version: "0.10.2", date: "2026-02-01" },
        ];
        let card = Card { verified: known, ..*packaged_card() };
        for (version, wanted) in [
            ("0.10.2", Standing::Verified),
            ("0.10.10", Standing::Newer),
            ("1.0", Standing::Newer),
            ("0.10.1", Standing::Between),
            ("0.9.9", Standing::Older),
            ("0.10.2-nightly", Standing::Unknown),
        ] {
            assert_eq!(standing(&card, version), wanted, "{version}");
        }
    }

    #[test]
    fn a_platforms_package_counts_as_well() {
        let card = Card { packages: &["cli", "@cli/for-*"], ..*packaged_card() };
        let names = ["cli", "@cli/for-linux-x64", "cli-2", "@cli/core"];
        assert_eq!(names.map(|name| card.is_package(name)), [true, true, false, false]);
    }
}
