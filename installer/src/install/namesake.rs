//! Programs of other people under a CLI's name.

use super::Target;
use crate::cli::says;
use crate::exit;
use crate::report::Failure;

/// Refuses a program that says of itself that it is another one. One that says nothing is taken for what it is called.
pub(crate) fn refuse(target: &Target) -> Result<(), Failure> {
    let (Some(program), Some(told_by)) = (&target.site.program, target.provider.namesake()) else {
        return Ok(());
    };
    let Some(other) = says(program).ok().and_then(|said| told_by(&said)) else { return Ok(()) };
    Err(Failure::new(
        "other_program",
        exit::CLASH,
        format!("{} is not {}, but {other}", program.display(), target.card().name),
        format!("put {} before it on PATH; nothing was changed for it", target.card().name),
    ))
}
