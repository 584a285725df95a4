//! This program again, in namespaces of its own: for what must not happen to the whole machine.

use std::process::Command;

use anyhow::{Result, bail};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// `unshare`, by which a user who is not root becomes root of the new namespaces.
pub(crate) fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
}

/// Runs it, and reads what came of it from its output; `findings` counts what must not be. The folder stays if anything was
/// found, or if it broke off: somebody will want to look.
pub(crate) fn outcome<T: DeserializeOwned>(
    command: &mut Command,
    folder: TempDir,
    findings: impl Fn(&T) -> usize,
) -> Result<T> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let Ok(outcome) = serde_json::from_str::<T>(told.trim()) else {
        let _ = folder.keep();
        bail!("{command:?} broke off: {told}{}", String::from_utf8_lossy(&output.stderr));
    };
    if findings(&outcome) > 0 {
        let _ = folder.keep();
    }
    Ok(outcome)
}
