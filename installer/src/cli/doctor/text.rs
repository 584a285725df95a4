//! What was looked at, for people: a heading per CLI, a mark, a word for what was looked at, and what was found.

use std::path::Path;

use session_bridge_core::frame::printable;
use session_bridge_core::host::Host as _;

use super::check::{Check, Checks, Level};
use super::provider::ABSENT;
use crate::cli::context::Context;
use crate::term::{self, put, style};

/// How wide the words for what was looked at are.
const WORD: usize = 9;
/// Where what was found begins: after the mark and that word.
const INDENT: usize = 2 + 2 + WORD + 1;

/// All of it, as wide as the terminal.
pub(super) fn render(checks: &Checks, context: &Context) -> String {
    rendered(checks, context.host.home().as_deref(), term::width())
}

fn rendered(checks: &Checks, home: Option<&Path>, width: Option<usize>) -> String {
    let strong = style::STRONG;
    let mut out = String::new();
    let mut absent = Vec::new();
    for of_group in checks.all.chunk_by(|one, next| one.group == next.group) {
        let Some(first) = of_group.first() else { continue };
        if of_group.len() == 1 && first.id == ABSENT && first.level == Level::Note {
            absent.push(first);
            continue;
        }
        put!(out, "{}{strong}{}{strong:#}\n", if out.is_empty() { "" } else { "\n" }, first.group);
        for check in of_group {
            one(&mut out, check, home, width);
        }
    }
    missing(&mut out, &absent);
    let bad = checks.all.iter().filter(|check| matches!(check.level, Level::Warn | Level::Fail)).count();
    let (good, warn) = (style::GOOD, style::WARN);
    match bad {
        0 => put!(out, "\n{good}all is well{good:#}\n"),
        1 => put!(out, "\n{warn}1 thing needs attention{warn:#}\n"),
        n => put!(out, "\n{warn}{n} things need attention{warn:#}\n"),
    }
    out
}

/// The CLIs that the bridge is not installed in, a line each: how it gets there, or that they are not here.
fn missing(out: &mut String, absent: &[&Check]) {
    let (strong, dim) = (style::STRONG, style::DIM);
    if !absent.is_empty() {
        put!(out, "\n{strong}without the bridge{strong:#}\n");
    }
    let widest = absent.iter().map(|check| term::wide(&check.group)).max().unwrap_or(0);
    for check in absent {
        let pad = " ".repeat(widest - term::wide(&check.group));
        let how = match &check.help {
            Some(help) => help.clone(),
            None => format!("{dim}{}{dim:#}", check.summary),
        };
        put!(out, "  {dim}·{dim:#} {}{pad}  {how}\n", check.group);
    }
}

fn one(out: &mut String, check: &Check, home: Option<&Path>, width: Option<usize>) {
    let (dim, name) = (style::DIM, style::NAME);
    let (mark, look) = match check.level {
        Level::Ok => ("✓", style::GOOD),
        Level::Note => ("·", style::DIM),
        Level::Warn => ("!", style::WARN),
        Level::Fail => ("✗", style::BAD),
    };
    let lines = |text: &str| -> Vec<String> {
        let text = printable(&with_tilde(text, home));
        text.lines().flat_map(|line| wrapped(line, width)).collect()
    };
    let pad = " ".repeat(INDENT);
    let mut found = lines(&check.summary);
    if let Some(ms) = check.ms {
        let time = format!("({ms} ms)");
        match found.last_mut() {
            Some(last) if width.is_none_or(|most| INDENT + term::wide(last) + 1 + time.len() <= most) => {
                put!(last, " {dim}{time}{dim:#}");
            }
            _ => found.push(format!("{dim}{time}{dim:#}")),
        }
    }
    put!(
        out,
        "  {look}{mark}{look:#} {dim}{:WORD$}{dim:#} {}\n",
        word(&check.id),
        found.join(&format!("\n{pad}"))
    );
    for line in lines(check.detail.as_deref().unwrap_or_default()) {
        put!(out, "{pad}{dim}{line}{dim:#}\n");
    }
    if let Some(help) = &check.help {
        let text = lines(help).join(&format!("\n{pad}"));
        put!(out, "    {name}{:WORD$}{name:#} {text}\n", "help");
    }
}

/// What follows the sign of a list or of a diff stays behind it.
fn wrapped(line: &str, width: Option<usize>) -> Vec<String> {
    let sign = ["- ", "+ "].into_iter().find(|sign| line.starts_with(sign)).unwrap_or_default();
    let rest = term::lines_to(&line[sign.len()..], INDENT + sign.len(), width);
    let begin = |at: usize| if at == 0 { sign.to_owned() } else { " ".repeat(sign.len()) };
    rest.into_iter().enumerate().map(|(at, line)| begin(at) + &line).collect()
}

/// A check's id in one short word.
fn word(id: &str) -> &str {
    if id.contains('/') { "entry" } else { id.split('-').next().unwrap_or(id) }
}

/// Paths in the home folder as people write them.
fn with_tilde(text: &str, home: Option<&Path>) -> String {
    match home.and_then(Path::to_str).filter(|home| home.len() > 1) {
        Some(home) => text.replace(&format!("{home}/"), "~/"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A machine where much is well.
    fn checks() -> Checks {
        let (claude, codex) = ("Claude Code", "Codex CLI");
        let mut checks = Checks::default();
        for check in [
            Check::ok("bridge", "home", "/home/ana/.session-bridge is yours alone"),
            Check::ok("bridge", "store", "/home/ana/.session-bridge/store/bridge-1.db is whole")
                .took(Duration::from_millis(7)),
            Check::warn("bridge", "override", "web ignores SESSION_BRIDGE_SESSION_ID: that id is api's")
                .help("start it without SESSION_BRIDGE_SESSION_ID"),
            Check::ok(claude, "version", "2.1.329, verified (/usr/local/bin/claude)"),
            Check::ok(claude, "entries", "7 of 7 entries are as planned")
                .detail("/home/ana/.claude/settings.json\n/home/ana/.claude.json"),
            Check::ok(claude, "hook", "a message came out of the installed hook, at UserPromptSubmit")
                .took(Duration::from_millis(22)),
            Check::ok(
                claude,
                "mcp",
                "the installed server answers for the hook's session and offers 13 tools",
            )
            .took(Duration::from_millis(1_234)),
            Check::note(claude, "alive", "last hook event 2m ago; no MCP hello yet")
                .detail("- Start a new Claude Code session: running ones load the bridge's tools only at their start.\n"),
            Check::fail(codex, "codex/hook/Stop", "/home/ana/.codex/hooks.json: the entry to run the bridge's hook at Stop was changed")
                .detail("-      \"timeout\": 600\n+      \"timeout\": 10")
                .help("session-bridge doctor --fix"),
            Check::note(codex, "hook", "hook and MCP server were not tried: entries are not as planned"),
            Check::note("Gemini CLI", ABSENT, "the bridge is not installed here, so nothing was tried")
                .help("session-bridge init --provider gemini-cli"),
            Check::note("Another", ABSENT, "not on this machine"),
        ] {
            checks.add(check);
        }
        checks
    }

    #[test]
    fn what_was_found_stands_in_a_column_of_its_own() {
        for width in [80, 60] {
            let text = rendered(&checks(), Some(Path::new("/home/ana")), Some(width));
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.lines().all(|line| term::wide(line) <= width), "{text}");
            insta::assert_snapshot!(format!("doctor_at_{width}_columns"), text);
        }
    }
}
