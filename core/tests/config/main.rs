//! Plans carried out on real files: examples, laws over generated files, faults, crashes.

mod crash;
mod derived;
mod examples;
mod faults;
mod laws;
mod race;
mod support;
