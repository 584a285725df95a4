//! Rounds over cases, and what comes out.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

/// One thing to time; runs it once and says how long it took.
pub(crate) struct Case<'a> {
    name: String,
    run: Box<dyn FnMut() -> Result<Duration> + 'a>,
    took: Vec<Duration>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut() -> Result<Duration> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run), took: Vec::new() }
    }
}

impl Case<'_> {
    /// How long each run took.
    pub(crate) fn took(&self) -> &[Duration] {
        &self.took
    }
}

/// The time that `share` of the runs stayed below, in microseconds.
pub(crate) fn percentile(took: &[Duration], share: f64) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index].as_secs_f64() * 1e6
}

/// Runs all cases in turn, so many times, after a few rounds that do not count.
pub(crate) fn rounds(cases: &mut [Case<'_>], count: usize) -> Result<()> {
    for round in 0..count + 10 {
        for case in &mut *cases {
            let took = (case.run)()?;
            if round >= 10 {
                case.took.push(took);
            }
        }
    }
    Ok(())
}

/// One line per case; the first is what the others are compared with.
pub(crate) fn table(cases: &[Case<'_>]) -> String {
    let mut text = String::from("| whole process | median | p99 | ratio of medians |\n|---|---|---|---|\n");
    let base = percentile(&cases[0].took, 0.5);
    for case in cases {
        let (median, p99) = (percentile(&case.took, 0.5), percentile(&case.took, 0.99));
        let _ = writeln!(text, "| {} | {median:.0} µs | {p99:.0} µs | {:.2} |", case.name, median / base);
    }
    text
}
