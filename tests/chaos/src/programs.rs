//! The real programs, built in the profile of this one.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Where they are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `session-bridge`.
    pub main: PathBuf,
    /// `session-bridge-hook`.
    pub hook: PathBuf,
}

/// Builds them.
pub fn build() -> Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bins", "--package", "session-bridge"]);
    command.arg("--message-format=json-render-diagnostics").current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "the programs cannot be built: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let find = |name: &str| {
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let mut named = messages.filter(|message| message["target"]["name"] == name);
        named
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .context("cargo built no such program")
    };
    Ok(Programs { main: find("session-bridge")?, hook: find("session-bridge-hook")? })
}
