//! What was done, and what was found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Figures of some worlds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Worlds from this number on.
    pub from: u64,
    /// Before this one.
    pub to: u64,
    /// Messages for one recipient each, counted per recipient.
    pub deliveries: u64,
    /// Events that hosts told.
    pub events: u64,
    /// Receipts that were held against the truth.
    pub receipts: u64,
    /// Notices to senders that something expired.
    pub notices: u64,
    /// Of what expired while its sender had no process: told with the sender's first event afterwards.
    pub late_notices: u64,
    /// Deliveries by the state that they were in when their world ended.
    pub states: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Receipts that are wrong in a way that `docs/limitations.md` names.
    pub known: BTreeMap<String, u64>,
    /// Seconds that it took.
    pub seconds: u64,
    /// What went wrong.
    pub findings: Vec<String>,
}

impl Tally {
    /// Adds another part of the same run.
    pub fn add(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.events += other.events;
        self.receipts += other.receipts;
        self.notices += other.notices;
        self.late_notices += other.late_notices;
        for (mine, others) in [
            (&mut self.states, other.states),
            (&mut self.faults, other.faults),
            (&mut self.known, other.known),
        ] {
            for (name, count) in others {
                *mine.entry(name).or_default() += count;
            }
        }
        self.findings.extend(other.findings);
    }

    pub(crate) fn fault(&mut self, name: &str) {
        *self.faults.entry(name.to_owned()).or_default() += 1;
    }
}
