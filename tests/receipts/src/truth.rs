//! What really happened, kept by the simulated hosts.

use std::collections::{BTreeMap, HashMap};

use session_bridge_core::id::MessageId;
use session_bridge_store::State;

/// Counts what happens in a world, one after the other; no clock changes it.
pub(crate) type Tick = u64;

/// What became of one message for one recipient. Each is the first time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fact {
    /// Its body left the bridge whole and in time, or stood in a result that was written.
    pub(crate) written: Option<Tick>,
    /// The body was taken by the host, from automatic surfaces, so often.
    pub(crate) taken: u32,
    /// The host put the result of a call that holds the body into its conversation.
    pub(crate) held: Option<Tick>,
    /// The body stood in a request to the model.
    pub(crate) request: Option<Tick>,
    /// The model put out something after that.
    pub(crate) output: Option<Tick>,
    /// Its id stood in a request, with the body or without.
    pub(crate) id_shown: Option<Tick>,
    /// How often its id was put out, whatever the host made of it.
    pub(crate) mentioned: u32,
    /// An event of another turn may have been taken for one of its own.
    pub(crate) excused: bool,
    /// A door took a nudge for it.
    pub(crate) nudged: Option<Tick>,
    /// The recipient's reply was stored.
    pub(crate) answered: Option<Tick>,
    /// The recipient declined.
    pub(crate) declined: Option<Tick>,
    /// Withdrawn by its sender.
    pub(crate) cancelled: Option<Tick>,
    /// A run of the hook or a call that may have carried it has an end that nobody knows yet.
    pub(crate) unsettled: bool,
    /// The server that had it for a result died before it could say what it wrote.
    pub(crate) cut_off: bool,
    /// The state that a sender was shown last.
    pub(crate) told: Option<State>,
}

/// When a message ends by itself.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    pub(crate) wall: i64,
    pub(crate) boot: String,
    pub(crate) up: i64,
}

/// A message that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    /// Index of the session that sent it.
    pub(crate) sender: usize,
    pub(crate) question: bool,
    pub(crate) deadline: Option<Deadline>,
    /// By recipient's index.
    pub(crate) facts: BTreeMap<usize, Fact>,
    /// A notice that it expired was stored for the sender.
    pub(crate) notice: Option<MessageId>,
}

/// All messages of a world, by id as well.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) sent: Vec<Sent>,
    pub(crate) by_id: HashMap<MessageId, usize>,
}

impl Ledger {
    pub(crate) fn add(&mut self, sent: Sent) {
        self.by_id.insert(sent.id, self.sent.len());
        self.sent.push(sent);
    }

    /// An event of a turn is told to a session that never heard that the one before was over.
    pub(crate) fn excuse(&mut self, recipient: usize) {
        for sent in &mut self.sent {
            if let Some(fact) = sent.facts.get_mut(&recipient).filter(|fact| fact.output.is_none()) {
                fact.excused = true;
            }
        }
    }

    pub(crate) fn fact(&mut self, id: MessageId, recipient: usize) -> Option<&mut Fact> {
        let at = *self.by_id.get(&id)?;
        self.sent[at].facts.get_mut(&recipient)
    }
}

const BODY: &str = "BODY(";
const ID_CHARS: usize = 26;

/// A body that is found again wherever it stands, with something behind it.
pub(crate) fn body(id: MessageId, filler: usize) -> String {
    format!("{BODY}{id}) {}", "x".repeat(filler))
}

/// The messages whose whole body stands in a text.
pub(crate) fn bodies(text: &str) -> Vec<MessageId> {
    let after = text.match_indices(BODY).map(|(at, _)| &text[at + BODY.len()..]);
    after.filter_map(|rest| rest.get(..ID_CHARS)?.parse().ok()).collect()
}

/// Every message id in a text.
pub(crate) fn ids(text: &str) -> Vec<MessageId> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() == ID_CHARS).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_from_a_mention() {
        let (one, two) = (MessageId::generate(), MessageId::generate());
        let text = format!("- id=\"{two}\" waits\n{}\nend", body(one, 3));
        assert_eq!(bodies(&text), [one]);
        assert_eq!(ids(&text), [two, one]);
    }
}
