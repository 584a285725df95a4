//! The command for people, scripts and MCP hosts.

fn main() {}
