//! What can go wrong with the store, what the caller can do about it, and the stable codes.

use std::io;
use std::path::PathBuf;

use session_bridge_core::id::{MessageId, SessionId};

use crate::sending::decline::MAX_REASON_CHARS;
/// The library's answer where the file that readers and writers share cannot grow: with a full disk, or a broken one.
const NO_ROOM_TO_SHARE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Ask for something else.
    Usage,
    /// Try again later.
    Busy,
    /// Repair the store: `session-bridge doctor`.
    Damaged,
    /// Upgrade this program.
    Newer,
    /// Look at the disk or its permissions.
    Io,
}

/// A store operation failed; nothing was half-written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Reading or writing a file failed.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The database did not become free in time.
    #[error("the store is busy")]
    Busy,
    /// The database's bytes are damaged.
    #[error("the store {path} is damaged: {detail}")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the library says.
        detail: String,
    },
    /// The store was set aside while this message was written to it; the message comes back with the rest.
    #[error("message {0} was written to a store that was set aside meanwhile")]
    SetAside(MessageId),
    /// The database was written by a newer version.
    #[error("the store has format {found}, this version writes format {known}")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest that this version writes.
        known: i64,
    },
    /// The database lacks something that every database of this version has.
    #[error("the store lacks what this version reads: {0}")]
    Unreadable(#[source] rusqlite::Error),
    /// The folder holds a predecessor's files.
    #[error("{path} holds the files of another program ({sign})")]
    ForeignLayout {
        /// The folder.
        path: PathBuf,
        /// What gave it away.
        sign: &'static str,
    },
    /// The disk is full.
    #[error("no space left for the store {path}")]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Any other answer of the library.
    #[error("the store failed: {0}")]
    Database(#[source] rusqlite::Error),
    /// No such message in this store.
    #[error("there is no message {0}")]
    NoMessage(MessageId),
    /// No such message in this store, or nothing of it for this session; read ones of its age were removed, and whether it was one of
    /// them, nothing tells.
    #[error("message {0} is not here, or not any more: read mail of its age was cleared away")]
    Collected(MessageId),
    /// No such session in this store.
    #[error("there is no session {0}")]
    NoSession(SessionId),
    /// The message is neither to nor from this session.
    #[error("message {0} is not addressed to this session")]
    NotYours(MessageId),
    /// The message was not shown to this session yet.
    #[error("message {0} was not shown to this session yet")]
    NotShown(MessageId),
    /// The message went out already.
    #[error("message {0} has already reached a session")]
    AlreadyOut(MessageId),
    /// A body of the message is on its way to the session's model right now.
    #[error("message {0} is being put before the session just now")]
    UnderWay(MessageId),
    /// The recipient's user does not want mail from this sender.
    #[error("`{0}` takes no messages from this sender: its user blocked it")]
    Blocked(String),
    /// The reason for declining is over its limit.
    #[error("the reason has {0} characters; at most {MAX_REASON_CHARS} fit")]
    ReasonTooLong(usize),
    /// The recipient declined, or the message failed; it cannot be answered any more; or what became of it cannot be declined.
    #[error("message {0} is closed ({1})")]
    Closed(MessageId, &'static str),
}

impl StoreError {
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy | Self::SetAside(_) | Self::UnderWay(_) => ErrorKind::Busy,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Newer { .. } | Self::Unreadable(_) => ErrorKind::Newer,
            Self::Io { .. } | Self::Full { .. } | Self::Database(_) => ErrorKind::Io,
            _ => ErrorKind::Usage,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store_io",
            Self::Busy => "store_busy",
            Self::Damaged { .. } => "store_damaged",
            Self::SetAside(_) => "store_set_aside",
            Self::Newer { .. } => "store_newer",
            Self::Unreadable(_) => "store_unreadable",
            Self::ForeignLayout { .. } => "foreign_layout",
            Self::Full { .. } => "store_full",
            Self::Database(_) => "store_failed",
            Self::NoMessage(_) => "unknown_message",
            Self::Collected(_) => "message_collected",
            Self::NoSession(_) => "unknown_session",
            Self::NotYours(_) => "not_your_message",
            Self::NotShown(_) => "not_shown_yet",
            Self::AlreadyOut(_) => "already_out",
            Self::UnderWay(_) => "under_way",
            Self::Blocked(_) => "blocked",
            Self::ReasonTooLong(_) => "reason_too_long",
            Self::Closed(..) => "message_closed",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Database(_) => {
                "check the folder's permissions and free space, then run `session-bridge doctor`"
            }
            Self::Busy => "try again: another process was writing to it all the time",
            Self::Damaged { .. } => {
                "run `session-bridge doctor --fix`: it sets the file aside and salvages what reads"
            }
            Self::SetAside(_) => {
                "do not send it again: `session-bridge doctor --fix` salvages it with the rest and delivers it"
            }
            Self::Unreadable(_) => {
                "if a newer session-bridge was installed, restart this session; if not, run `session-bridge doctor --fix`"
            }
            Self::Newer { .. } => {
                "nothing was changed; restart this session, so that its host starts the session-bridge that is \
                 installed now, and upgrade any older one that you run yourself"
            }
            Self::ForeignLayout { .. } => {
                "set SESSION_BRIDGE_HOME to another folder, or move that folder away first"
            }
            Self::Full { .. } => "free some disk space; nothing was stored and nothing was lost",
            Self::NoMessage(_) => "take the id from `bridge_list_inbox` or `session-bridge inbox`",
            Self::Collected(_) => {
                "read mail is kept for `limits.retention_days` days; to go on about it, send a new message"
            }
            Self::NoSession(_) => "take the id from `bridge_list_sessions` or `session-bridge list-sessions`",
            Self::NotYours(_) => "use an id from your own inbox",
            Self::NotShown(_) => "read it first",
            Self::AlreadyOut(_) => "send a correction instead",
            Self::UnderWay(_) => "try again in a moment, or once its turn has ended",
            Self::Blocked(_) => "nothing was stored; `session-bridge block` lists who is blocked",
            Self::ReasonTooLong(_) => "say it in a line; a reply has room for more",
            Self::Closed(..) => "its receipts say what became of it; to say more, send a new message",
        }
    }
}

/// Whether this is about the file that readers and writers share: it cannot grow, or it cannot be looked at.
pub(crate) fn lacks_room_to_share(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == NO_ROOM_TO_SHARE)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        // Statements fit the tables of their own version: another one made these, or bytes are damaged.
        let said = error.to_string();
        if said.contains("no such column") || said.contains("no such table") {
            return Self::Unreadable(error);
        }
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::Damaged { path: PathBuf::new(), detail: error.to_string() }
            }
            Some(Code::DiskFull) => Self::Full { path: PathBuf::new() },
            _ => Self::Database(error),
        }
    }
}
