//! The hook at each size: stored messages by live sessions. Delivering may depend on what is unread for the session, and on
//! nothing else of both.

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;

use crate::cases::World;
use crate::measure::{Case, percentile, rounds};
use crate::{Programs, page};

const MESSAGES: [usize; 3] = [1_000, 100_000, 1_000_000];
const SESSIONS: [usize; 3] = [1, 50, 500];

/// One cell.
struct Row {
    sessions: usize,
    messages: usize,
    what: &'static str,
    median: f64,
    p99: f64,
    ratio: f64,
}

/// Measures all cells. All with as many sessions run in turn, with the empty process, which their ratios are to.
pub(crate) fn run(programs: &Programs, count: usize, most: usize) -> Result<String> {
    let sizes: Vec<usize> = MESSAGES.into_iter().filter(|size| *size <= most).collect();
    let mut worlds = Vec::new();
    for messages in &sizes {
        worlds.push(World::new(programs, *messages)?);
    }
    let mut rows = Vec::new();
    for sessions in SESSIONS {
        for world in &mut worlds {
            world.accompany(sessions)?;
        }
        let mut cases = vec![Case::new("", || programs.noop())];
        for world in &worlds {
            cases.push(Case::new("", || world.prompt()));
            cases.push(Case::new("", || world.deliver()));
        }
        rounds(&mut cases, count)?;
        let base = percentile(cases[0].took(), 0.5);
        let row = |messages, what, case: &Case<'_>| {
            let (median, p99) = (percentile(case.took(), 0.5), percentile(case.took(), 0.99));
            Row { sessions, messages, what, median, p99, ratio: median / base }
        };
        rows.push(row(0, "empty", &cases[0]));
        for (messages, pair) in sizes.iter().zip(cases[1..].chunks(2)) {
            rows.push(row(*messages, "idle", &pair[0]));
            rows.push(row(*messages, "delivering", &pair[1]));
        }
    }
    save(&rows, count)?;
    Ok(table(&rows))
}

/// The raw results, one row per cell: easy to plot.
fn save(rows: &[Row], count: usize) -> Result<()> {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                r#"{{"what":"{}","sessions":{},"messages":{},"median_us":{:.1},"p99_us":{:.1},"ratio":{:.3}}}"#,
                row.what, row.sessions, row.messages, row.median, row.p99, row.ratio
            )
        })
        .collect();
    let text = format!(
        "{{\n  \"command\": \"cargo run --release -p session-bridge-bench matrix\",\n  \"version\": \"{}\",\n  \
         \"machine\": \"{}\",\n  \"rounds\": {count},\n  \"rows\": [\n    {}\n  ]\n}}\n",
        env!("CARGO_PKG_VERSION"),
        page::machine(),
        lines.join(",\n    ")
    );
    let file = page::file("docs/results/latency.json");
    Ok(fs::write(file, text)?)
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| live sessions | stored messages | idle: median | p99 | ratio | delivering: median | p99 | ratio |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for pair in rows.chunk_by(|a, b| (a.sessions, a.messages) == (b.sessions, b.messages)) {
        let [idle, delivering] = pair else { continue };
        let _ = write!(text, "| {} | {} |", idle.sessions, thousands(idle.messages));
        for row in [idle, delivering] {
            let _ = write!(text, " {:.0} µs | {:.0} µs | {:.2} |", row.median, row.p99, row.ratio);
        }
        text.push('\n');
    }
    text
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
