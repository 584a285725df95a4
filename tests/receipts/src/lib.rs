//! Simulated hosts, one per CLI, that use the bridge and fail at every boundary; what really happened is kept apart from the
//! bridge, and receipts are held against it.
//!
//! Events go through the hook's own code ([`session_bridge_hook::outside`]) with payloads in their CLI's form, calls of tools
//! through the store as the MCP server makes them. Everything that is random follows from a seed.

mod acts;
mod form;
mod oracle;
mod process;
mod seat;
mod tally;
mod truth;
mod turn;
mod world;

pub use tally::Tally;
pub use world::{Lie, Plan, run};
