//! `session-bridge mcp`: the server that agent CLIs start.

use super::Status;
use crate::exit;
use crate::mcp;
use crate::report::Failure;

/// Serves the bridge's tools to an agent CLI, over standard input and output.
///
/// Agent CLIs start this themselves; `session-bridge init` tells them to.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The provider to serve, for hosts whose own name in the handshake is not known.
    #[arg(long, value_name = "PROVIDER")]
    client: Option<String>,
}

pub(super) fn run(args: &Args) -> Status {
    let served = mcp::serve(args.client.as_deref());
    served.map_err(|error| {
        Failure::new(
            "mcp_failed",
            exit::NOT_WELL,
            format!("{error:#}"),
            "the agent CLI shows this in its MCP log; `session-bridge doctor` tries the server out",
        )
    })?;
    Ok(exit::OK)
}
