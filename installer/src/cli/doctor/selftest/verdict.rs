//! What the self-test came to, for people and for programs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::crashes::Crashes;
use super::receipts::Receipts;
use super::speed::{Speed, Spread, rate};
use crate::term::{self, put, style};

/// Where sentences begin.
const INDENT: usize = 4;
/// So many findings of one part are shown; the others are in the JSON document.
const MOST: usize = 5;

/// All of it.
pub(super) struct Verdict {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    /// The folder that stays because something was found.
    pub(super) kept: Option<PathBuf>,
    pub(super) crashes: Crashes,
    pub(super) receipts: Receipts,
    pub(super) speed: Speed,
}

impl Verdict {
    pub(super) fn is_well(&self) -> bool {
        self.findings() == 0
    }

    fn findings(&self) -> usize {
        self.crashes.findings.len() + self.receipts.findings.len() + self.speed.findings.len()
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let with = |mut part: Value, verdict: String| {
            part["verdict"] = json!(verdict);
            part
        };
        json!({
            "ok": self.is_well(),
            "seed": self.seed,
            "seconds": self.seconds,
            "kept": self.kept,
            "crashes": with(json!(self.crashes), self.crashes.verdict()),
            "receipts": with(json!(self.receipts), self.receipts.verdict()),
            "speed": with(json!(self.speed), self.speed.verdict()),
        })
    }

    /// For people, as wide as their terminal.
    pub(super) fn text(&self, home: Option<&Path>, width: Option<usize>) -> String {
        let mut out = String::new();
        let (dim, name, good, bad) = (style::DIM, style::NAME, style::GOOD, style::BAD);
        let (crashes, receipts, speed) = (&self.crashes, &self.receipts, &self.speed);
        part(&mut out, "crashes", &crashes.findings, &crashes.verdict(), width);
        done(&mut out, &crashes.done(), width);
        part(&mut out, "receipts", &receipts.findings, &receipts.verdict(), width);
        done(&mut out, &receipts.done(), width);
        part(&mut out, "speed", &speed.findings, &speed.verdict(), width);
        if speed.findings.is_empty() {
            out.push_str(&speed.table());
            done(&mut out, &speed.done(), width);
        }
        for remark in &speed.remarks {
            put!(out, "  {dim}·{dim:#} {}\n", term::paragraph(remark, INDENT, width));
        }
        let again =
            format!("session-bridge doctor --selftest --seconds {} --seed {}", self.seconds, self.seed);
        match (self.findings(), &self.kept) {
            (0, _) => put!(out, "\n{good}all is well{good:#} {dim}(seed {}){dim:#}\n", self.seed),
            (count, kept) => {
                let things = if count == 1 {
                    "1 thing was found that must".to_owned()
                } else {
                    format!("{count} things were found that must")
                };
                put!(out, "\n{bad}{things} not be{bad:#}\n");
                if let Some(kept) = kept {
                    let kept = term::tilde(&kept.display().to_string(), home);
                    put!(out, "  {name}kept{name:#}   {kept}\n");
                }
                put!(out, "  {name}again{name:#}  {}\n", term::paragraph(&again, 9, width));
                let report = "please open an issue with this output and, if you can, that folder packed; nothing of yours is in it";
                put!(out, "  {name}report{name:#} {}\n", term::paragraph(report, 9, width));
            }
        }
        out
    }
}

/// A heading, the verdict, and what was found.
fn part(out: &mut String, name: &str, findings: &[String], verdict: &str, width: Option<usize>) {
    let (strong, dim, bad) = (style::STRONG, style::DIM, style::BAD);
    let (mark, look) = if findings.is_empty() { ("✓", style::GOOD) } else { ("✗", style::BAD) };
    put!(out, "{}{strong}{name}{strong:#}\n", if out.is_empty() { "" } else { "\n" });
    put!(out, "  {look}{mark}{look:#} {}\n", term::paragraph(verdict, INDENT, width));
    for finding in findings.iter().take(MOST) {
        put!(out, "    {bad}-{bad:#} {}\n", term::paragraph(finding, INDENT + 2, width));
    }
    if let Some(more) = findings.len().checked_sub(MOST).filter(|more| *more > 0) {
        put!(out, "    {dim}and {more} more: --json shows all{dim:#}\n");
    }
}

/// What was done, in sentences that are begun on lines of their own.
fn done(out: &mut String, sentences: &[String], width: Option<usize>) {
    let dim = style::DIM;
    for sentence in sentences {
        put!(out, "    {dim}{}{dim:#}\n", term::paragraph(sentence, INDENT, width));
    }
}

/// `1 kill`, `2 kills`.
fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

impl Crashes {
    fn verdict(&self) -> String {
        let (messages, kills) = (count(self.acknowledged, "acknowledged message"), count(self.kills, "kill"));
        if self.findings.is_empty() && self.acknowledged == 0 {
            return "No message was acknowledged in this time: try again with more --seconds.".to_owned();
        }
        if self.findings.is_empty() {
            return format!("Your disk kept every one of {messages} through {kills}.");
        }
        format!("Something is wrong after {kills} and {messages}.")
    }

    fn done(&self) -> [String; 2] {
        let shown = count(self.shown, "message");
        [
            format!("{} started to send, deliver and answer.", count(self.programs, "program")),
            match self.waiting {
                0 => format!("{shown} came out of hooks, once each."),
                waiting => format!("{shown} came out of hooks, once each; {waiting} wait, with a bell."),
            },
        ]
    }
}

impl Receipts {
    fn verdict(&self) -> String {
        let messages = count(self.messages, "message");
        if self.findings.is_empty() && self.messages == 0 {
            return "No message was delivered in this time: try again with more --seconds.".to_owned();
        }
        if self.findings.is_empty() {
            return format!("No receipt of {messages} claims what did not happen.");
        }
        format!("A receipt claims what did not happen, or a message came out wrongly, among {messages}.")
    }

    fn done(&self) -> [String; 3] {
        [
            format!(
                "{} killed before the end, {} as soon as the text was out.",
                count(self.died, "hook"),
                self.died_after
            ),
            format!(
                "{} thrown away, {} in turns that did not go on.",
                count(self.thrown_away, "answer"),
                self.turn_lost
            ),
            format!("{} counted as seen, rightly.", count(self.seen, "message")),
        ]
    }
}

impl Speed {
    fn verdict(&self) -> String {
        if self.findings.is_empty() {
            return format!(
                "An event without mail costs {}; starting the program alone costs {}.",
                ms(self.quiet_ms.median),
                ms(self.program_ms.median)
            );
        }
        "Not everything could be measured.".to_owned()
    }

    fn done(&self) -> [String; 1] {
        let (commands, server) = (rate(self.sends_by_commands), rate(self.sends_by_server));
        [format!(
            "{commands} sends a second by commands, {server} through one server: each on the disk before it was acknowledged."
        )]
    }

    /// Times of the hook, a line each.
    fn table(&self) -> String {
        let dim = style::DIM;
        let mut out = format!("    {dim}{:16}{:>9}{:>9}{:>7}{dim:#}\n", "", "median", "p99", "runs");
        let rows = [
            ("program alone", self.program_ms),
            ("nothing to do", self.quiet_ms),
            ("with a message", self.delivering_ms),
        ];
        for (name, Spread { median, p99, runs }) in rows {
            put!(out, "    {name:16}{:>9}{:>9}{dim}{runs:>7}{dim:#}\n", ms(median), ms(p99));
        }
        out
    }
}

fn ms(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Verdict {
        let spread = |median, p99, runs| Spread { median, p99, runs };
        Verdict {
            seed: 4711,
            seconds: 10,
            kept: None,
            crashes: Crashes {
                programs: 690,
                kills: 180,
                acknowledged: 412,
                shown: 201,
                waiting: 62,
                findings: Vec::new(),
            },
            receipts: Receipts {
                messages: 173,
                died: 58,
                died_after: 29,
                thrown_away: 31,
                turn_lost: 28,
                seen: 96,
                findings: Vec::new(),
            },
            speed: Speed {
                program_ms: spread(1.52, 2.3, 160),
                quiet_ms: spread(1.86, 3.1, 160),
                delivering_ms: spread(6.2, 11.4, 80),
                sends_by_commands: 211.4,
                sends_by_server: 1804.0,
                ..Speed::default()
            },
        }
    }

    fn shown(verdict: &Verdict, width: usize) -> String {
        let text = verdict.text(Some(Path::new("/home/ana")), Some(width));
        let text = anstream::adapter::strip_str(&text).to_string();
        let long = text
            .lines()
            .find(|line| term::wide(line) > width && line.contains(' ') && !line.contains("kept"));
        assert_eq!(long, None, "{text}");
        text
    }

    #[test]
    fn a_verdict_in_plain_words() {
        for width in [80, 60] {
            insta::assert_snapshot!(format!("selftest_at_{width}_columns"), shown(&well(), width));
        }
    }

    #[test]
    fn a_finding_says_where_and_what_next() {
        let mut verdict = well();
        verdict.crashes.findings =
            (0..7).map(|n| format!("message 01M3 number {n} was acknowledged and is lost")).collect();
        verdict.speed.remarks.push(
            "this disk is slow to confirm writes (3.2 sends a second): senders wait for it, hooks do not"
                .to_owned(),
        );
        verdict.kept = Some("/home/ana/.session-bridge/session-bridge-selftest-kept-01".into());
        insta::assert_snapshot!("selftest_found", shown(&verdict, 80));
    }
}
