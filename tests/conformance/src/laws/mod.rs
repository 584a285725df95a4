//! The laws, by what they are about.

pub(crate) mod at_once;
pub(crate) mod card;
pub(crate) mod config;
pub(crate) mod decode;
pub(crate) mod denied;
pub(crate) mod encode;
pub(crate) mod identity;
pub(crate) mod plan;
pub(crate) mod probe;
