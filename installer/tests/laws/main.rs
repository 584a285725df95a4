//! Laws that need the programs, the store and every provider at once: L14, that no trouble of ours reaches a host; L16,
//! that with all providers installed each event reaches one of them; L17, that it is served as what it is and once, whosever
//! entries its host runs; and what a full disk leaves behind.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod apart;
mod cage;
mod disk;
mod hooks;
mod hosts;
mod payloads;
