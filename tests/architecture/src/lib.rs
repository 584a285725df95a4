//! The rules of the house, as tests: what the crates may import, what the invariants of `docs/ARCHITECTURE.md` promise,
//! and how sources look. This library reads sources; the rules are in `tests/`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a tree that cannot be read fails the rule that reads it"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The folder with the root manifest.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl Source {
    /// Whether it is compiled for tests only: integration tests, and every crate under `tests/`.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.contains("/benches/")
    }

    /// The lines that are shipped, counted from one, without comments and literals. Unit tests stand last in a file
    /// (see the rule in `tests/tidy.rs`), so everything from `#[cfg(test)]` on is left out.
    pub fn shipped(&self) -> Vec<(usize, String)> {
        let code = blank(&self.text);
        code.lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(index, line)| (index + 1, line.to_owned()))
            .collect()
    }
}

/// Every Rust source of the workspace, by path.
pub fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for top in ["core", "providers", "installer", "tests"] {
        walk(&root.join(top), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { path: relative, text: fs::read_to_string(path).unwrap() });
            }
        });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 30, "the sources are somewhere else");
    found
}

/// Calls `visit` for every file under `folder`, build output left out.
pub fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}

/// The code with comments, and what stands in string and character literals, replaced by spaces. Line breaks stay.
pub fn blank(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let mut out = String::with_capacity(code.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => comment_end(&chars, at),
            ('"', _) => string_end(&chars, at + 1),
            ('r', Some('"' | '#')) if !at.checked_sub(1).is_some_and(|i| is_word(chars[i])) => {
                raw_end(&chars, at + 1).unwrap_or(at)
            }
            ('\'', Some('\\')) => string_like_end(&chars, at + 1, '\''),
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len())
}

fn comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn string_end(chars: &[char], from: usize) -> usize {
    string_like_end(chars, from, '"')
}

fn string_like_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of a raw string whose `r` stands before `from`, if it is one.
fn raw_end(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (from + hashes + 1..chars.len()).find(|at| closes(*at))?;
    Some(end + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let code =
            "a(\"x.unwrap()\"); // b\n'\"'; r#\"c\"d\"#; /* e /* f */ g */ h::<'i>('\\'', 'j'); for_r\"k\"";
        assert_eq!(
            blank(code).split_whitespace().collect::<Vec<_>>().join(" "),
            "a( ); ; ; h::<'i>( , ); for_r"
        );
    }
}
