//! Hostile messages, and what must not come of them: text outside of the frame, a sender who is another, escapes on a
//! terminal, prompts that pass for ours.
//!
//! [`hostile`] makes the messages from a seed. [`trial`] sends them through the real store to a session of each provider
//! and reads what the provider gives its host. [`judge`] knows the format of our texts by itself and says what is
//! wrong with one. [`screen`] judges what a command printed. [`targets`] are for fuzzers, which [`campaign`] runs.

pub mod campaign;
pub mod hostile;
pub mod judge;
pub mod screen;
pub mod targets;
pub mod trial;
