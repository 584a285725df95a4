//! Kills and faults while eight writers and three readers use one bridge, and an installer its configuration.
//!
//! A round is a fresh home. In it every program is started and, four times in five, killed at a random point of its
//! usual life. Now and then everybody is held back, and the round is audited; in the end nobody is killed any more, what waits
//! comes out, and every message that was acknowledged must be accounted for.

mod audit;
mod fault;
mod installs;
mod readers;
mod remount;
mod round;
mod sweep;
mod trouble;
mod world;
mod writers;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

pub use remount::remount;
pub use round::{Outcome, Plan, play};
pub use sweep::{Row, row, rows};
pub use trouble::Trouble;

use crate::apart;
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
    apart::outcome(command.args(words), folder, |outcome: &Outcome| outcome.findings.len())
}

/// The story of a remount, on a disk of its own.
pub fn remount_apart(chaos: &Path, programs: &Programs) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let mut command = on_a_disk(folder.path(), chaos);
    command.arg("remounted").args([&programs.main, &programs.hook]).arg(folder.path());
    apart::outcome(&mut command, folder, Vec::len)
}

/// This program in a mount namespace of its own, where the folder is a small disk.
fn on_a_disk(folder: &Path, chaos: &Path) -> Command {
    let mut command = apart::unshare();
    let script = "mount -t tmpfs -o size=64m tmpfs \"$0\" && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script]).arg(folder).arg(chaos);
    command
}
