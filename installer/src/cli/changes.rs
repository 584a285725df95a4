//! Lines about files, for people: what happens, where, and to what.

use std::path::{Path, PathBuf};

use session_bridge_core::apply::{FileChange, Preview};
use session_bridge_core::frame::printable;
use session_bridge_core::plan::{EditOp, Plan};

use crate::term::{folder, paragraph, put, style, wide};

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Edit,
    Remove,
}

impl Action {
    fn of(file: &FileChange) -> Self {
        match (&file.before, &file.after) {
            (None, _) => Self::Create,
            (_, Ok(None)) => Self::Remove,
            _ => Self::Edit,
        }
    }

    /// Before it is done.
    pub(super) const fn plan(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Remove => "remove",
        }
    }

    /// Afterwards.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Edit => "edited",
            Self::Remove => "removed",
        }
    }
}

/// One file that gets another content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) path: PathBuf,
    /// What of ours is then in it.
    pub(super) what: String,
}

/// The files that a plan changes.
pub(super) fn of(plan: &Plan, preview: &Preview) -> Vec<Change> {
    let change = |file: &FileChange| Change {
        action: Action::of(file),
        path: file.path.clone(),
        what: contents(plan, &file.path),
    };
    preview.changes().map(change).collect()
}

/// `6 hooks, tools`: hooks are counted; server, consent and plugin have a word; other edits speak for themselves.
fn contents(plan: &Plan, path: &Path) -> String {
    let prefix = plan.provider.split('@').next().unwrap_or_default();
    let (mut hooks, mut rest) = (0, Vec::new());
    for edit in plan.edits.iter().filter(|edit| edit.file.path == path) {
        let name = edit.id.0.strip_prefix(prefix).unwrap_or(&edit.id.0);
        match name {
            _ if matches!(edit.op, EditOp::File { .. }) => rest.push("plugin".to_owned()),
            "/mcp-server" => rest.push("tools".to_owned()),
            "/allow-tools" => rest.push("your consent".to_owned()),
            name if name.starts_with("/hook/") => hooks += 1,
            _ => rest.push(edit.why.clone().into_owned()),
        }
    }
    let counted = match hooks {
        0 => None,
        1 => Some("1 hook".to_owned()),
        n => Some(format!("{n} hooks")),
    };
    counted.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}

/// One line: a word for what happens, the path, and a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    verb: &'static str,
    path: String,
    what: String,
}

impl Line {
    pub(super) fn new(verb: &'static str, path: &Path, what: &str, home: Option<&Path>) -> Self {
        Self { verb, path: printable(&folder(&path.to_string_lossy(), home)), what: what.to_owned() }
    }

    /// A line that is about something else than a file.
    pub(super) fn about(verb: &'static str, what: impl Into<String>) -> Self {
        Self { verb, path: printable(&what.into()), what: String::new() }
    }
}

/// How far in they begin.
const INDENT: usize = 4;
/// Between two columns.
const GAP: usize = 2;

/// The columns of several groups of lines, so that they stand below one another. Paths are never cut: where there is no
/// room for columns, remarks follow their paths, on a line of their own if need be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    verb: usize,
    path: usize,
    width: Option<usize>,
}

impl Columns {
    pub(super) fn of<'a>(lines: &(impl Iterator<Item = &'a Line> + Clone), width: Option<usize>) -> Self {
        let widest = |part: fn(&Line) -> usize| lines.clone().map(part).max().unwrap_or(0);
        // A path without a remark holds no column open.
        let path = widest(|line| if line.what.is_empty() { 0 } else { wide(&line.path) });
        let (verb, what) = (widest(|line| wide(line.verb)), widest(|line| wide(&line.what)));
        let all = INDENT + verb + GAP + path + GAP + what;
        let path = if width.is_none_or(|width| all <= width) { path } else { 0 };
        Self { verb, path, width }
    }

    pub(super) fn text(self, lines: &[Line]) -> String {
        let dim = style::DIM;
        let mut out = String::new();
        for Line { verb, path, what } in lines {
            let pad = " ".repeat(INDENT);
            put!(out, "{pad}{dim}{verb:<width$}{dim:#}  {path}", width = self.verb);
            let used = INDENT + self.verb + GAP + wide(path);
            if what.is_empty() {
            } else if self.width.is_some_and(|width| used + GAP + wide(what) > width) {
                let indent = INDENT + self.verb + GAP;
                let what = paragraph(what, indent, self.width);
                put!(out, "\n{}{dim}{what}{dim:#}", " ".repeat(indent));
            } else {
                let pad = " ".repeat(self.path.saturating_sub(wide(path)) + GAP);
                put!(out, "{pad}{dim}{what}{dim:#}");
            }
            out.push('\n');
        }
        out
    }
}

/// `a, b and c`.
pub(super) fn named(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: Option<usize>) -> String {
        let home = Some(Path::new("/home/u"));
        let lines = [
            Line::new("edit", Path::new("/home/u/.a/settings.json"), "6 hooks, tools", home),
            Line::new("create", Path::new("/etc/b.toml"), "tools", home),
            Line::new("remove", Path::new("/etc/c"), "", home),
        ];
        let text = Columns::of(&lines.iter(), width).text(&lines);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn remarks_give_way_and_paths_do_not() {
        let wide = "    edit    ~/.a/settings.json  6 hooks, tools\n    create  /etc/b.toml         tools\n    remove  /etc/c\n";
        assert_eq!(shown(None), wide);
        assert_eq!(shown(Some(46)), wide);
        assert_eq!(
            shown(Some(40)),
            "    edit    ~/.a/settings.json\n            6 hooks, tools\n    create  /etc/b.toml  tools\n    remove  /etc/c\n"
        );
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(named(&["a", "b", "c"]), "a, b and c");
        assert_eq!((named(&["a"]), named(&[])), ("a".to_owned(), String::new()));
    }
}
