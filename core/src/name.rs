//! The grammar of names that people and models choose: labels, roles and rooms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::look::{is_invisible, look};

/// The longest name in characters.
pub const MAX_NAME_CHARS: usize = 48;

/// A label, role or room: letters, digits, `-`, `_`, `.` and `+`, beginning with a letter or digit.
///
/// Nothing else can be a name, so a name is never a path, an option, a terminal escape, a bidi trick or one of the
/// address prefixes (`#`, `@`, `*`, `cwd:`, `repo:`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadName {
    /// Nothing was given.
    #[error("a name must not be empty")]
    Empty,
    /// More than [`MAX_NAME_CHARS`] characters.
    #[error("a name has at most {MAX_NAME_CHARS} characters, this one has {0}")]
    TooLong(usize),
    /// A character outside the grammar.
    #[error(
        "a name has letters, digits and `-_.+` only and begins with a letter or digit; {0:?} is not allowed here"
    )]
    Character(char),
    /// Two dots in a row.
    #[error("a name must not contain `..`")]
    Dots,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The room that every session joins unless it is told otherwise.
    pub fn default_room() -> Self {
        Self("default".to_owned())
    }

    /// Two names that differ only in case are the same address.
    pub fn same_as(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }

    /// Whether a reader would take the two for one: the same, or the same in letters of other scripts.
    pub fn looks_like(&self, other: &str) -> bool {
        self.same_as(other) || self.0.chars().map(look).eq(other.chars().map(look))
    }

    /// The nearest ASCII name to a free text such as a folder's name, or `fallback` where nothing is left of it.
    pub fn slug(text: &str, fallback: &str) -> Self {
        let mut out = String::new();
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                out.push(c.to_ascii_lowercase());
            } else if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            if out.len() >= 24 {
                break;
            }
        }
        let trimmed = out.trim_end_matches('-');
        Self(if trimmed.is_empty() { fallback.to_owned() } else { trimmed.to_owned() })
    }

    /// `label`, `label-2`, `label-3`, …: the name of the n-th session that asks for the same label.
    #[must_use]
    pub fn numbered(&self, n: usize) -> Self {
        if n < 2 {
            return self.clone();
        }
        let suffix = format!("-{n}");
        let keep = MAX_NAME_CHARS.saturating_sub(suffix.len());
        let head: String = self.0.chars().take(keep).collect();
        Self(head + &suffix)
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let count = text.chars().count();
        if count == 0 {
            return Err(BadName::Empty);
        }
        if count > MAX_NAME_CHARS {
            return Err(BadName::TooLong(count));
        }
        for (i, c) in text.chars().enumerate() {
            let ok =
                (c.is_alphanumeric() && !is_invisible(c)) || (i > 0 && matches!(c, '-' | '_' | '.' | '+'));
            if !ok {
                return Err(BadName::Character(c));
            }
        }
        if text.contains("..") {
            return Err(BadName::Dots);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for bad in [
            "",
            "a/b",
            "..",
            "a..b",
            "-x",
            "#x",
            "@x",
            "*",
            "a b",
            "a\0",
            "a\u{202e}b",
            "\u{1b}[2J",
            "cwd:/x",
            "api\u{3164}",
            "\u{ffa0}",
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        for good in ["api", "api-2", "前端", "Zoë_1", "v1.2+x"] {
            assert!(good.parse::<Name>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn letters_of_other_scripts_look_like_a_name() {
        let name: Name = "\u{430}\u{440}\u{456}-2".parse().unwrap();
        assert!(name.looks_like("api-2") && name.looks_like("API-2") && !name.looks_like("api"));
        assert!(!name.same_as("api-2"));
    }

    #[test]
    fn slugs_are_always_names() {
        for text in ["My App!", "///", "日本", "a--b", "x".repeat(90).as_str()] {
            let slug = Name::slug(text, "project");
            assert!(slug.as_str().parse::<Name>().is_ok(), "{text:?} -> {slug}");
        }
    }

    #[test]
    fn numbering_starts_at_two_and_stays_a_name() {
        let name: Name = "x".repeat(MAX_NAME_CHARS).parse().unwrap();
        assert_eq!(name.numbered(1), name);
        assert!(name.numbered(12).as_str().ends_with("-12"));
        assert!(name.numbered(12).as_str().parse::<Name>().is_ok());
    }
}
