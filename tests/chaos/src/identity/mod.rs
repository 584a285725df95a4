//! Who said it, and to whom: fifty sessions of all providers in one folder, on one home, through clear, resume, fork,
//! compaction, subagents and restarts.
//!
//! A round is a fresh home. Each session has the process that its CLI would have, named like it and started by us, sessions of
//! one daemon below one process; each process has one long-lived MCP server, and hooks with captured payloads. Every
//! body names its true sender and its true readers by numbers that only this harness knows. In *acts* everybody sends and reads at
//! once; between them sessions end, start, fork and move ([`life`]). A [`model`] of labels, roles and ids, which shares no code with the
//! bridge's, says who is meant. In the end an [`audit`] compares it with the store and with what each process was shown.

mod act;
mod audit;
mod house;
mod life;
mod model;
mod round;
mod server;
mod strangers;
mod world;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

pub use round::{Mistake, Outcome, Plan, play};

/// Plays a round in a process of its own, with process ids of its own: there an id can be used again.
pub fn play_apart(chaos: &Path, plan: &Plan) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("id").tempdir()?;
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    // The shell is the first process there, and buries those that nobody waits for.
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "\"$0\" \"$@\"; exit $?"]);
    let output = command
        .arg(chaos)
        .arg("identity-round")
        .arg(serde_json::to_string(plan)?)
        .arg(folder.path())
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let Ok(outcome) = serde_json::from_str::<Outcome>(told.trim()) else {
        let _ = folder.keep();
        bail!("a round failed: {}{}", told, String::from_utf8_lossy(&output.stderr));
    };
    if !outcome.findings.is_empty() {
        // Somebody will want to look.
        let _ = folder.keep();
    }
    Ok(outcome)
}
