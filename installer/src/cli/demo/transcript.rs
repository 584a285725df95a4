//! The annotated transcript: numbered steps with their times, and who says what.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::Failure;
use crate::term::{self, Ui, style};

/// Columns before what is said.
const GUTTER: usize = 16;

/// Writes the story down as it happens; with `--json` at the end.
pub(super) struct Transcript {
    ui: Ui,
    steps: Vec<Value>,
    began: Instant,
}

impl Transcript {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, steps: Vec::new(), began: Instant::now() }
    }

    pub(super) fn opening(&self, lines: &[(&str, String)]) -> Result<(), Failure> {
        let (strong, dim) = (style::STRONG, style::DIM);
        let mut text =
            format!("{strong}Two sessions talk.{strong:#} Their hosts are scripted; nothing of ours is.\n");
        for (name, value) in lines {
            let _ = writeln!(text, "  {dim}{name:<8}{dim:#} {value}");
        }
        self.say(&text)
    }

    /// A step is done: its title, how long the bridge took, and what was said.
    pub(super) fn step(&mut self, title: &str, took: Duration, said: &[Said]) -> Result<(), Failure> {
        let lines: Vec<Value> = said.iter().map(|said| json!({"who": said.who, "text": said.text})).collect();
        self.steps.push(json!({"step": title, "took_ms": millis(took), "lines": lines}));
        let (strong, dim) = (style::STRONG, style::DIM);
        let number = self.steps.len();
        let mut text = format!("\n{strong}{number:>2}  {title}{strong:#}  {dim}{}{dim:#}\n", shown(took));
        for said in said {
            let look = said.style();
            for (i, line) in term::lines(&said.text, GUTTER).iter().enumerate() {
                let who = if i == 0 { said.who } else { "" };
                let _ = writeln!(text, "    {look}{who:<9}{look:#} {dim}│{dim:#} {line}");
            }
        }
        self.say(&text)
    }

    /// The last line, and the whole as one document where that was asked for.
    pub(super) fn close(&self, well: bool, verdict: &str) -> Result<(), Failure> {
        if self.ui.json {
            return self.ui.document(&json!({
                "well": well,
                "verdict": verdict,
                "took_ms": millis(self.began.elapsed()),
                "steps": self.steps,
            }));
        }
        let (mark, look) = if well { ("✓", style::GOOD) } else { ("✗", style::BAD) };
        self.say(&format!("\n{look}{mark} {verdict}{look:#}  {}\n", shown(self.began.elapsed())))
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.ui.json { Ok(()) } else { self.ui.say(text) }
    }
}

/// One voice in a step.
pub(super) struct Said {
    who: &'static str,
    text: String,
}

impl Said {
    pub(super) fn new(who: &'static str, text: impl Into<String>) -> Self {
        Self { who, text: text.into() }
    }

    fn style(&self) -> anstyle::Style {
        match self.who {
            "frontend" => style::NAME,
            "backend" => style::WARN,
            _ => style::DIM,
        }
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

fn shown(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}
