//! What a host tells a hook, in neutral words, and what the hook answers.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::id::AttemptId;
use crate::nudge::Nudge;

/// The moments of a host's life that a provider can map its own events to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Moment {
    /// A conversation starts, is resumed, cleared or compacted.
    SessionStart,
    /// The user, or a nudge, submits a prompt.
    PromptSubmit,
    /// The model hands work to a subagent whose events the host does not mark: until its tool call is over, no event tells
    /// whether it is the session's own.
    BeforeSubagent,
    /// The host is about to put a request to its model, and a text of ours stands in it: [`HookEvent::echo`] says which.
    ModelRequest,
    /// The host waited for one tool call, or one batch of them, and goes on.
    AfterTool,
    /// The model ended its turn.
    TurnEnd,
    /// The user interrupted the turn.
    Interrupt,
    /// The conversation's process is about to end.
    SessionEnd,
    /// A file changed that the host watches for us: the bell. Our answer may start a turn, if nobody else does.
    Doorbell,
}

impl Moment {
    /// The name used in receipts and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionStart => "session-start",
            Self::PromptSubmit => "prompt",
            Self::BeforeSubagent => "before-subagent",
            Self::ModelRequest => "model-request",
            Self::AfterTool => "after-tool",
            Self::TurnEnd => "turn-end",
            Self::Interrupt => "interrupt",
            Self::SessionEnd => "session-end",
            Self::Doorbell => "doorbell",
        }
    }
}

/// Why a conversation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// A new conversation.
    #[default]
    Fresh,
    /// An earlier conversation goes on.
    Resumed,
    /// The context was emptied by the user.
    Cleared,
    /// The context was summarised.
    Compacted,
    /// A copy of an earlier conversation goes its own way.
    Forked,
}

impl Start {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Resumed => "resumed",
            Self::Cleared => "cleared",
            Self::Compacted => "compacted",
            Self::Forked => "forked",
        }
    }

    /// Reads the word back; what is not known is a new conversation.
    pub fn from_word(word: &str) -> Self {
        match word {
            "resumed" => Self::Resumed,
            "cleared" => Self::Cleared,
            "compacted" => Self::Compacted,
            "forked" => Self::Forked,
            _ => Self::Fresh,
        }
    }
}

/// Raw material of one hook run.
#[derive(Debug, Clone, Copy)]
pub struct HookCall<'a> {
    /// The host's own event name, as configured.
    pub event: &'a str,
    /// Standard input, whole.
    pub stdin: &'a [u8],
}

/// A string of a payload, borrowed where it holds no escapes. Serde borrows a bare `Cow`, but not one in an `Option`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    /// The string, unless it is empty: hosts write an absent id either way.
    pub fn filled(self) -> Option<Cow<'a, str>> {
        Some(self.0).filter(|text| !text.is_empty())
    }

    /// The string as a folder, if it is an absolute path.
    pub fn folder(self) -> Option<Cow<'a, Path>> {
        let path = match self.0 {
            Cow::Borrowed(text) => Cow::Borrowed(Path::new(text)),
            Cow::Owned(text) => Cow::Owned(text.into()),
        };
        path.is_absolute().then_some(path)
    }
}

/// One event of a host, neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct HookEvent<'a> {
    /// What happened.
    pub moment: Moment,
    /// The host's own name for it; encoders repeat it in their reply.
    pub name: Cow<'a, str>,
    /// The host's own session or thread id.
    pub native: Cow<'a, str>,
    /// The turn that the event belongs to, where the host names turns. Where it names none, a turn lies between a prompt
    /// and the next, and the store names it after the event that began it.
    pub turn: Option<Cow<'a, str>>,
    /// For [`Moment::PromptSubmit`] and [`Moment::TurnEnd`] of a host whose other events do not name the turn: what was asked in it, the
    /// same at both. The host's id of the prompt, or its words as they stand in the payload.
    pub asked: Option<Cow<'a, str>>,
    /// Ids of the tool calls that the event reports. Where the host has none, the fences in the result of a call of ours:
    /// see [`fences`](crate::frame::fences).
    pub tool_calls: Vec<Cow<'a, str>>,
    /// What tells the event from the next of its name where turn and calls do not, such as the host's time of it.
    pub stamp: Option<Cow<'a, str>>,
    /// The session's current folder.
    pub cwd: Option<Cow<'a, Path>>,
    /// What calls of this session will name besides it, where a plugin of ours says so in a call's arguments
    /// ([`identity::Claim`](crate::identity::Claim)).
    pub nonce: Option<Cow<'a, str>>,
    /// The subagent that the event comes from: it owns no inbox.
    pub subagent: Option<Cow<'a, str>>,
    /// For [`Moment::AfterTool`]: the call that it reports was one of [`Moment::BeforeSubagent`].
    pub subagent_done: bool,
    /// For [`Moment::PromptSubmit`]: the nudge of ours that is the whole prompt.
    pub nudge: Option<Nudge>,
    /// For [`Moment::PromptSubmit`]: the attempt of ours whose text the prompt is. Then no turn begins: one goes on. For
    /// [`Moment::ModelRequest`]: the attempt whose text stands in the request.
    pub echo: Option<AttemptId>,
    /// For [`Moment::PromptSubmit`]: no person wrote it. The host did, to tell of something that ended in the background.
    pub by_host: bool,
    /// For [`Moment::SessionStart`]: why.
    pub start: Start,
    /// For [`Moment::SessionEnd`]: the same process goes on with the same session in a new conversation. Not so when
    /// it goes on with another session, as after a resume from within.
    pub continues: bool,
    /// For [`Moment::TurnEnd`]: the turn had ended before, and a hook's answer made it go on.
    pub continued: bool,
    /// For [`Moment::TurnEnd`]: the model's last words, or all of its words in this turn, as they stand in the payload,
    /// undecoded.
    pub said: Option<&'a str>,
}

impl<'a> HookEvent<'a> {
    /// An event that says nothing but what it is and whose.
    pub fn of(moment: Moment, name: Cow<'a, str>, native: Cow<'a, str>) -> Self {
        Self {
            moment,
            name,
            native,
            turn: None,
            asked: None,
            tool_calls: Vec::new(),
            stamp: None,
            cwd: None,
            nonce: None,
            subagent: None,
            subagent_done: false,
            nudge: None,
            echo: None,
            by_host: false,
            start: Start::Fresh,
            continues: false,
            continued: false,
            said: None,
        }
    }
}

impl HookEvent<'_> {
    /// The event's identity within its session: the same identity twice is one event. A turn that goes on ends more than
    /// once; its later ends are told apart by what the model said. Where it said the same again, they count as one,
    /// which proves less and never too much.
    pub fn identity(&self) -> String {
        let mut out = self.name.to_string();
        for part in self.turn.iter().chain(&self.tool_calls).chain(&self.stamp) {
            out.push('/');
            out.push_str(part);
        }
        if self.continued {
            let _ = write!(out, "/active/{:016x}", fingerprint(self.said.unwrap_or_default()));
        }
        out
    }
}

/// FNV-1a: the same in every release, since identities are stored.
pub fn fingerprint(text: impl AsRef<[u8]>) -> u64 {
    text.as_ref().iter().copied().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A host's bytes could not be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not the JSON that this host sends.
    #[error("the payload of `{event}` is not what this host sends: {source}")]
    Malformed {
        /// The event as configured.
        event: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The payload lacks a field without which nothing can be delivered.
    #[error("the payload of `{event}` has no usable `{field}`")]
    Missing {
        /// The event as configured.
        event: String,
        /// The field.
        field: &'static str,
    },
    /// The payload is of another event than the entry was made for.
    #[error("configured for `{event}`, but the payload is of `{payload}`")]
    OtherEvent {
        /// The event as configured.
        event: String,
        /// The event that the payload names.
        payload: String,
    },
    /// An event that this provider does not handle.
    #[error("the event `{0}` is not one of this provider's")]
    UnknownEvent(String),
}

/// What the bridge wants to happen, before a provider puts it into its host's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Nothing.
    Silent,
    /// Text to be put before the model.
    Context(&'a str),
    /// The same at a session's start, and a file that the host is to watch for us (see [`Moment::Doorbell`]).
    Watch {
        /// The text.
        text: &'a str,
        /// The file's absolute path.
        file: &'a str,
    },
    /// A prompt that is not to reach the model, and why, for the person. Text for the model where the host cannot
    /// drop a prompt.
    Drop(&'a str),
    /// The turn goes on with this text instead of ending.
    KeepGoing(&'a str),
}

impl<'a> Reply<'a> {
    /// The reply that puts `text` before the model at `moment`.
    pub const fn carrying(moment: Moment, text: &'a str) -> Self {
        match moment {
            Moment::TurnEnd => Self::KeepGoing(text),
            _ => Self::Context(text),
        }
    }
}

/// A hook's answer to its host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostOutput {
    /// Bytes for standard output, written at once.
    pub stdout: Vec<u8>,
    /// Exit status.
    pub exit: u8,
}
