//! The MCP server as hosts meet it: a child process, lines of JSON, two sessions that talk.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod bad_input;
mod collect;
mod control;
mod corpus;
mod deadlines;
mod evidence;
mod forgery;
mod harness;
mod identity;
mod introduced;
mod protocol;
mod repair;
mod tokens;
mod tools;
mod upgrade;
mod waits;
mod wakes;
