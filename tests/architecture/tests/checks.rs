//! Formatting and lints, so that the README's one test command is everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::process::Command;

use session_bridge_architecture::root;

fn cargo(args: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo).args(args).current_dir(root()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "cargo {}:\n{stdout}{stderr}", args.join(" "));
}

#[test]
fn every_source_is_formatted() {
    cargo(&["fmt", "--all", "--check"]);
}

#[test]
fn no_lint_has_anything_to_say() {
    cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
}
