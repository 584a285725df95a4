//! `demo`: the main job on a machine without any agent CLI.
//!
//! Two hosts are scripted here; everything else is what a user has: `init` writes real configuration files, the hook
//! and MCP commands are read back from those files and run as a host would run them, and the ledger is asked by the
//! real command line.

mod host;
mod rpc;
mod script;
mod transcript;
mod world;

use super::Status;
use crate::exit;
use crate::term::Ui;
use script::Story;

/// Show two sessions talking, on a machine without any agent CLI.
///
/// In a temporary home, both providers are installed into real configuration files. The real hook binary and the real
/// MCP server then run as Claude Code and Codex would run them: a frontend session asks a backend session, gets its
/// answer, and the receipts are shown. At the end everything is uninstalled, and the files are compared byte for byte.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep the temporary home and say where it is.
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(args: &Args, ui: Ui) -> Status {
    let well = Story::tell(ui, args.keep)?;
    Ok(if well { exit::OK } else { exit::NOT_WELL })
}
