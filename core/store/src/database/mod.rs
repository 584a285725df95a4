//! Which file the store is, whether it is whole, and what stands in it.

pub(crate) mod generation;
pub(crate) mod open;
#[cfg(test)]
pub(crate) mod plan;
pub(crate) mod salvage;
pub(crate) mod schema;
