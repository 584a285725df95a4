//! What a person says behind the name of a harness.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use session_bridge_chaos::crashes::rows;
use session_bridge_chaos::identity::Mistake;

pub(crate) struct Options {
    /// The harness.
    pub(crate) name: &'static str,
    pub(crate) size: u64,
    pub(crate) per_round: u64,
    pub(crate) rows: usize,
    pub(crate) seed: u64,
    pub(crate) results: PathBuf,
    pub(crate) mistake: Option<Mistake>,
    until: Option<Instant>,
}

impl Options {
    pub(crate) fn read(name: &'static str, words: &[&str]) -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let results = root.join(format!("docs/results/{name}.json"));
        let (size, per_round) = match name {
            "identity" => (100_000, 5_000),
            "loops" => (300, 250),
            _ => (10_000, 250),
        };
        let mut options =
            Self { name, size, per_round, rows: rows(), seed: 1, results, mistake: None, until: None };
        for pair in words.chunks(2) {
            let [name, value] = pair else { bail!("{} has no value", pair[0]) };
            match *name {
                "--kills" | "--faults" | "--configs" | "--messages" | "--companies" => {
                    options.size = value.parse()?;
                }
                "--per-round" => options.per_round = value.parse()?,
                "--rows" => options.rows = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--minutes" => {
                    options.until = Some(Instant::now() + Duration::from_secs(60 * value.parse::<u64>()?));
                }
                // For the test of the audit.
                "--mistake" => options.mistake = Some(serde_json::from_value((*value).into())?),
                "--results" => options.results = value.into(),
                other => bail!("no option is called {other}"),
            }
        }
        Ok(options)
    }

    pub(crate) fn time_is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
}
