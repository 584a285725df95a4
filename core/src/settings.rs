//! `settings.json`: defaults that `init` was given, per provider, and the limits. The former are read whenever a hook or
//! server takes a session on, and used when that session is new; the latter by senders and servers, never by hooks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{Limits, OutOfRange};
use crate::name::Name;

/// `settings.json` in the bridge's home.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// By provider id.
    pub providers: BTreeMap<String, Defaults>,
    /// What is limited, and how much.
    pub limits: Limits,
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

/// A file that does not say what the settings are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// Not the JSON that stands there.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A limit that cannot be.
    #[error(transparent)]
    Limit(#[from] OutOfRange),
}

impl Settings {
    /// Reads the file's bytes, and says what is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadSettings> {
        let settings: Self = serde_json::from_slice(bytes)?;
        settings.limits.check()?;
        Ok(settings)
    }

    /// Reads the file's bytes; a damaged file means defaults, so that a hook is never stopped by it.
    pub fn parse_or_default(bytes: &[u8]) -> Self {
        Self::parse(bytes).unwrap_or_default()
    }

    /// What new sessions of `provider` start with.
    pub fn of(&self, provider: &str) -> Defaults {
        self.providers.get(provider).cloned().unwrap_or_default()
    }
}
