//! Messages, deliveries and receipts: the one database every session shares, and the small files beside it that
//! keep the hook's fast path away from it.
//!
//! The rules that this crate carries out are written down in `docs/ARCHITECTURE.md`: a bell stands exactly while an
//! event of the session has something to do; a delivery leaves `stored` only inside a transaction that records the
//! attempt; evidence moves states forward, never back.

mod attempt;
mod beginning;
mod block;
mod claim;
mod clock;
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
mod pull;
mod receipt;
mod row;
mod run;
mod salvage;
mod schema;
mod send;
mod session;
mod subagents;
mod turn;
mod unbound;
mod wake;
mod wanted;

pub use block::{Block, Budget};
pub use claim::{ClaimId, Filter};
pub use clock::{Boot, Clock, Reading};
pub use error::{ErrorKind, StoreError};
pub use hear::Outcome;
pub use inbox::{Entry, View};
pub use look::{Attempted, Version};
pub use open::{Role, Store};
pub use pull::{Pull, Pulled};
pub use receipt::{Receipt, Step};
pub use row::{Message, State};
pub use run::{Activity, Lease, LifeLock, Live, Note, RunFolder, RunFolders};
pub use salvage::{Salvaged, SetAside};
pub use send::{Author, Draft, Sent};
pub use session::{Arrival, Presence, Session, SessionView};
pub use unbound::Unbound;
pub use wake::{Due, Ring, Ringer};
pub use wanted::Wanted;
