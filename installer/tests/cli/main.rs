//! The command as people and scripts see it, run as a program in an environment of its own.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod bad_input;
mod control;
mod docs;
mod doctor;
mod env;
mod errors;
mod follow;
mod forgery;
mod gc;
mod gemini;
mod grok;
mod install;
mod json;
mod meet;
mod messages;
mod overdue;
mod plugin;
mod selftest;
mod trips;
mod trust;
mod upgrade;
mod waits;
