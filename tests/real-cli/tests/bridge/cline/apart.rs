//! Two Clines in one folder.

use session_bridge_real_cli::{CaseResult, World};

use super::LABEL;
use crate::apart::exchange;
use crate::bridge::Bridge;

pub(crate) fn windows(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let one = world.cline().tui("one")?;
    bridge.session(LABEL)?;
    let two = world.cline().tui("two")?;
    bridge.session("cline-project-2")?;
    exchange(world, &bridge, &[(one, LABEL), (two, "cline-project-2")])
}
