//! How a message comes into the store, and what its sender is told without asking.

pub(crate) mod chain;
pub(crate) mod decline;
pub(crate) mod fanout;
pub(crate) mod notice;
pub(crate) mod send;
