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
mod strangers;
mod world;

use std::path::Path;

use anyhow::Result;

pub use round::{Mistake, Outcome, Plan, play};

use crate::apart;

/// Plays a round in a process of its own, with process ids of its own: there an id can be used again.
pub fn play_apart(chaos: &Path, plan: &Plan) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("id").tempdir()?;
    let mut command = apart::unshare();
    // The shell is the first process there, and buries those that nobody waits for.
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "\"$0\" \"$@\"; exit $?"]);
    command.arg(chaos).arg("identity-round").arg(serde_json::to_string(plan)?).arg(folder.path());
    apart::outcome(&mut command, folder, |outcome: &Outcome| outcome.findings.len())
}
