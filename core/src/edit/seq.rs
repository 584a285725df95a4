//! Entries between brackets and commas: JSON objects and arrays, TOML inline tables and arrays.
//!
//! Editing works on the text itself and touches nothing but the entry and its comma, so that whatever else stands
//! in the file stays as it was, byte for byte.

use std::ops::Range;

use super::envelope::{indent_at, line_start, newline};

/// How comments look between the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    /// `//` and `/* */`.
    Slash,
    /// `#`.
    Hash,
}

/// A bracketed sequence in a text.
#[derive(Debug)]
pub(crate) struct Seq {
    /// What stands between the brackets.
    pub(crate) inner: Range<usize>,
    /// The entries, in order.
    pub(crate) entries: Vec<Range<usize>>,
    pub(crate) comments: Comments,
}

/// Where a new entry goes, as its renderer must know it.
pub(crate) enum Layout<'a> {
    /// In one line with its neighbours.
    Inline,
    /// On lines of its own, behind this white space.
    Lines { indent: &'a str },
}

impl Seq {
    /// Appends an entry. `unit` is one step of indentation; `expand` says whether an empty sequence is opened up into
    /// lines; `render` writes the entry, without white space before its first line.
    pub(crate) fn push(
        &self,
        text: &str,
        unit: &str,
        expand: bool,
        render: impl FnOnce(&Layout<'_>) -> String,
    ) -> String {
        let eol = newline(text);
        let (start, end) = (self.inner.start, self.inner.end);
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return self.push_first(text, unit, expand, render);
        };
        let comma = self.comma(text, last.end..end);
        let in_lines = text[start..first.start].contains('\n');
        let mut out = Splices::default();
        if comma.is_none() {
            out.insert(last.end, ",");
        }
        let tail = if comma.is_some() { "," } else { "" };
        if in_lines {
            let own_line = text[line_start(text, last.start)..last.start].trim().is_empty();
            let near = if own_line { last.start } else { first.start };
            let indent = indent_at(text, near);
            let anchor = self.rest_of_line(text, comma.map_or(last.end, |at| at + 1));
            let entry = render(&Layout::Lines { indent });
            out.insert(anchor, &format!("{eol}{indent}{entry}{tail}"));
        } else {
            let anchor = comma.map_or(last.end, |at| at + 1);
            let anchor = self.rest_of_line(text, anchor);
            // A line comment would swallow the entry: go below it.
            let swallowed = self.ends_in_line_comment(text, comma.map_or(last.end, |at| at + 1)..anchor);
            let gap = if swallowed {
                eol
            } else if self.tight(text) {
                ""
            } else {
                " "
            };
            out.insert(anchor, &format!("{gap}{}{tail}", render(&Layout::Inline)));
        }
        out.apply(text)
    }

    fn push_first(
        &self,
        text: &str,
        unit: &str,
        expand: bool,
        render: impl FnOnce(&Layout<'_>) -> String,
    ) -> String {
        let eol = newline(text);
        let inner = &text[self.inner.clone()];
        let blank = inner.trim().is_empty();
        let mut out = Splices::default();
        if expand || inner.contains('\n') || !blank {
            let outer = indent_at(text, self.inner.start).to_owned();
            let indent = format!("{outer}{unit}");
            let entry = render(&Layout::Lines { indent: &indent });
            if blank {
                out.replace(self.inner.clone(), &format!("{eol}{indent}{entry}{eol}{outer}"));
            } else {
                // Only comments inside: go below the last of them.
                let anchor = self.inner.start + inner.trim_end().len();
                let close = if inner[inner.trim_end().len()..].contains('\n') {
                    String::new()
                } else {
                    format!("{eol}{outer}")
                };
                out.insert(anchor, &format!("{eol}{indent}{entry}{close}"));
            }
        } else {
            let entry = render(&Layout::Inline);
            let pad = if self.comments == Comments::Hash && text[..self.inner.start].ends_with('{') {
                " "
            } else {
                ""
            };
            out.replace(self.inner.clone(), &format!("{pad}{entry}{pad}"));
        }
        out.apply(text)
    }

    /// Takes an entry out, with the comma that goes with it.
    pub(crate) fn remove(&self, text: &str, index: usize) -> String {
        let entry = self.entries[index].clone();
        let next = self.entries.get(index + 1).map_or(self.inner.end, |next| next.start);
        let after = self.comma(text, entry.end..next);
        let mut out = Splices::default();
        let end = after.map_or(entry.end, |at| at + 1);
        if self.entries.len() == 1 {
            let around = (&text[self.inner.start..entry.start], &text[end..self.inner.end]);
            if around.0.trim().is_empty() && around.1.trim().is_empty() {
                out.replace(self.inner.clone(), "");
                return out.apply(text);
            }
        }
        if let (None, Some(before)) = (after, index.checked_sub(1))
            && let Some(at) = self.comma(text, self.entries[before].end..entry.start)
        {
            out.replace(at..at + 1, "");
        }
        let line = line_start(text, entry.start);
        let own_line = line > 0 && text[line..entry.start].trim().is_empty();
        let rest = text[end..].split('\n').next().unwrap_or_default();
        if own_line && rest.trim().is_empty() && end + rest.len() < text.len() {
            // Its own lines: they go with the line end before them.
            let before = line - 1;
            let before = if text[..before].ends_with('\r') { before - 1 } else { before };
            let tail = rest.trim_end_matches('\r').len();
            out.replace(before..end + tail, "");
        } else if own_line || index == 0 {
            let spaces =
                if after.is_some() { rest.len() - rest.trim_start_matches([' ', '\t']).len() } else { 0 };
            out.replace(entry.start..end + spaces, "");
        } else {
            let lead = text[..entry.start].trim_end_matches([' ', '\t']).len();
            out.replace(lead.max(self.entries[index - 1].end)..end, "");
        }
        out.apply(text)
    }

    /// Whether the text is written without spaces after commas and colons.
    fn tight(&self, text: &str) -> bool {
        self.comments == Comments::Slash && !text.contains(": ") && !text.contains(", ")
    }

    /// The first comma in a range that holds nothing but white space, comments and commas.
    fn comma(&self, text: &str, range: Range<usize>) -> Option<usize> {
        let mut at = range.start;
        while at < range.end {
            if let Some(end) = self.comment_end(text, at) {
                at = end;
            } else if text.as_bytes()[at] == b',' {
                return Some(at);
            } else {
                at += 1;
            }
        }
        None
    }

    /// Behind the comments that follow on the same line.
    fn rest_of_line(&self, text: &str, from: usize) -> usize {
        let (mut at, mut anchor) = (from, from);
        while at < self.inner.end {
            match text.as_bytes()[at] {
                b' ' | b'\t' => at += 1,
                _ => match self.comment_end(text, at) {
                    Some(end) if !text[at..end].contains('\n') => (at, anchor) = (end, end),
                    _ => break,
                },
            }
        }
        anchor
    }

    fn ends_in_line_comment(&self, text: &str, range: Range<usize>) -> bool {
        let gap = text[range].trim_end();
        !gap.is_empty() && (self.comments == Comments::Hash || !gap.ends_with("*/"))
    }

    /// If a comment begins at `at`, where it ends: for one that runs to the end of the line, before the line end.
    fn comment_end(&self, text: &str, at: usize) -> Option<usize> {
        let rest = &text.as_bytes()[at..];
        let to_line_end = || {
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            at + length - usize::from(length > 0 && rest[length - 1] == b'\r')
        };
        match self.comments {
            Comments::Hash => rest.starts_with(b"#").then(to_line_end),
            Comments::Slash if rest.starts_with(b"//") => Some(to_line_end()),
            Comments::Slash if rest.starts_with(b"/*") => {
                Some(text[at + 2..].find("*/").map_or(text.len(), |end| at + 2 + end + 2))
            }
            Comments::Slash => None,
        }
    }
}

/// Replacements that do not overlap, carried out at once.
#[derive(Debug, Default)]
pub(crate) struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    pub(crate) fn insert(&mut self, at: usize, text: &str) {
        self.replace(at..at, text);
    }

    pub(crate) fn replace(&mut self, range: Range<usize>, text: &str) {
        self.0.push((range, text.to_owned()));
    }

    pub(crate) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(text.len() + 256);
        let mut from = 0;
        for (range, new) in &self.0 {
            let start = range.start.max(from);
            out.push_str(&text[from..start]);
            out.push_str(new);
            from = range.end.max(from);
        }
        out.push_str(&text[from..]);
        out
    }
}
