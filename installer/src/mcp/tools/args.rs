//! What the tools take. Field comments are what models read.

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct None {}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSessions {
    /// Also those that ended
    #[serde(default)]
    pub(super) ended: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Urgency {
    Low,
    Normal,
    High,
}

impl From<Urgency> for session_bridge_core::message::Urgency {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Low => Self::Low,
            Urgency::Normal => Self::Normal,
            Urgency::High => Self::High,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    /// Label, role, id (6+ characters), cwd:/path or repo:name
    pub(super) to: String,
    pub(super) body: String,
    pub(super) subject: Option<String>,
    /// note (default), question, result, status, handoff, lock, unlock, or a word of your own
    pub(super) kind: Option<String>,
    pub(super) urgency: Option<Urgency>,
    /// Seconds it may wait unread
    pub(super) expires_in: Option<u32>,
    /// Among several that fit, the one seen last
    #[serde(default)]
    pub(super) newest: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Broadcast {
    pub(super) body: String,
    pub(super) subject: Option<String>,
    /// Default note
    pub(super) kind: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// Label, role or id
    pub(super) to: Option<String>,
    pub(super) question: Option<String>,
    pub(super) subject: Option<String>,
    /// Go on waiting for this one
    pub(super) question_id: Option<String>,
    /// Seconds to wait, 1-280; default 90
    pub(super) timeout: Option<u32>,
    /// Seconds it may wait unread
    pub(super) expires_in: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// Id of the message that you answer
    pub(super) message_id: String,
    pub(super) body: String,
    pub(super) subject: Option<String>,
    /// Default: answer to a question, else note
    pub(super) kind: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decline {
    pub(super) message_id: String,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum View {
    #[default]
    Unread,
    All,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListInbox {
    /// Default unread
    #[serde(default)]
    pub(super) view: View,
    /// Newest so many; default 20
    pub(super) limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ids {
    /// Message ids
    pub(super) ids: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Only from this session
    pub(super) from: Option<String>,
    /// Only of this kind
    pub(super) kind: Option<String>,
    /// Only of the thread that this message id began
    pub(super) thread: Option<String>,
    /// Seconds to wait, 1-280; default 90
    pub(super) timeout: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Receipts {
    pub(super) message_id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    /// At most 200 characters; empty removes it
    pub(super) summary: String,
}
