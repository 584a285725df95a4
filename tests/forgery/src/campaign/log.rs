//! What libFuzzer says of a run.

use std::io::{self, BufRead, Write};

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Edges that the inputs reached that were there before.
    pub(super) edges_before: u64,
    /// Edges that were reached in the end.
    pub(super) edges: u64,
    /// Edges and how often they were taken, roughly, and pairs of compared values.
    pub(super) features: u64,
    pub(super) executions: u64,
    pub(super) peak_mb: u64,
    /// What went wrong: the fuzzer's word for it, what the panic said, where the input is.
    pub(super) finding: Vec<String>,
}

impl Log {
    /// Reads to the end. `progress` gets the lines that tell how far it is, and all that is not the fuzzer's.
    pub(super) fn read(mut from: impl BufRead, mut progress: impl Write) -> io::Result<Self> {
        let mut log = Self::default();
        let mut bytes = Vec::new();
        while from.read_until(b'\n', &mut bytes)? > 0 {
            let line = String::from_utf8_lossy(&bytes);
            if log.take(line.trim_end()) {
                write!(progress, "{line}")?;
            }
            bytes.clear();
        }
        Ok(log)
    }

    /// Whether somebody who waits should see the line.
    fn take(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let number = |word: Option<&str>| word.and_then(|word| word.parse().ok());
        match (words.next(), words.next()) {
            (Some(begin), Some(event)) if begin.starts_with('#') => {
                if let Some((edges, features)) = number(after(line, "cov:")).zip(number(after(line, "ft:"))) {
                    (self.edges, self.features) = (edges, features);
                    if event == "INITED" {
                        self.edges_before = edges;
                    }
                }
                return !matches!(event, "NEW" | "REDUCE" | "RELOAD");
            }
            (Some("stat::number_of_executed_units:"), count) => {
                self.executions = number(count).unwrap_or_default();
            }
            (Some("stat::peak_rss_mb:"), peak) => self.peak_mb = number(peak).unwrap_or_default(),
            _ => {
                let told =
                    ["SUMMARY: libFuzzer:", "Test unit written to"].iter().any(|own| line.contains(own));
                let panicked = line.contains("panicked at");
                // What a panic says is on the lines after it.
                let said = self.finding.last().is_some_and(|last| last.ends_with(':')) && !line.is_empty();
                if said && let Some(last) = self.finding.last_mut() {
                    *last = format!("{last} {line}");
                } else if told || panicked {
                    self.finding.push(line.to_owned());
                }
            }
        }
        // The words that it found of use are for a dictionary, not for people.
        !line.starts_with("stat::") && !line.contains(" # Uses: ")
    }
}

fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_whitespace().skip_while(|one| *one != word).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: &str = "\
INFO: seed corpus: files: 83 min: 1b max: 2190b total: 61234b rss: 44Mb
#84\tINITED cov: 2331 ft: 6210 corp: 71/52Kb exec/s: 0 rss: 52Mb
#90\tNEW    cov: 2332 ft: 6212 corp: 72/52Kb lim: 4 exec/s: 0 rss: 52Mb L: 12/2190 MS: 1 ChangeByte-
#65536\tpulse  cov: 2500 ft: 7000 corp: 90/60Kb lim: 8 exec/s: 20000 rss: 60Mb
#70000\tDONE   cov: 2501 ft: 7001 corp: 91/61Kb lim: 8 exec/s: 20000 rss: 60Mb
\"ab\" # Uses: 927
Done 70000 runs in 4 second(s)
stat::number_of_executed_units: 70000
stat::average_exec_per_sec:     17500
stat::peak_rss_mb:              61
";

    #[test]
    fn a_run_without_a_finding() {
        let mut progress = Vec::new();
        let log = Log::read(QUIET.as_bytes(), &mut progress).unwrap();
        let expected = Log {
            edges_before: 2331,
            edges: 2501,
            features: 7001,
            executions: 70_000,
            peak_mb: 61,
            finding: Vec::new(),
        };
        assert_eq!(log, expected);
        let progress = String::from_utf8(progress).unwrap();
        assert!(progress.contains("pulse") && !progress.contains("NEW") && !progress.contains("stat::"));
        assert!(!progress.contains("Uses"));
    }

    #[test]
    fn a_finding_says_what_the_panic_said_and_where_the_input_is() {
        let text = "\
#12\tINITED cov: 5 ft: 5 corp: 1/1b exec/s: 0 rss: 52Mb

thread '<unnamed>' (3821) panicked at src/targets.rs:176:5:
what was written does not parse \u{fffd}
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
==3821== ERROR: libFuzzer: deadly signal
SUMMARY: libFuzzer: deadly signal
artifact_prefix='x/'; Test unit written to x/crash-da39a3ee
stat::number_of_executed_units: 13
";
        let log = Log::read(text.as_bytes(), io::sink()).unwrap();
        assert_eq!(log.executions, 13);
        assert_eq!(
            log.finding,
            [
                "thread '<unnamed>' (3821) panicked at src/targets.rs:176:5: what was written does not parse \u{fffd}",
                "SUMMARY: libFuzzer: deadly signal",
                "artifact_prefix='x/'; Test unit written to x/crash-da39a3ee",
            ]
        );
    }
}
