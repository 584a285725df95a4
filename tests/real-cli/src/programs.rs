//! Programs of the workspace, built before a suite goes where there is no network.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::DriverError;

/// Carries the programs' paths from the process that built them to the one inside the namespaces.
const BUILT: &str = "SESSION_BRIDGE_REAL_CLI_BUILT";

/// Programs by name.
pub(crate) type Programs = BTreeMap<String, PathBuf>;

/// Builds every program of `packages`, in the profile that this suite was built with.
pub(crate) fn build(packages: &[String]) -> Result<Programs, DriverError> {
    let mut programs = Programs::new();
    if packages.is_empty() {
        return Ok(programs);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bins", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().map_err(DriverError::program("cargo"))?;
    if !output.status.success() {
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(DriverError::Failed {
            program: "cargo".into(),
            status: output.status.to_string(),
            detail,
        });
    }
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        if let (Some(path), Some(name)) = (message["executable"].as_str(), message["target"]["name"].as_str())
        {
            programs.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    Ok(programs)
}

/// Hands `programs` on to the command that enters the namespaces.
pub(crate) fn hand_on(programs: &Programs, command: &mut Command) -> Result<(), DriverError> {
    let paths = env::join_paths(programs.values()).map_err(|error| DriverError::Missing {
        what: "a target folder whose path holds no colon",
        detail: error.to_string(),
    })?;
    command.env(BUILT, paths);
    Ok(())
}

/// The programs that were handed on to this process.
pub(crate) fn handed_on() -> Programs {
    let paths = env::var_os(BUILT).unwrap_or_default();
    let named = |path: PathBuf| Some((path.file_name().and_then(OsStr::to_str)?.to_owned(), path));
    env::split_paths(&paths).filter_map(named).collect()
}
