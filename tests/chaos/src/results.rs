//! Raw results: a small file that grows run by run, so that an interrupted run goes on where it was.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a results file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results<T> {
    /// The command that goes on with it.
    pub command: String,
    /// What decided everything that is random.
    pub seed: u64,
    /// Size that was asked for.
    pub wanted: u64,
    /// The bridge's version, and the profile of the programs.
    pub bridge: String,
    /// Kernel and processors.
    pub machine: String,
    /// One row per round or batch.
    pub rows: Vec<T>,
}

impl<T: Serialize + DeserializeOwned> Results<T> {
    /// Takes up what the file holds, or begins it.
    pub fn open(file: &Path, command: &str, seed: u64, wanted: u64) -> Result<Self> {
        let machine = machine();
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let bridge = format!("{} ({profile})", env!("CARGO_PKG_VERSION"));
        let Ok(text) = fs::read_to_string(file) else {
            return Ok(Self { command: command.to_owned(), seed, wanted, bridge, machine, rows: Vec::new() });
        };
        let before: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is not one of ours", file.display()))?;
        ensure!(
            before.seed == seed && before.bridge == bridge,
            "{} holds seed {} of {}: remove it to begin anew",
            file.display(),
            before.seed,
            before.bridge
        );
        Ok(Self { command: command.to_owned(), wanted, machine, ..before })
    }

    /// Writes it, one line per row.
    pub fn save(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = String::from("{\n");
        for (name, value) in [
            ("command", serde_json::to_string(&self.command)?),
            ("seed", self.seed.to_string()),
            ("wanted", self.wanted.to_string()),
            ("bridge", serde_json::to_string(&self.bridge)?),
            ("machine", serde_json::to_string(&self.machine)?),
        ] {
            let _ = writeln!(text, "  \"{name}\": {value},");
        }
        let rows = self.rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let _ = write!(text, "  \"rows\": [\n    {}\n  ]\n}}\n", rows.join(",\n    "));
        let beside = file.with_extension("new");
        fs::write(&beside, text)?;
        Ok(fs::rename(beside, file)?)
    }
}

fn machine() -> String {
    let kernel = Command::new("uname").args(["-srm"]).output().map(|out| out.stdout).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {processors} processors", String::from_utf8_lossy(&kernel).trim())
}
