//! What changes nothing: inboxes, lists, receipts.

pub(crate) mod inbox;
pub(crate) mod look;
pub(crate) mod receipt;
