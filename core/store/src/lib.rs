//! Messages, deliveries and receipts: the one database every session shares, and the small files beside it that
//! keep the hook's fast path away from it.
//!
//! The rules that this crate carries out are written down in `docs/delivery.md`: a bell stands exactly while an
//! event of the session has something to do; a delivery leaves `stored` only inside a transaction that records the
//! attempt; evidence moves states forward, never back.

mod clock;
mod collect;
mod database;
mod delivery;
mod error;
mod reading;
mod row;
mod run;
mod sending;
mod sessions;
mod waking;

pub use clock::{Boot, Clock, Reading};
pub use collect::aside::AsideFile;
pub use collect::{Collected, Collection, Kept, LastCollection};
pub use database::open::{Role, Store};
pub use database::salvage::{Salvaged, SetAside};
pub use delivery::block::{Block, Budget};
pub use delivery::claim::{ClaimId, Filter};
pub use delivery::hear::Outcome;
pub use delivery::pull::{Pull, Pulled};
pub use error::{ErrorKind, StoreError};
pub use reading::inbox::{Entry, View};
pub use reading::look::{Attempted, Version};
pub use reading::receipt::{Receipt, Step};
pub use row::{Message, State};
pub use run::{Activity, Hello, Lease, LifeLock, Live, Note, RunFolder, RunFolders};
pub use sending::decline::MAX_REASON_CHARS;
pub use sending::send::{Author, Draft, Letter, Sent};
pub use sessions::arrival::Sign;
pub use sessions::claimed::IgnoredClaim;
pub use sessions::pause::Pause;
pub use sessions::rule::{Rule, RuleKind};
pub use sessions::servers::{Program, Server};
pub use sessions::session::{Arrival, Presence, Session, SessionView};
pub use sessions::unbound::Unbound;
pub use sessions::wanted::Wanted;
pub use waking::wake::{Due, PATIENCE, Ring, Ringer};
