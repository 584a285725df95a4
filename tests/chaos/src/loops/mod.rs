//! Loops: agents that always answer stop by themselves ([`polite`]), and honest work that is handed on is not stopped
//! ([`recorded`]). Both make the calls of the real hooks and servers to the real store, with the real providers' cards
//! and a clock that stands still until it is moved, so that hours of waiting take no time.

mod agents;
pub mod polite;
