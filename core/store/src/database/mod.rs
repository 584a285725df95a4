//! Which file the store is, whether it is whole, and what stands in it.

pub(crate) mod generation;
pub(crate) mod open;
pub(crate) mod salvage;
pub(crate) mod schema;
