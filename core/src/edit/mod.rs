//! Pure editors: bytes in, bytes out.
//!
//! `ops` says what an edit means on any structured text; `jsonc` and `toml` know four primitives each and carry
//! them out as insertions and deletions in the original characters; `draft` holds them to their word. `text` and
//! `file` do the same for blocks and whole files.

mod draft;
mod envelope;
mod error;
mod file;
mod jsonc;
pub(crate) mod ops;
mod recognise;
mod seq;
mod text;
mod toml;

use serde_json::Value;

pub use error::ConfigError;

use crate::plan::Format;

/// One step into a structured text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seg {
    Key(String),
    Index(usize),
}

/// Why a text cannot be edited. [`ConfigError`] adds the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Unparsable {
        line: usize,
        column: usize,
        reason: String,
    },
    Clash {
        at: String,
        problem: String,
    },
    /// The change could not be made as meant: a shape that the editor does not master, or a fault of ours.
    Lost,
}

impl Fault {
    fn at(text: &str, offset: usize, reason: &str) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before[envelope::line_start(text, offset)..].chars().count() + 1;
        Self::Unparsable { line, column, reason: reason.to_owned() }
    }

    fn clash(path: &[Seg], problem: &str) -> Self {
        let mut at = String::new();
        for seg in path {
            match seg {
                Seg::Key(key) if at.is_empty() => at.push_str(key),
                Seg::Key(key) => at = format!("{at}.{key}"),
                Seg::Index(index) => at = format!("{at}[{index}]"),
            }
        }
        let at = if at.is_empty() { "the top level".to_owned() } else { at };
        Self::Clash { at, problem: problem.to_owned() }
    }

    /// The error for a file.
    pub(crate) fn in_file(self, path: &std::path::Path) -> ConfigError {
        let path = path.to_owned();
        match self {
            Self::Unparsable { line, column, reason } => {
                ConfigError::Unparsable { path, line, column, reason }
            }
            Self::Clash { at, problem } => ConfigError::Clash { path, at, problem },
            Self::Lost => ConfigError::Guard { path },
        }
    }
}

/// The primitives of a structured format, on text. A path that leads nowhere is [`Fault::Lost`].
pub(crate) trait Syntax {
    /// What the text means. A blank text is an empty object.
    fn parse(&self, text: &str) -> Result<Value, Fault>;
    /// Adds a member, after those that are there, to the object at `parent`.
    fn insert(&self, text: &str, parent: &[Seg], key: &str, value: &Value) -> Result<String, Fault>;
    /// Adds an element, after those that are there, to the array at `array`.
    fn push(&self, text: &str, array: &[Seg], value: &Value) -> Result<String, Fault>;
    /// Puts another value in the place of the one at `path`.
    fn replace(&self, text: &str, path: &[Seg], value: &Value) -> Result<String, Fault>;
    /// Whether the text holds a top-level value in so many characters, `{}` at least.
    fn has_root(&self, text: &str) -> bool;
    /// Takes out the member or element at `path`, or with an empty path the top-level value.
    fn remove(&self, text: &str, path: &[Seg]) -> Result<String, Fault>;
}

/// The syntax of a format, if it has a structure.
pub(crate) fn syntax(format: Format) -> Option<&'static dyn Syntax> {
    match format {
        Format::Json => Some(&jsonc::Jsonc { comments: false, trailing_commas: false }),
        Format::Jsonc => Some(&jsonc::Jsonc { comments: true, trailing_commas: true }),
        Format::CommentedJson => Some(&jsonc::Jsonc { comments: true, trailing_commas: false }),
        Format::Toml => Some(&toml::Toml),
        Format::Text => None,
    }
}

/// What the bytes of a structured file mean; nothing if they do not parse.
pub fn value(bytes: &[u8], format: Format) -> Option<Value> {
    let (_, text) = envelope::Envelope::open(bytes).ok()?;
    syntax(format)?.parse(text).ok()
}

/// What a file's bytes mean; of plain text, and of what does not parse, the text itself.
#[cfg(feature = "preview")]
pub(crate) fn meaning(bytes: &[u8], format: Format) -> Value {
    let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
    value(bytes, format).unwrap_or_else(text)
}
