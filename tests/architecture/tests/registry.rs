//! Registry, folders and documents list the same providers.

use std::collections::BTreeSet;
use std::fs;

use session_bridge_architecture::root;
use session_bridge_providers::PROVIDERS;

/// The files that every provider has, so that whoever knows one knows all.
const FILES: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "src/lib.rs",
    "src/site.rs",
    "src/plan.rs",
    "src/decode.rs",
    "src/encode.rs",
    "tests/conformance.rs",
    "fixtures/snapshots/decoded.snap",
];

#[test]
fn every_folder_is_registered_under_its_id() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("providers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "registry")
        .collect();
    let registered: BTreeSet<String> =
        PROVIDERS.iter().map(|provider| provider.card().id.to_string()).collect();
    assert_eq!(folders, registered);
}

#[test]
fn providers_have_the_same_files() {
    for provider in PROVIDERS {
        let folder = root().join("providers").join(provider.card().id.as_str());
        for file in FILES {
            assert!(folder.join(file).is_file(), "{} has no {file}", provider.card().id);
        }
    }
}

#[test]
fn a_card_stands_within_sight() {
    for provider in PROVIDERS {
        let path = root().join("providers").join(provider.card().id.as_str()).join("src/lib.rs");
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= 120, "{}: lib.rs has {lines} lines", provider.card().id);
    }
}

#[test]
fn a_readme_names_every_event_and_the_measured_version() {
    for provider in PROVIDERS {
        let card = provider.card();
        let path = root().join("providers").join(card.id.as_str()).join("README.md");
        let readme = fs::read_to_string(path).unwrap();
        assert!(readme.starts_with(&format!("# {}\n", card.name)), "{}", card.id);
        for spec in card.hooks {
            assert!(readme.contains(&format!("| `{}` |", spec.event)), "{}: {}", card.id, spec.event);
        }
        for verified in card.verified {
            assert!(readme.contains(verified.version), "{}: {}", card.id, verified.version);
        }
    }
}

/// A card may only claim what runs: the versions of the real-CLI tests, the oldest first. A CLI that cannot be run has no pin.
#[test]
fn a_card_claims_the_versions_that_the_tests_run() {
    let path = root().join("tests/real-cli/versions.toml");
    let pins: toml_edit::DocumentMut = fs::read_to_string(path).unwrap().parse().unwrap();
    for (id, pin) in pins.iter() {
        let Some(provider) = PROVIDERS.iter().find(|provider| provider.card().id.as_str() == id) else {
            // Its tests can be written before its provider.
            continue;
        };
        let mut pinned = ["oldest", "newest"].map(|key| pin[key].as_str().unwrap()).to_vec();
        pinned.dedup();
        let verified: Vec<_> = provider.card().verified.iter().map(|verified| verified.version).collect();
        assert_eq!(verified, pinned, "{id}");
    }
}
