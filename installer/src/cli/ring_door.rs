//! `ring-door`: wakes one idle session. Senders start it beside themselves; it is not for people.

use session_bridge_core::id::SessionId;

use super::Status;
use super::context::Context;
use crate::door;
use crate::exit;

/// Wake an idle session that has mail. Started by senders.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session's id.
    session: SessionId,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    door::ring(&mut context.store()?, args.session)?;
    Ok(exit::OK)
}
