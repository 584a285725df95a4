//! The `session-bridge` command: for people, for scripts, and as MCP server for agent CLIs.

mod bounded;
pub mod cli;
mod conversation;
mod door;
mod exit;
mod install;
pub mod mcp;
pub mod plugin;
pub mod post;
mod report;
mod term;

pub use exit::TABLE as EXIT_STATUSES;
