//! Messages, deliveries and receipts: the one database every session shares, and the small files beside it that
//! keep the hook's fast path away from it.
//!
//! The rules that this crate carries out are written down in `docs/ARCHITECTURE.md`: a bell stands exactly while an
//! event of the session has something to do; a delivery leaves `stored` only inside a transaction that records the
//! attempt; evidence moves states forward, never back.

mod arrival;
mod attempt;
mod beginning;
mod block;
mod chain;
mod claim;
mod claimed;
mod clock;
mod decline;
mod error;
mod expire;
mod fanout;
mod generation;
mod hear;
mod inbox;
mod look;
mod notice;
mod open;
mod order;
mod pace;
mod pause;
mod pull;
mod receipt;
mod row;
mod rule;
mod run;
mod salvage;
mod schema;
mod send;
mod servers;
mod session;
mod subagents;
mod turn;
mod unbound;
mod wake;
mod wanted;

pub use arrival::Sign;
pub use block::{Block, Budget};
pub use claim::{ClaimId, Filter};
pub use claimed::IgnoredClaim;
pub use clock::{Boot, Clock, Reading};
pub use decline::MAX_REASON_CHARS;
pub use error::{ErrorKind, StoreError};
pub use hear::Outcome;
pub use inbox::{Entry, View};
pub use look::{Attempted, Version};
pub use open::{Role, Store};
pub use pause::Pause;
pub use pull::{Pull, Pulled};
pub use receipt::{Receipt, Step};
pub use row::{Message, State};
pub use rule::{Rule, RuleKind};
pub use run::{Activity, Lease, LifeLock, Live, Note, RunFolder, RunFolders};
pub use salvage::{Salvaged, SetAside};
pub use send::{Author, Draft, Letter, Sent};
pub use servers::{Program, Server};
pub use session::{Arrival, Presence, Session, SessionView};
pub use unbound::Unbound;
pub use wake::{Due, Ring, Ringer};
pub use wanted::Wanted;
