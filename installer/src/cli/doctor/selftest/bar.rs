//! How far the self-test is, for a person who waits: one line on standard error, gone at the end.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use session_bridge_core::frame::printable;

use crate::term::{self, put, style};

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(100);
/// How wide the name of a part is.
const NAME: usize = 9;
/// Room for what says how far the part is.
const WORDS: usize = 26;
/// How wide the bar itself is, at most.
const WIDEST: usize = 32;

/// The line. It goes when this is dropped.
pub(super) struct Bar {
    shared: Arc<Shared>,
    drawer: Option<JoinHandle<()>>,
}

struct Shared {
    began: Instant,
    whole: Duration,
    part: Mutex<(&'static str, String)>,
    over: AtomicBool,
}

impl Bar {
    /// Begins to draw, if a person looks.
    pub(super) fn begin(whole: Duration, json: bool) -> Self {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            whole,
            part: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let seen = !json && std::io::stderr().is_terminal();
        let drawn = Arc::clone(&shared);
        let drawer = seen.then(|| std::thread::spawn(move || drawn.draw()));
        Self { shared, drawer }
    }

    /// What is done now.
    pub(super) fn part(&self, name: &'static str) {
        *self.shared.part.lock().unwrap_or_else(PoisonError::into_inner) = (name, String::new());
    }

    /// How far that is.
    pub(super) fn say(&self, what: String) {
        self.shared.part.lock().unwrap_or_else(PoisonError::into_inner).1 = what;
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // It only draws.
            drop(drawer.join());
        }
    }
}

impl Shared {
    fn draw(&self) {
        let mut out = anstream::stderr();
        while !self.over.load(Ordering::Relaxed) {
            let (name, what) = self.part.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let share = self.began.elapsed().as_secs_f64() / self.whole.as_secs_f64().max(0.001);
            let text = line(name, &what, share, term::note_width().unwrap_or(80));
            // A terminal that is gone is drawn no more on.
            if write!(out, "\r{text}\x1b[K").and_then(|()| out.flush()).is_err() {
                return;
            }
            std::thread::park_timeout(EVERY);
        }
        drop(write!(out, "\r\x1b[K").and_then(|()| out.flush()));
    }
}

/// The line of a terminal of so many columns.
fn line(name: &str, what: &str, share: f64, columns: usize) -> String {
    // A clock says nothing of the end of the last program: the bar is full when the line is gone.
    let share = share.clamp(0.0, 0.99);
    let room = columns.saturating_sub(1);
    // Name, percentage and gaps; the rest is for the bar and for what says how far the part is.
    let width = room.saturating_sub(NAME + 8 + WORDS).clamp(8, WIDEST);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a few columns"
    )]
    let (done, percent) = ((share * width as f64) as usize, (share * 100.0) as usize);
    let left = room.saturating_sub(NAME + 1 + width + 7);
    let what: String = printable(what).chars().take(left).collect();
    let (strong, full, dim) = (style::STRONG, style::NAME, style::DIM);
    let mut out = String::new();
    put!(out, "{strong}{name:NAME$}{strong:#} ");
    put!(out, "{full}{}{full:#}{dim}{}{dim:#}", "━".repeat(done), "─".repeat(width - done));
    put!(out, " {percent:>2} %  {dim}{what}{dim:#}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_its_terminal() {
        for (columns, shown) in [
            (80, "crashes   ━━━━━━━━━━━───────────────────── 37 %  147 kills, 212 messages"),
            (60, "crashes   ━━━━━─────────── 37 %  147 kills, 212 messages"),
        ] {
            let text = line("crashes", "147 kills, 212 messages", 0.37, columns);
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(term::wide(&text) < columns, "{text}");
            assert_eq!(text, shown);
        }
    }
}
