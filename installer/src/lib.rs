//! The `session-bridge` command: for people, for scripts, and as MCP server for agent CLIs.

pub mod mcp;
pub mod post;
