//! Messages: kinds, limits, and who wrote them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Largest subject in characters.
pub const MAX_SUBJECT_CHARS: usize = 200;

/// What a message is for. Unknown kinds are kept as they are and never wake anybody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Information.
    Note,
    /// Wants an answer.
    Question,
    /// Answers a question.
    Answer,
    /// The outcome of work that was asked for.
    Result,
    /// Progress; never wakes.
    Status,
    /// Somebody works on something exclusively.
    Lock,
    /// The lock is over.
    Unlock,
    /// Work goes over to the recipient.
    Handoff,
    /// From the bridge itself; never wakes.
    System,
    /// Any other word.
    Other(String),
}

impl Kind {
    /// The kinds with a meaning of their own, except `system`, which nobody can send.
    pub const SENDABLE: &'static [&'static str] =
        &["note", "question", "answer", "result", "status", "lock", "unlock", "handoff"];

    /// The word on the wire and in the store.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Note => "note",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Result => "result",
            Self::Status => "status",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Handoff => "handoff",
            Self::System => "system",
            Self::Other(word) => word,
        }
    }

    /// Whether a message of this kind may start a turn in an idle session, or make one go on that would end.
    pub fn wakes(&self) -> bool {
        matches!(self, Self::Note | Self::Question | Self::Answer | Self::Result | Self::Handoff)
    }
}

impl From<&str> for Kind {
    fn from(word: &str) -> Self {
        match word {
            "note" => Self::Note,
            "question" => Self::Question,
            "answer" => Self::Answer,
            "result" => Self::Result,
            "status" => Self::Status,
            "lock" => Self::Lock,
            "unlock" => Self::Unlock,
            "handoff" => Self::Handoff,
            "system" => Self::System,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// How pressing a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Whenever it fits.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// The sender presses; what waits keeps the order of sending all the same.
    High,
}

impl Urgency {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// Reads the word back; what is not known is normal.
    pub fn from_word(word: &str) -> Self {
        match word {
            "low" => Self::Low,
            "high" => Self::High,
            _ => Self::Normal,
        }
    }
}

/// How a message came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// A session called a tool.
    Session,
    /// A person or script used the command line.
    CommandLine,
    /// The bridge itself.
    System,
}

impl Via {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::CommandLine => "command-line",
            Self::System => "system",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Self {
        match word {
            "command-line" => Self::CommandLine,
            "system" => Self::System,
            _ => Self::Session,
        }
    }
}

/// Why a message cannot be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadMessage {
    /// Nothing to say.
    #[error("the message has no text")]
    Empty,
    /// The body is over the limit.
    #[error("the body has {bytes} bytes; a message carries at most {most}")]
    BodyTooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The subject is over the limit.
    #[error("the subject has {0} characters; at most {MAX_SUBJECT_CHARS} fit")]
    SubjectTooLong(usize),
    /// `system`, or a word outside the name grammar.
    #[error("`{0}` is not a kind that can be sent; use one of {list} or a word of your own", list = Kind::SENDABLE.join(", "))]
    BadKind(String),
}

impl BadMessage {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::SubjectTooLong(_) => "subject_too_long",
            Self::BadKind(_) => "bad_kind",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Empty => "give the text as an argument, with --body-file, or on standard input",
            Self::BodyTooLarge { .. } => {
                "write the text to a file both sessions can read and send its path, or send several messages"
            }
            Self::SubjectTooLong(_) => "put the details into the body",
            Self::BadKind(_) => "`note` is right for most messages",
        }
    }
}

/// Checks what a sender gives: the body, which is kept byte for byte, has `most` bytes at most.
pub fn check(kind: &str, subject: Option<&str>, body: &str, most: usize) -> Result<Kind, BadMessage> {
    if body.trim().is_empty() {
        return Err(BadMessage::Empty);
    }
    if body.len() > most {
        return Err(BadMessage::BodyTooLarge { bytes: body.len(), most });
    }
    if let Some(subject) = subject {
        let count = subject.chars().count();
        if count > MAX_SUBJECT_CHARS {
            return Err(BadMessage::SubjectTooLong(count));
        }
    }
    match Kind::from(kind) {
        Kind::System => Err(BadMessage::BadKind(kind.to_owned())),
        Kind::Other(word) => match word.parse::<Name>() {
            // What the bridge itself says is of that kind, and a reader would not see the difference.
            Ok(name) if !name.looks_like(Kind::System.as_str()) => Ok(Kind::Other(word)),
            _ => Err(BadMessage::BadKind(word)),
        },
        kind => Ok(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sends_as_the_system() {
        for kind in ["system", "System", "s\u{443}stem", "a b", ""] {
            assert!(matches!(check(kind, None, "x", 9), Err(BadMessage::BadKind(_))), "{kind}");
        }
        assert_eq!(check("system-design", None, "x", 9).unwrap().as_str(), "system-design");
    }
}
