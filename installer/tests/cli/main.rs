//! The command as people and scripts see it, run as a program in an environment of its own.

mod docs;
mod doctor;
mod env;
mod errors;
mod install;
mod json;
mod messages;
mod trust;
mod waits;
