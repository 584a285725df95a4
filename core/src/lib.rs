//! What a provider is, and what is true on disk.

pub mod edit;
pub mod plan;
