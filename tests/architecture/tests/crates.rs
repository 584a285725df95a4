//! What a crate may import. The table is the one of `docs/ARCHITECTURE.md`; a new crate needs a row here first.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use session_bridge_architecture::root;

/// One crate's row.
struct Row {
    /// Crates of this workspace that it may import.
    ours: &'static [&'static str],
    /// Crates of others that it may import; `None` where only the bans hold.
    others: Option<&'static [&'static str]>,
}

const PROVIDER: Row = Row { ours: &["session-bridge-core"], others: Some(&["serde", "serde_json"]) };

fn row(name: &str) -> Row {
    match name {
        "session-bridge-core" => Row {
            ours: &[],
            others: Some(&[
                "getrandom",
                "json-patch",
                "jsonc-parser",
                "rustix",
                "serde",
                "serde_json",
                "sha2",
                "similar",
                "thiserror",
                "toml_edit",
                "ulid",
                "which",
            ]),
        },
        "session-bridge-store" => Row {
            ours: &["session-bridge-core"],
            others: Some(&["rusqlite", "rustix", "serde", "serde_json", "sha2", "thiserror", "ulid"]),
        },
        "session-bridge-providers" => Row { ours: &["session-bridge-core", "sb-*"], others: Some(&[]) },
        "session-bridge-hook" => Row {
            ours: &["session-bridge-core", "session-bridge-store", "session-bridge-providers"],
            others: Some(&["rustix"]),
        },
        "session-bridge" => Row {
            ours: &[
                "session-bridge-core",
                "session-bridge-store",
                "session-bridge-providers",
                "session-bridge-hook",
            ],
            others: None,
        },
        "session-bridge-conformance" => Row { ours: &["session-bridge-core"], others: None },
        "session-bridge-bench" => Row {
            ours: &[
                "session-bridge-core",
                "session-bridge-store",
                "session-bridge-providers",
                "session-bridge-chaos",
            ],
            others: None,
        },
        "session-bridge-chaos" | "session-bridge-forgery" => Row {
            ours: &["session-bridge-core", "session-bridge-store", "session-bridge-providers"],
            others: None,
        },
        "session-bridge-receipts" => Row {
            ours: &[
                "session-bridge-core",
                "session-bridge-store",
                "session-bridge-providers",
                "session-bridge-hook",
                "session-bridge-chaos",
            ],
            others: None,
        },
        "session-bridge-mock-model" => Row { ours: &[], others: None },
        "session-bridge-real-cli" => Row { ours: &["session-bridge-mock-model"], others: None },
        "session-bridge-architecture" => Row { ours: &["session-bridge-hook"], others: None },
        name if name.starts_with("sb-") => PROVIDER,
        name => panic!("say in the table what `{name}` may import"),
    }
}

/// Crates that no part of the hook may contain: runtimes, argument parsers, and what is slow to start or to link.
const BANNED_FROM_THE_HOOK: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "clap",
    "regex",
    "tracing",
    "log",
    "env_logger",
    "chrono",
    "time",
    "jiff",
    "rmcp",
    "axum",
    "hyper",
    "reqwest",
    "ureq",
    "rustls",
    "notify",
    "anyhow",
    "similar",
    "json-patch",
    "directories",
];

fn cargo(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(args).arg("--offline").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Name of each crate, with its dependencies as (name, kind); the kind of a normal one is empty.
fn crates() -> BTreeMap<String, Vec<(String, String)>> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let dependencies = dependencies.iter().map(|d| (text(&d["name"]), text(&d["kind"]))).collect();
            (text(&package["name"]), dependencies)
        })
        .collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("session-bridge") || name.starts_with("sb-")
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

#[test]
fn crates_import_only_what_the_table_allows() {
    for (name, dependencies) in crates() {
        let row = row(&name);
        for (dependency, kind) in dependencies.iter().filter(|(_, kind)| kind != "dev") {
            let allowed = if is_ours(dependency) {
                row.ours.iter().any(|pattern| fits(pattern, dependency))
            } else {
                row.others.is_none_or(|others| others.contains(&dependency.as_str()))
            };
            assert!(allowed, "`{name}` may not import `{dependency}` {kind}");
        }
    }
}

#[test]
fn tests_of_providers_see_neither_the_store_nor_other_providers() {
    let crates = crates();
    for (name, dependencies) in crates.iter().filter(|(name, _)| name.starts_with("sb-")) {
        let ours: Vec<_> = dependencies.iter().map(|(name, _)| name).filter(|name| is_ours(name)).collect();
        assert_eq!(ours.len(), 2, "`{name}` imports {ours:?}");
        assert!(ours.iter().any(|name| *name == "session-bridge-conformance"), "`{name}` skips the laws");
    }
    let of_the_laws = &crates["session-bridge-conformance"];
    for (dependency, _) in of_the_laws {
        assert!(
            !is_ours(dependency) || dependency == "session-bridge-core",
            "the laws import `{dependency}`"
        );
    }
}

/// Features are resolved for the hook alone, as `cargo install` would.
#[test]
fn the_hook_has_no_runtime() {
    let tree = cargo(&[
        "tree",
        "-p",
        "session-bridge-hook",
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "-f",
        "{lib}",
    ]);
    let found: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(found.contains(&"rusqlite"), "the tree is not the hook's: {tree}");
    for banned in BANNED_FROM_THE_HOOK {
        assert!(!found.contains(&banned.replace('-', "_").as_str()), "the hook contains `{banned}`");
    }
}

/// Every crate of others that is part of the hook, on Linux. A provider brings none: whatever it needs is here already.
const IN_THE_HOOK: &[&str] = &[
    "bitflags",
    "block-buffer",
    "cfg-if",
    "chacha20",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "digest",
    "equivalent",
    "fallible-iterator",
    "fallible-streaming-iterator",
    "foldhash",
    "getrandom",
    "hashbrown",
    "hashlink",
    "hybrid-array",
    "indexmap",
    "itoa",
    "jsonc-parser",
    "libc",
    "libsqlite3-sys",
    "linux-raw-sys",
    "memchr",
    "rand",
    "rand_core",
    "rusqlite",
    "rustix",
    "serde",
    "serde_core",
    "serde_json",
    "sha2",
    "smallvec",
    "thiserror",
    "toml_datetime",
    "toml_edit",
    "toml_parser",
    "toml_writer",
    "typenum",
    "ulid",
    "which",
    "winnow",
    "zmij",
];

/// However many providers there are, the program that runs at each event stays as it is. What is looked at is linked in:
/// neither procedural macros nor what they are made of.
#[test]
fn the_hooks_tree_does_not_grow() {
    let tree = cargo(&[
        "tree",
        "-p",
        "session-bridge-hook",
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "-f",
        "{p}",
        "--target",
        "x86_64-unknown-linux-gnu",
    ]);
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let found: BTreeSet<&str> = names.filter(|name| !is_ours(name)).collect();
    let known: BTreeSet<&str> = IN_THE_HOOK.iter().copied().collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "new in the hook");
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new(), "gone from the hook");
}

/// So they compile and test in seconds, and a provider cannot reach the truth.
#[test]
fn core_and_providers_are_free_of_the_database() {
    let contains = |name: &str, edges: &str, banned: &str| {
        cargo(&["tree", "-p", name, "-e", edges, "--prefix", "none", "-f", "{lib}"])
            .lines()
            .any(|line| line.trim() == banned)
    };
    for (name, _) in
        crates().iter().filter(|(name, _)| name.starts_with("sb-") || *name == "session-bridge-core")
    {
        for banned in ["tokio", "clap", "rusqlite"] {
            assert!(!contains(name, "normal,build", banned), "`{name}` contains `{banned}`");
        }
        assert!(!contains(name, "normal,build,dev", "rusqlite"), "tests of `{name}` contain the database");
    }
}

#[test]
fn every_crate_inherits_what_the_workspace_says() {
    let root = root();
    let mut manifests = Vec::new();
    for top in ["core", "providers", "installer", "tests"] {
        session_bridge_architecture::walk(&root.join(top), &mut |path| {
            // The fuzzers are a workspace of their own, as all of it is compiled with their flags.
            let ours = !path.starts_with(root.join("tests/fuzz"));
            if ours && path.file_name().is_some_and(|name| name == "Cargo.toml") {
                manifests.push(path.to_owned());
            }
        });
    }
    assert_eq!(manifests.len(), crates().len());
    for path in manifests {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in [
            "version.workspace = true",
            "edition.workspace = true",
            "rust-version.workspace = true",
            "license.workspace = true",
            "[lints]\nworkspace = true",
        ] {
            assert!(text.contains(line), "{}: `{line}` is missing", path.display());
        }
    }
    let workspace = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}
