//! Kills and faults while eight writers and three readers use one bridge, and an installer its configuration.
//!
//! A round is a fresh home. In it every program is started and, four times in five, killed at a random point of its
//! usual life. Now and then everybody is held back, and the round is audited; in the end nobody is killed any more, what waits
//! comes out, and every message that was acknowledged must be accounted for.

mod audit;
mod installs;
pub(crate) mod readers;
mod round;
pub(crate) mod script;
mod trouble;
mod world;
mod writers;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

pub use round::{Outcome, Plan, play};
pub use trouble::Trouble;

/// Plays a round in a process of its own, on a small disk of its own where the trouble needs one.
pub fn play_apart(chaos: &Path, plan: &Plan) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let words = [
        "round".to_owned(),
        serde_json::to_string(plan)?,
        folder.path().to_str().context("a temporary folder with a plain name")?.to_owned(),
    ];
    let mut command = if plan.trouble.needs_a_disk() {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        let script = "mount -t tmpfs -o size=64m tmpfs \"$0\" && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(folder.path()).arg(chaos);
        command
    } else {
        Command::new(chaos)
    };
    let output = command.args(words).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let Ok(outcome) = serde_json::from_str::<Outcome>(told.trim()) else {
        bail!("a round failed: {}{}", told, String::from_utf8_lossy(&output.stderr));
    };
    if !outcome.findings.is_empty() {
        // Somebody will want to look.
        let _ = folder.keep();
    }
    Ok(outcome)
}
