//! Nudges: texts that start a turn in an idle session and carry nothing else. Bodies come with the hook of that turn.

use std::fmt;
use std::str::FromStr;

const BEGIN: &str = "[session-bridge wake ";
const END: &str = ", else call bridge_list_inbox.";
/// Longest prompt, as JSON, that can be one.
const MAX_JSON: usize = 200;
/// Longest notification of a host, as JSON, that can hold one.
const MAX_NOTIFICATION: usize = 4_000;
const ID_CHARS: usize = 6;

/// Names one wake: six letters and digits, so that a late nudge is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeId(String);

impl WakeId {
    /// A fresh id.
    pub fn generate() -> Self {
        let ulid = ulid::Ulid::generate().to_string();
        // The end of a ULID is its random part.
        Self(ulid.chars().skip(ulid.len() - ID_CHARS).collect())
    }

    /// As it stands in the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WakeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is no wake id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no wake id")]
pub struct BadWakeId(String);

impl FromStr for WakeId {
    type Err = BadWakeId;

    fn from_str(text: &str) -> Result<Self, BadWakeId> {
        let plain =
            text.len() == ID_CHARS && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if plain { Ok(Self(text.to_owned())) } else { Err(BadWakeId(text.chars().take(40).collect())) }
    }
}

/// What a door carries: which wake it is, and how many messages wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nudge {
    /// The wake.
    pub wake: WakeId,
    /// How many messages wait that may start a turn.
    pub count: usize,
}

impl Nudge {
    /// The text for the model.
    pub fn text(&self) -> String {
        let (wake, count) = (&self.wake, self.count);
        if count == 1 {
            format!("{BEGIN}{wake}] 1 message waits; it stands beside this prompt{END}")
        } else {
            format!("{BEGIN}{wake}] {count} messages wait; they stand beside this prompt{END}")
        }
    }

    /// The nudge that is the whole of a prompt, given as the JSON of a hook's payload. Looks at a few bytes only,
    /// however long the prompt is.
    pub fn in_json(json: &str) -> Option<Self> {
        if json.len() > MAX_JSON || !json.contains(BEGIN) {
            return None;
        }
        Self::parse(&serde_json::from_str::<String>(json).ok()?)
    }

    /// The nudge that stands somewhere in a prompt of the host's own, given as JSON. A person's prompt is not looked at
    /// like this.
    pub fn within_json(json: &str) -> Option<Self> {
        if json.len() > MAX_NOTIFICATION {
            return None;
        }
        let from = &json[json.find(BEGIN)?..];
        Self::parse(&from[..from.find(END)? + END.len()])
    }

    fn parse(prompt: &str) -> Option<Self> {
        let prompt = prompt.trim();
        let (wake, rest) = prompt.strip_prefix(BEGIN)?.split_once("] ")?;
        let count = rest.split(' ').next()?.parse().ok()?;
        let nudge = Self { wake: wake.parse().ok()?, count };
        (nudge.text() == prompt).then_some(nudge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn a_nudge_is_known_again() {
        for count in [0, 1, 2, 20] {
            let nudge = Nudge { wake: WakeId::generate(), count };
            assert_eq!(Nudge::in_json(&json(&nudge.text())), Some(nudge.clone()));
            assert_eq!(Nudge::in_json(&json(&format!("{}\n", nudge.text()))), Some(nudge));
        }
    }

    #[test]
    fn a_nudge_in_a_notification_is_found() {
        let nudge = Nudge { wake: WakeId::generate(), count: 3 };
        let text = format!("<task-notification>\n<x>\"{}\" {{}}</x>", nudge.text());
        assert_eq!(Nudge::within_json(&json(&text)), Some(nudge));
        assert_eq!(Nudge::within_json(&json("<task-notification>[session-bridge wake ")), None);
        assert_eq!(Nudge::within_json(&json(&text.repeat(100))), None);
    }

    #[test]
    fn what_a_person_adds_makes_it_their_prompt() {
        let text = Nudge { wake: WakeId::generate(), count: 1 }.text();
        for prompt in
            [format!("{text} And tidy up."), format!("hello {text}"), text.replace('1', "one"), String::new()]
        {
            assert_eq!(Nudge::in_json(&json(&prompt)), None, "{prompt}");
        }
        assert_eq!(Nudge::in_json(&json(&"x".repeat(1_000_000))), None);
        assert_eq!(Nudge::in_json("{}"), None);
    }
}
