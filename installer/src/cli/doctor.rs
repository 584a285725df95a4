//! `doctor`.

use super::Status;
use super::context::Context;

/// Check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, _: &Context) -> Status {
    Ok(0)
}
