//! What being installed means, as data.
//!
//! A provider turns what it knows about its CLI into a [`Plan`]: a list of edits to files that belong to someone
//! else. `init`, `init --dry-run`, `doctor`, upgrades and `uninstall` are folds over that one list (and over the
//! ledger, which keeps the edits that were carried out). Nothing in this module touches a disk, and every type
//! is serialisable, because the ledger must be able to undo an edit that the present program no longer plans.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use serde_json::Value;

/// Everything one provider wants to be true on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The provider's id, e.g. `codex`; names the ledger file.
    pub provider: String,
    /// The edits, in the order in which they are made. Ids are unique.
    pub edits: Vec<ConfigEdit>,
}

/// Name of an edit, stable across releases, e.g. `codex/mcp-server`. The ledger's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EditId(pub Cow<'static, str>);

impl From<&'static str> for EditId {
    fn from(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }
}

impl From<String> for EditId {
    fn from(id: String) -> Self {
        Self(Cow::Owned(id))
    }
}

impl fmt::Display for EditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that must be true in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigEdit {
    /// Stable name, unique inside the plan.
    pub id: EditId,
    /// The file and how to read it.
    pub file: Target,
    /// What must be true there.
    pub op: EditOp,
    /// Keys that the host writes because this edit is there; uninstall removes them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedKey>,
    /// One line for people, printed by `init --dry-run` and `doctor`.
    pub why: Cow<'static, str>,
}

/// A file to edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Absolute path. A symlink is followed and stays.
    pub path: PathBuf,
    /// How its bytes are read.
    pub format: Format,
    /// What to do when it is not there.
    #[serde(default)]
    pub create: Create,
    /// Permission bits of a file that we create. An existing file keeps its own.
    #[serde(default = "Target::default_mode")]
    pub mode: u32,
}

impl Target {
    const fn default_mode() -> u32 {
        0o600
    }

    /// A file that is created, readable by its owner only, when it is missing.
    pub fn new(path: impl Into<PathBuf>, format: Format) -> Self {
        Self { path: path.into(), format, create: Create::Yes, mode: Self::default_mode() }
    }

    /// The same file with other permission bits in case we create it.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same file, left alone when it is missing.
    #[must_use]
    pub fn existing_only(mut self) -> Self {
        self.create = Create::No;
        self
    }
}

/// How the bytes of a file are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Strict JSON: a comment or a trailing comma is a fault, as it is for the host that reads the file.
    Json,
    /// JSON with comments and trailing commas.
    Jsonc,
    /// JSON with comments, where a trailing comma is a fault all the same.
    #[serde(rename = "commented-json")]
    CommentedJson,
    /// TOML 1.0.
    Toml,
    /// UTF-8 text without structure.
    Text,
}

/// What to do when a target is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Create {
    /// Make the file, and its parent folders.
    #[default]
    Yes,
    /// Skip the edit.
    No,
}

/// What must be true in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EditOp {
    /// Exactly one element that `ours` recognises stands in the array at `at`, and it holds `value`.
    /// A new one goes to the end. Containers on the way are created.
    Item {
        /// Where the array is.
        at: KeyPath,
        /// The element.
        value: Value,
        /// How to find it again, in a file that others have edited.
        ours: Match,
        /// What stays behind when the element goes.
        #[serde(default)]
        on_remove: OnRemove,
    },
    /// The key at `at` holds `value`. Of an object, the members named in `value` are ours to set; members that the
    /// host or the user adds beside them are left alone until the whole key is removed.
    Key {
        /// Where the key is; the last part is the key itself.
        at: KeyPath,
        /// What it holds.
        value: Value,
        /// What to do if someone else's value is there.
        clash: Clash,
    },
    /// A whole file that is ours.
    File {
        /// Its content.
        text: Cow<'static, str>,
    },
    /// A block of lines between two fence lines, at the end of a text file that is someone else's.
    Block {
        /// The line before the block; must be unique to us.
        open: Cow<'static, str>,
        /// The line after the block.
        close: Cow<'static, str>,
        /// The lines between, without a final newline.
        text: Cow<'static, str>,
    },
}

/// The way to a value through nested objects or tables. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyPath(pub Vec<String>);

impl<const N: usize> From<[&str; N]> for KeyPath {
    fn from(parts: [&str; N]) -> Self {
        const { assert!(N > 0, "a key path names at least one key") };
        Self(parts.iter().map(|part| (*part).to_owned()).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
                f.write_str(part)?;
            } else {
                write!(f, "{part:?}")?;
            }
        }
        Ok(())
    }
}

/// Recognises an array element as ours, by a string inside it.
///
/// The way `at` leads from the element to the string. An [`Step::Each`] on it also says which inner elements are
/// ours, so that a foreign handler put into our group survives the removal of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The way from the element to the string; empty if the element itself is the string.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Step>,
    /// What the string must be.
    pub test: Test,
}

impl Match {
    /// The element is a string equal to `text`.
    pub fn scalar(text: impl Into<String>) -> Self {
        Self { at: Vec::new(), test: Test::Equals(text.into()) }
    }

    /// A string found at `at` passes `test`. Parts equal to `*` mean every element of an array.
    pub fn field(at: &[&str], test: Test) -> Self {
        let step = |part: &&str| if *part == "*" { Step::Each } else { Step::Key((*part).to_owned()) };
        Self { at: at.iter().map(step).collect(), test }
    }
}

/// One step of a [`Match`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Into the member of an object.
    Key(String),
    /// Into every element of an array.
    Each,
}

/// What a string must be to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Exactly this.
    Equals(String),
    /// Ends with this.
    EndsWith(String),
    /// Holds this somewhere: for guarded shell lines that name our program.
    Contains(String),
}

impl Test {
    /// Whether `text` passes.
    pub fn passes(&self, text: &str) -> bool {
        match self {
            Self::Equals(want) => text == want,
            Self::EndsWith(want) => text.ends_with(want.as_str()),
            Self::Contains(want) => text.contains(want.as_str()),
        }
    }
}

/// What stays in an array when our element goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRemove {
    /// Nothing.
    #[default]
    Drop,
    /// This inert value, if foreign elements stand after ours and the host knows them by position; else nothing.
    KeepPosition(Value),
}

/// What to do about a foreign value under our key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clash {
    /// Report it and change nothing.
    Refuse,
    /// Put ours in its place, and theirs back at uninstall.
    Replace,
    /// As [`Clash::Refuse`], for a value that anybody may have written: the very same value is theirs, and stays.
    Shared,
}

/// Keys in a host's file that the host itself derives from one of our edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivedKey {
    /// The file that holds them; never created on their account.
    pub file: Target,
    /// The object or table whose members they are.
    pub under: KeyPath,
    /// How their names begin.
    pub starts_with: Vec<KeyPart>,
}

/// A piece of a derived key's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPart {
    /// These characters.
    Text(String),
    /// The present position of the declaring edit's item in its array, counted from zero. If the item cannot be
    /// found there, the key is not ours to name and nothing is removed.
    Index,
}

/// What `doctor` has to say about one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which edit.
    pub edit: EditId,
    /// In which file.
    pub file: PathBuf,
    /// The edit's own line for people.
    pub why: String,
    /// What was found.
    pub state: State,
}

/// How an edit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// As planned.
    Present,
    /// Not there.
    Absent,
    /// There, but not as planned. Both are pretty-printed in JSON, or verbatim for text.
    Drifted {
        /// What the plan wants.
        want: String,
        /// What the file holds.
        have: String,
    },
    /// Someone else's value, or a value of the wrong type, is in the way.
    Clash {
        /// The sentence of the error that `init` would give.
        problem: String,
    },
    /// The file cannot be read or parsed.
    Unreadable {
        /// Stable code of the error.
        code: &'static str,
        /// The sentence of the error.
        problem: String,
    },
    /// In the ledger, no longer in the plan.
    Orphaned,
}
