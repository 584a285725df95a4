//! Loops: agents that always answer stop by themselves ([`polite`]), and honest work that is handed on is not stopped
//! ([`recorded`]). Both make the calls of the real hooks and servers to the real store, with the real providers' cards
//! and a clock that stands still until it is moved, so that hours of waiting take no time.

mod agents;
pub mod polite;
pub mod recorded;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use self::polite::Company;
use self::recorded::{Chain, Replayed};

/// One row of the results.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Row {
    /// Polite agents.
    Polite(Company),
    /// A recorded chain.
    Recorded(Replayed),
}

impl Row {
    /// What must not be.
    pub fn findings(&self) -> &[String] {
        match self {
            Self::Polite(company) => &company.findings,
            Self::Recorded(replayed) => &replayed.findings,
        }
    }
}

/// What makes one row.
#[derive(Debug)]
pub enum Work {
    /// So many agents, the first company's number, and how many companies.
    Polite(usize, u64, u64),
    /// A chain to replay.
    Recorded(Chain),
}

impl Work {
    /// Does it.
    pub fn run(&self, seed: u64) -> Result<Row> {
        Ok(match self {
            Self::Polite(agents, first, count) => {
                Row::Polite(polite::companies(*agents, seed, *first, *count)?)
            }
            Self::Recorded(chain) => Row::Recorded(recorded::replay(chain)?),
        })
    }
}

/// Everything: as many companies of two, of three and of five agents, and the recorded chains.
pub fn work(companies: u64, per_row: u64) -> Result<Vec<Work>> {
    let mut all: Vec<Work> = recorded::chains(recorded::HANDOFFS)?.into_iter().map(Work::Recorded).collect();
    for first in (0..companies).step_by(usize::try_from(per_row)?) {
        let count = per_row.min(companies - first);
        all.extend([2, 3, 5].map(|agents| Work::Polite(agents, first, count)));
    }
    Ok(all)
}

/// One line about all rows.
pub fn summary(rows: &[Row]) -> String {
    let (mut chains, mut companies, mut messages, mut wakes, mut deepest) = (0, 0, 0, 0, 0);
    for row in rows {
        match row {
            Row::Recorded(_) => chains += 1,
            Row::Polite(company) => {
                companies += company.seeds;
                messages += company.messages;
                wakes += company.wakes;
                deepest = deepest.max(company.deepest);
            }
        }
    }
    format!(
        "{chains} recorded chains; {companies} companies of polite agents: {messages} messages, {wakes} wakes, at most \
         {deepest} in a row"
    )
}
