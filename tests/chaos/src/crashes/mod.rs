//! Kills and faults while eight writers and three readers use one bridge, and an installer its configuration.
//!
//! A round is a fresh home. In it every program is started and, four times in five, killed at a random point of its
//! usual life. Now and then everybody is held back, and the round is audited; in the end nobody is killed any more, what waits
//! comes out, and every message that was acknowledged must be accounted for.

mod audit;
mod fault;
mod installs;
pub(crate) mod readers;
mod remount;
mod round;
pub(crate) mod script;
mod sweep;
mod trouble;
mod world;
mod writers;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

pub use remount::remount;
pub use round::{Outcome, Plan, play};
pub use sweep::{Row, row, rows};
pub use trouble::Trouble;

use crate::programs::Programs;

/// Plays a round in a process of its own, on a small disk of its own where the trouble needs one.
pub fn play_apart(chaos: &Path, plan: &Plan) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let words = [
        "round".to_owned(),
        serde_json::to_string(plan)?,
        folder.path().to_str().context("a temporary folder with a plain name")?.to_owned(),
    ];
    let mut command =
        if plan.trouble.needs_a_disk() { on_a_disk(folder.path(), chaos) } else { Command::new(chaos) };
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

/// The story of a remount, on a disk of its own.
pub fn remount_apart(chaos: &Path, programs: &Programs) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let mut command = on_a_disk(folder.path(), chaos);
    command.arg("remounted").args([&programs.main, &programs.hook]).arg(folder.path());
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(told.trim()).with_context(|| {
        format!("the story of a remount broke off: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// This program in a mount namespace of its own, where the folder is a small disk.
fn on_a_disk(folder: &Path, chaos: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let script = "mount -t tmpfs -o size=64m tmpfs \"$0\" && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script]).arg(folder).arg(chaos);
    command
}
