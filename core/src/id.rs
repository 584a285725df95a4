//! Identifiers: parsed once at the edge, trusted afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The stable, kebab-case name of a provider, such as `claude-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ProviderId(&'static str);

impl ProviderId {
    /// Names a provider; meant for the constant in a provider's card.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as users type it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// A text that is not a ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: ids are 26 letters and digits, as printed by `session-bridge list-sessions`")]
pub struct BadId(pub String);

macro_rules! ulid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Ulid);

        impl $name {
            /// A fresh id. Order among messages comes from the store's sequence, never from ids.
            pub fn generate() -> Self {
                Self(Ulid::generate())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0.to_string())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let upper = text.trim().to_ascii_uppercase();
                // 26 characters hold two bits more than an id, which the decoder would drop: `8…` is no other way to
                // write `0…`.
                let fits = upper.starts_with(|first: char| first <= '7');
                let id = Ulid::from_string(&upper).ok().filter(|_| fits);
                id.map(Self).ok_or_else(|| BadId(text.chars().take(64).collect()))
            }
        }
    };
}

ulid_newtype!(
    /// A session as the bridge knows it. It outlives `/clear`, resume and the host's own ids.
    SessionId
);
ulid_newtype!(
    /// One immutable message.
    MessageId
);
ulid_newtype!(
    /// One try to put one or more bodies on one surface.
    AttemptId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_in_any_case_and_print_upper_case() {
        let id = SessionId::generate();
        let lower = id.to_string().to_lowercase();
        assert_eq!(lower.parse::<SessionId>().unwrap(), id);
    }

    #[test]
    fn garbage_is_refused_with_the_text() {
        let error = "not an id".parse::<MessageId>().unwrap_err();
        assert!(error.to_string().contains("`not an id`"));
    }

    #[test]
    fn no_two_texts_name_the_same_id() {
        let most = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
        assert_eq!(most.parse::<SessionId>().unwrap().to_string(), most);
        for first in ["8", "F", "N", "Z"] {
            assert!(format!("{first}{}", &most[1..]).parse::<SessionId>().is_err(), "{first}");
        }
    }
}
