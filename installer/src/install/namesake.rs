//! Programs of other people under a CLI's name.

use session_bridge_core::host::Host;

use super::{Target, version};
use crate::exit;
use crate::report::Failure;

/// Refuses a program that says of itself that it is another one. One that says nothing, or that stands in its own package, is
/// taken for what it is called.
pub(crate) fn refuse(host: &dyn Host, target: &Target) -> Result<(), Failure> {
    let (Some(program), Some(told_by)) = (&target.site.program, target.provider.namesake()) else {
        return Ok(());
    };
    if version::packaged(host, target.card(), program).is_some() {
        return Ok(());
    }
    let Some(other) = version::says(program).ok().and_then(|said| told_by(&said)) else { return Ok(()) };
    Err(Failure::new(
        "other_program",
        exit::CLASH,
        format!("{} is not {}, but {other}", program.display(), target.card().name),
        format!("put {} before it on PATH; nothing was changed for it", target.card().name),
    ))
}
