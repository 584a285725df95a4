//! Who is there, under which name, and what a person has decided about them.

pub(crate) mod arrival;
pub(crate) mod claimed;
pub(crate) mod end;
pub(crate) mod pause;
pub(crate) mod rule;
pub(crate) mod servers;
pub(crate) mod session;
pub(crate) mod subagents;
pub(crate) mod turn;
pub(crate) mod unbound;
pub(crate) mod wanted;
