//! Harnesses that try to break the bridge: kills and faults while its real programs send, deliver and install
//! ([`crashes`]), and `init` and `uninstall` on generated configuration ([`install`]). `src/main.rs` runs both at any size;
//! `tests/sample.rs` runs a few seconds of each.

pub mod crashes;
pub mod install;
pub mod launch;
pub mod loops;
pub mod programs;
pub mod random;
pub mod results;
