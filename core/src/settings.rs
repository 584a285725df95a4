//! Defaults that `init` was given, per provider. Read whenever a hook or server
//! takes a session on, and used when that session is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// `settings.json` in the bridge's home.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// By provider id.
    pub providers: BTreeMap<String, Defaults>,
}

/// What new sessions of a provider start with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// First live session in a room answers to it, further ones to `-2`, `-3`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Name>,
    /// Roles that each session answers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Name>,
    /// The room that sessions join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Name>,
}

impl Settings {
    /// Reads the file's bytes; a damaged file means defaults, so that a hook is never stopped by it.
    pub fn parse_or_default(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// What new sessions of `provider` start with.
    pub fn of(&self, provider: &str) -> Defaults {
        self.providers.get(provider).cloned().unwrap_or_default()
    }
}
