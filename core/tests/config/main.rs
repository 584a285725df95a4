//! Plans carried out on real files: examples, laws over generated files, faults, crashes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod crash;
mod derived;
mod examples;
mod faults;
mod laws;
mod race;
mod support;
