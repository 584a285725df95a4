//! What a provider is, and what is true on disk.
//!
//! Everything here is synchronous. Providers are pure; the doors to the outside are [`host::Host`] for reading and
//! the config writer for changing files that belong to other tools.

pub mod address;
pub mod apply;
pub mod dialect;
pub mod echo;
pub mod edit;
pub mod entry;
pub mod environment;
pub mod event;
pub mod frame;
pub mod fsx;
pub mod home;
pub mod host;
pub mod id;
pub mod identity;
pub mod ledger;
pub mod limits;
pub mod log;
pub mod look;
pub mod marks;
pub mod message;
pub mod name;
pub mod nudge;
pub mod plan;
pub mod plugin;
#[cfg(feature = "preview")]
pub mod preview;
pub mod probe;
pub mod process;
pub mod provider;
pub mod settings;
pub mod shell;
pub mod turn;
