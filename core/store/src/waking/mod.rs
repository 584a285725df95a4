//! When an idle session is nudged.

pub(crate) mod pace;
pub(crate) mod wake;
