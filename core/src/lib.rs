//! What a provider is, and what is true on disk.

pub mod apply;
pub mod edit;
pub mod fsx;
pub mod ledger;
pub mod plan;
#[cfg(feature = "preview")]
pub mod preview;
