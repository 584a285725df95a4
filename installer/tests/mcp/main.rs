//! The MCP server as hosts meet it: a child process, lines of JSON, two sessions that talk.

mod harness;
mod identity;
mod protocol;
mod tools;
mod waits;
