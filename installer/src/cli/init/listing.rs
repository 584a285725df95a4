//! What a person reads before deciding: which agent CLIs are here, and what would change in them.

use std::path::Path;

use session_bridge_core::provider::{Card, Consent};

use super::survey::{Found, Remark};
use crate::cli::changes::{Change, Columns, Line, named};
use crate::term::{folder, paragraph, put, style, tilde, wide};

/// One agent CLI.
struct Row {
    name: &'static str,
    version: String,
    remark: Remark,
    state: Option<State>,
    files: Vec<Line>,
}

/// What files do not say.
enum State {
    /// Why nothing is done there.
    Trouble(String),
    /// How it stands.
    Known(&'static str),
}

impl Row {
    fn of(found: &Found, home: Option<&Path>) -> Self {
        let (version, remark) = found.version();
        let line = |change: &Change| Line::new(change.action.plan(), &change.path, &change.what, home);
        let state = match found.trouble() {
            Some(failure) => Some(State::Trouble(format!("left alone: {}", tilde(&failure.message, home)))),
            None if found.is_done() => Some(State::Known("installed, nothing to change")),
            None if found.settings => Some(State::Known("what its new sessions start with")),
            None => None,
        };
        Self {
            name: found.card().name,
            version: version.unwrap_or_default().to_owned(),
            remark,
            files: if found.trouble().is_some() {
                Vec::new()
            } else {
                found.changes().iter().map(line).collect()
            },
            state,
        }
    }
}

/// The agent CLIs of this machine with what would change, and what that means.
pub(super) fn text(
    found: &[Found],
    absent: &[&'static Card],
    hook: &Path,
    home: Option<&Path>,
    width: Option<usize>,
) -> String {
    let rows: Vec<Row> = found.iter().map(|found| Row::of(found, home)).collect();
    let absent: Vec<&str> = absent.iter().map(|card| card.name).collect();
    let hook = folder(&hook.to_string_lossy(), home);
    render(&rows, &absent, &hook, width)
}

fn render(rows: &[Row], absent: &[&str], hook: &str, width: Option<usize>) -> String {
    let (strong, dim, warn, bad) = (style::STRONG, style::DIM, style::WARN, style::BAD);
    let columns = Columns::of(&rows.iter().flat_map(|row| &row.files), width);
    let longest = |part: fn(&Row) -> &str| rows.iter().map(|row| wide(part(row))).max().unwrap_or(0);
    let (names, versions) = (longest(|row| row.name), longest(|row| &row.version));
    let mut out = String::from("Found on this machine, and what changes there:\n\n");
    let mut doubts = false;
    for row in rows {
        put!(out, "  {strong}{:names$}{strong:#}  {:versions$}", row.name, row.version);
        match &row.remark {
            Remark::Fine(text) => put!(out, "  {dim}{text}{dim:#}\n"),
            Remark::Doubt(text) => {
                put!(out, "  {warn}{text}{warn:#}\n");
                doubts = true;
            }
        }
        match &row.state {
            Some(State::Trouble(text)) => put!(out, "    {bad}✗{bad:#} {}\n", paragraph(text, 6, width)),
            Some(State::Known(text)) => put!(out, "    {dim}{text}{dim:#}\n"),
            None => {}
        }
        out.push_str(&columns.text(&row.files));
    }
    out.push('\n');
    if !absent.is_empty() {
        let text = format!("Not here: {}.", absent.join(", "));
        put!(out, "{dim}{}{dim:#}\n", paragraph(&text, 0, width));
    }
    if doubts {
        let text =
            "What was not verified may work otherwise: `session-bridge doctor` tells after the installation.";
        put!(out, "{dim}{}{dim:#}\n", paragraph(text, 0, width));
    }
    let text = format!(
        "Hooks run with your rights, each time such a CLI starts, gets a prompt or uses a tool; each runs {hook}."
    );
    put!(out, "{dim}{}{dim:#}\n", paragraph(&text, 0, width));
    let text = "Every change can be taken back: session-bridge uninstall --all";
    put!(out, "{dim}{}{dim:#}\n\n", paragraph(text, 0, width));
    out
}

/// The question, where there is more to agree to than the installation: what each answer means.
pub(super) fn answers(found: &[Found], width: Option<usize>) -> String {
    let strong = style::STRONG;
    let mut out = String::new();
    for (key, text) in [
        ("y", "install; a CLI may ask you before it runs the bridge's tools".to_owned()),
        ("a", format!("install, and agree to this as well: {}", more(found))),
        ("n", "change nothing".to_owned()),
    ] {
        put!(out, "  {strong}{key}{strong:#}  {}\n", paragraph(&text, 5, width));
    }
    out
}

/// What there is to agree to beyond the installation, in words.
pub(super) fn more(found: &[Found]) -> String {
    let who = |consent: Consent| -> Vec<&str> {
        found.iter().filter(|one| one.open.contains(&consent)).map(|one| one.card().name).collect()
    };
    let (tools, hooks) = (who(Consent::AllowTools), who(Consent::TrustHooks));
    let mut parts = Vec::new();
    if !tools.is_empty() {
        parts.push(format!("{} may run the bridge's tools unasked", named(&tools)));
    }
    if !hooks.is_empty() {
        parts.push(format!("the bridge's hooks in {} count as reviewed by you", named(&hooks)));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    /// A machine on which everything is, as seven providers would show it.
    fn seven(width: usize) -> String {
        let home = Some(Path::new("/home/ana"));
        let row =
            |name, version: &str, remark, state: Option<State>, files: &[(&'static str, &str, &str)]| Row {
                name,
                version: version.to_owned(),
                remark,
                state,
                files: files
                    .iter()
                    .map(|(verb, path, what)| Line::new(verb, &Path::new("/home/ana").join(path), what, home))
                    .collect(),
            };
        let fine = || Remark::Fine("verified");
        let doubt = |text: &str| Remark::Doubt(text.to_owned());
        let rows = [
            row(
                "Claude Code",
                "2.1.329",
                fine(),
                None,
                &[("edit", ".claude/settings.json", "6 hooks"), ("edit", ".claude.json", "tools")],
            ),
            row(
                "Codex CLI",
                "0.171.0",
                doubt("newer than the verified 0.169.0"),
                None,
                &[("create", ".codex/hooks.json", "6 hooks"), ("edit", ".codex/config.toml", "tools")],
            ),
            row("Gemini CLI", "0.61.0", fine(), Some(State::Known("installed, nothing to change")), &[]),
            row(
                "opencode",
                "",
                doubt("does not tell its version"),
                None,
                &[
                    ("create", ".config/opencode/plugins/session-bridge.js", "plugin"),
                    ("edit", ".config/opencode/opencode.jsonc", "tools"),
                ],
            ),
            row(
                "Grok Build",
                "1.0.41",
                fine(),
                Some(State::Trouble(
                    "left alone: ~/.grok/config.toml does not parse: invalid key (line 2, column 3)"
                        .to_owned(),
                )),
                &[],
            ),
            row("Cline", "3.0.0", fine(), None, &[("create", ".cline/mcp.json", "tools")]),
            row(
                "Cursor",
                "",
                doubt("no program on PATH"),
                None,
                &[("edit", ".cursor/hooks.json", "4 hooks, tools")],
            ),
        ];
        let text = render(&rows, &["Another CLI"], "~/.session-bridge/bin/session-bridge-hook", Some(width));
        let text = anstream::adapter::strip_str(&text).to_string();
        for line in text.lines() {
            assert!(wide(line) <= width, "wider than {width}: {line}");
        }
        text
    }

    #[test]
    fn seven_fit_on_80_columns() {
        assert_snapshot!(seven(80));
    }

    #[test]
    fn seven_fit_on_60_columns() {
        assert_snapshot!(seven(60));
    }
}
