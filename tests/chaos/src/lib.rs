//! Harnesses that try to break the bridge: kills and faults while its real programs send, deliver and install
//! ([`crashes`]), `init` and `uninstall` on generated configuration ([`install`]), and agents that answer whatever they are
//! told, or hand on honest work ([`loops`]). `src/bin/chaos` runs them at any size; `tests/` runs a few seconds of each.

mod apart;
pub mod crashes;
pub mod identity;
pub mod install;
pub mod launch;
pub mod loops;
pub mod programs;
pub mod random;
pub mod results;
pub mod script;
pub mod server;
