//! How a message goes out, and what proves that it arrived.

pub(crate) mod attempt;
pub(crate) mod beginning;
pub(crate) mod block;
pub(crate) mod claim;
pub(crate) mod expire;
pub(crate) mod genuine;
pub(crate) mod hear;
pub(crate) mod named;
pub(crate) mod order;
pub(crate) mod pull;
