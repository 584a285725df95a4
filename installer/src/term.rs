//! Output for people and programs: colours where a person looks, aligned tables, relative times, one JSON document.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use session_bridge_core::frame::{printable, printable_json};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::report::Failure;

/// `write!` to a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($text)*);
    }};
}
pub(crate) use put;

/// The few styles that are used, by meaning.
pub(crate) mod style {
    use anstyle::{AnsiColor, Style};

    pub(crate) const STRONG: Style = Style::new().bold();
    pub(crate) const DIM: Style = Style::new().dimmed();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
}

/// Where and how a command writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// One JSON document instead of text for people.
    pub(crate) json: bool,
    /// Milliseconds since 1970 when the command began.
    pub(crate) now: i64,
}

#[expect(clippy::unused_self, reason = "where output goes is for the Ui to know, not for its users")]
impl Ui {
    pub(crate) fn new(json: bool) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Self { json, now: i64::try_from(now).unwrap_or(i64::MAX) }
    }

    /// Writes text that holds styles; they are taken out where nobody would see them.
    pub(crate) fn say(self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// As [`Ui::say`], to standard error: for what is not the result.
    pub(crate) fn note(self, text: &str) -> Result<(), Failure> {
        Ok(anstream::stderr().lock().write_all(text.as_bytes())?)
    }

    /// Writes the command's one JSON document.
    pub(crate) fn document(self, value: &impl Serialize) -> Result<(), Failure> {
        let mut text = printable_json(serde_json::to_string_pretty(value).map_err(io::Error::from)?);
        text.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Writes one JSON value on one line, for output that goes on.
    pub(crate) fn line(self, value: &impl Serialize) -> Result<(), Failure> {
        let mut text = printable_json(serde_json::to_string(value).map_err(io::Error::from)?);
        text.push('\n');
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// `3m ago`.
    pub(crate) fn ago(self, at: i64) -> String {
        ago(self.now, at)
    }

    /// Whether a person can be asked.
    pub(crate) fn is_interactive(self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks; whoever ends the input says nothing.
    pub(crate) fn ask(self, question: &str, answers: &str) -> Result<String, Failure> {
        let strong = style::STRONG;
        self.note(&format!("{strong}{question}{strong:#} [{answers}] "))?;
        let mut answer = String::new();
        if io::stdin().read_line(&mut answer)? == 0 {
            self.note("\n")?;
        }
        Ok(answer.trim().to_lowercase())
    }
}

/// How long ago something was, in the largest unit that says enough.
pub(crate) fn ago(now: i64, at: i64) -> String {
    let seconds = (now - at).max(0) / 1000;
    match seconds {
        0..5 => "now".to_owned(),
        5..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        86_400..2_592_000 => format!("{}d ago", seconds / 86_400),
        _ => jiff::Timestamp::from_millisecond(at)
            .map_or_else(|_| "long ago".to_owned(), |time| time.strftime("%Y-%m-%d").to_string()),
    }
}

/// How much later something was: `+40ms`, `+2.5s`, `+3m`.
pub(crate) fn after(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..1_000 => format!("+{ms}ms"),
        ms @ 1_000..60_000 => format!("+{}.{}s", ms / 1_000, ms % 1_000 / 100),
        ms @ 60_000..3_600_000 => format!("+{}m", ms / 60_000),
        ms @ 3_600_000..86_400_000 => format!("+{}h", ms / 3_600_000),
        ms => format!("+{}d", ms / 86_400_000),
    }
}

/// `in 3m`, or `3m ago` for what has passed.
pub(crate) fn until(now: i64, at: i64) -> String {
    if at <= now {
        return ago(now, at);
    }
    let seconds = (at - now + 999) / 1000;
    match seconds {
        0..60 => format!("in {seconds}s"),
        60..3_600 => format!("in {}m", seconds / 60),
        3_600..86_400 => format!("in {}h", seconds / 3_600),
        _ => format!("in {}d", seconds / 86_400),
    }
}

/// A moment as people write it, in UTC.
pub(crate) fn moment(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map_or_else(|_| at.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A peer's text in one line, safe for a terminal.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let flat: String = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
    clip(&flat, most)
}

/// A folder as people write it.
pub(crate) fn folder(path: &str, home: Option<&std::path::Path>) -> String {
    match home.and_then(|home| std::path::Path::new(path).strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.to_owned(),
    }
}

/// A sentence with the paths of the home folder as people write them.
pub(crate) fn tilde(text: &str, home: Option<&std::path::Path>) -> String {
    match home.and_then(std::path::Path::to_str).filter(|home| home.len() > 1) {
        Some(home) => text.replace(&format!("{home}/"), "~/"),
        None => text.to_owned(),
    }
}

/// Whether a text fits on the line after `used` columns; where no terminal ends lines, it does.
pub(crate) fn fits(text: &str, used: usize) -> bool {
    !io::stdout().is_terminal() || used + text.width() <= columns()
}

/// How many columns a text takes.
pub(crate) fn wide(text: &str) -> usize {
    text.width()
}

/// At most `most` columns wide, with `…` where something is missing.
fn clip(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if used + width + 1 > most {
            break;
        }
        used += width;
        out.push(c);
    }
    out.push('…');
    out
}

/// As [`clip`], but what is missing is the beginning.
fn clip_front(text: &str, most: usize) -> String {
    let backwards: String = text.chars().rev().collect();
    clip(&backwards, most).chars().rev().collect()
}

/// Prose after a mark: on a terminal, further lines begin below the first word.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    paragraph(text, indent, result_width())
}

/// The same for a terminal of so many columns; none: no terminal ends lines.
pub(crate) fn paragraph(text: &str, indent: usize, width: Option<usize>) -> String {
    let text = printable(text);
    width.map_or_else(|| text.clone(), |width| wrap_to(&text, indent, width))
}

/// How many columns the terminal has that results go to; none where they go elsewhere.
pub(crate) fn result_width() -> Option<usize> {
    io::stdout().is_terminal().then(columns)
}

/// The same for notes and questions.
pub(crate) fn note_width() -> Option<usize> {
    io::stderr().is_terminal().then(|| columns_of(io::stderr()))
}

/// The terminal's width; none where nothing ends lines.
pub(crate) fn width() -> Option<usize> {
    io::stdout().is_terminal().then(columns)
}

/// A line for a place that begins `indent` columns in, wrapped where it is wider than that place.
pub(crate) fn lines_to(line: &str, indent: usize, columns: Option<usize>) -> Vec<String> {
    match columns.map(|columns| columns.saturating_sub(indent).max(NARROWEST)) {
        Some(room) if line.width() > room => wrap_to(line, 0, room).lines().map(str::to_owned).collect(),
        _ => vec![line.to_owned()],
    }
}

/// The lines of a text for a place that begins `indent` columns in: those that fit as they are, the others wrapped.
pub(crate) fn lines(text: &str, indent: usize) -> Vec<String> {
    let text = printable(text);
    let room =
        if io::stdout().is_terminal() { columns().saturating_sub(indent).max(NARROWEST) } else { usize::MAX };
    let wrap = |line: &str| -> Vec<String> {
        if line.width() <= room {
            return vec![line.to_owned()];
        }
        wrap_to(line, 0, room).lines().map(str::to_owned).collect()
    };
    text.lines().flat_map(wrap).collect()
}

fn wrap_to(text: &str, indent: usize, columns: usize) -> String {
    let room = columns.saturating_sub(indent).max(NARROWEST);
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let width = word.width();
        if used > 0 && used + 1 + width > room {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = 0;
        }
        if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width;
    }
    out
}

/// Every line moved to the right.
pub(crate) fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    printable(text)
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") })
        .collect()
}

/// A cell of a table: plain text and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: anstyle::Style,
}

/// A cell in a style. The text may come from a peer.
pub(crate) fn cell(text: impl AsRef<str>, style: anstyle::Style) -> Cell {
    Cell { text: printable(text.as_ref()).replace(['\n', '\t'], " "), style }
}

/// A cell without a style.
pub(crate) fn plain(text: impl AsRef<str>) -> Cell {
    cell(text, anstyle::Style::new())
}

/// Columns that give way when a terminal is too narrow; ids, states and times never do.
const FLEXIBLE: &[&str] = &["ABOUT", "DOING", "EVENT", "FOLDER", "FROM", "PROGRAM", "ROLES", "TEXT"];
/// Of those, the ones whose end says more than their beginning.
const END_MATTERS: &[&str] = &["FOLDER", "PROGRAM"];
/// How narrow a column may become.
const NARROWEST: usize = 12;

/// Rows under a header, columns as wide as they need; columns that nobody fills are left out. On a terminal the widest
/// flexible columns give way to the terminal's width.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text with styles.
    pub(crate) fn render(&self) -> String {
        self.render_to(io::stdout().is_terminal().then(columns))
    }

    fn render_to(&self, columns: Option<usize>) -> String {
        let used: Vec<usize> = (0..self.header.len())
            .filter(|i| self.rows.iter().any(|row| row.get(*i).is_some_and(|cell| !cell.text.is_empty())))
            .collect();
        let names: Vec<&str> = used.iter().map(|i| self.header[*i]).collect();
        let mut widths: Vec<usize> = used
            .iter()
            .map(|i| {
                let cells = self.rows.iter().filter_map(|row| row.get(*i)).map(|cell| cell.text.width());
                cells.chain([self.header[*i].width()]).max().unwrap_or(0)
            })
            .collect();
        if let Some(columns) = columns {
            narrow(&names, &mut widths, columns);
        }
        let mut out = String::new();
        let head: Vec<Cell> = names.iter().map(|name| cell(name, style::DIM)).collect();
        line(&mut out, &names, &head, &widths);
        for row in &self.rows {
            let cells: Vec<Cell> =
                used.iter().map(|i| row.get(*i).cloned().unwrap_or_else(|| plain(""))).collect();
            line(&mut out, &names, &cells, &widths);
        }
        out
    }
}

/// Takes from the widest flexible column until the row fits, or none can give any more.
fn narrow(names: &[&str], widths: &mut [usize], columns: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let widest = (0..widths.len())
            .filter(|i| FLEXIBLE.contains(&names[*i]) && widths[*i] > NARROWEST)
            .max_by_key(|i| widths[*i]);
        let Some(widest) = widest else { return };
        widths[widest] -= 1;
    }
}

fn line(out: &mut String, names: &[&str], cells: &[Cell], widths: &[usize]) {
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let text = if END_MATTERS.contains(&names[i]) {
            clip_front(&cell.text, *width)
        } else {
            clip(&cell.text, *width)
        };
        let style = cell.style;
        put!(out, "{style}{text}{style:#}");
        // Nothing follows the last filled cell: no spaces at the end of a line.
        if cells[i + 1..].iter().any(|cell| !cell.text.is_empty()) {
            out.push_str(&" ".repeat(width.saturating_sub(text.width()) + 2));
        }
    }
    out.push('\n');
}

/// The terminal's width.
fn columns() -> usize {
    columns_of(io::stdout())
}

/// 80, where a terminal does not tell; nothing is laid out for less than 40.
fn columns_of(terminal: impl AsFd) -> usize {
    let told = rustix::termios::tcgetwinsize(terminal).ok().map(|size| usize::from(size.ws_col));
    told.filter(|columns| *columns > 0).map_or(80, |columns| columns.max(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let now = 1_800_000_000_000;
        let told = [0, 7, 61, 7_300, 90_000, 40 * 86_400].map(|seconds| ago(now, now - seconds * 1000));
        assert_eq!(told, ["now", "7s ago", "1m ago", "2h ago", "1d ago", "2026-12-06"]);
        assert_eq!(ago(now, now + 5_000), "now");
        let later = [0, 40, 2_590, 61_000, 7_200_000, 90_000_000].map(after);
        assert_eq!(later, ["+0ms", "+40ms", "+2.5s", "+1m", "+2h", "+1d"]);
        assert_eq!(until(now, now + 90_000), "in 1m");
    }

    #[test]
    fn columns_line_up_whatever_they_hold() {
        let mut table = Table::new(&["NAME", "NOBODY", "ABOUT", "FOLDER"]);
        table.row(vec![plain("前端"), plain(""), plain("one"), plain("")]);
        table.row(vec![
            cell("a\u{1b}[31mb", style::NAME),
            plain(""),
            plain("a longer text that is cut"),
            plain("/home/ana/shop"),
        ]);
        let text = anstream::adapter::strip_str(&table.render_to(Some(38))).to_string();
        assert_eq!(
            text,
            "NAME    ABOUT           FOLDER\n前端    one\na[31mb  a longer text…  /home/ana/shop\n"
        );
    }

    #[test]
    fn prose_wraps_below_its_first_word() {
        assert_eq!(wrap_to("start a new session of it", 4, 20), "start a new\n    session of it");
        assert_eq!(
            wrap_to("one-very-long-word-that-fits-nowhere x", 4, 20),
            "one-very-long-word-that-fits-nowhere\n    x"
        );
    }

    #[test]
    fn a_peers_text_stays_on_its_line() {
        assert_eq!(one_line("a\n\n b\tc\u{1b}]0;x\u{7}", 80), "a b c]0;x");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(indented("a\n\nb", 2), "  a\n\n  b\n");
    }
}
