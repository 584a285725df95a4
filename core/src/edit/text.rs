//! Blocks between fence lines, in text that is someone else's.

use std::ops::Range;

use super::Fault;
use super::envelope::newline;

/// A block's fence lines and what stands between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) open: &'a str,
    pub(crate) close: &'a str,
    pub(crate) text: &'a str,
}

impl Block<'_> {
    /// Where the block stands, with its last line end, if it does.
    pub(crate) fn find(&self, text: &str) -> Result<Option<Range<usize>>, Fault> {
        let mut at = 0;
        let mut start = None;
        for line in text.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\r', '\n']);
            match start {
                None if bare == self.open => start = Some(at),
                Some(start) if bare == self.close => return Ok(Some(start..at + line.len())),
                _ => {}
            }
            at += line.len();
        }
        match start {
            Some(_) => {
                Err(Fault::clash(&[], &format!("holds `{}` without `{}` after it", self.open, self.close)))
            }
            None => Ok(None),
        }
    }

    /// The lines of the block, without the last line end.
    pub(crate) fn lines(&self, eol: &str) -> String {
        let text = self.text.trim_end_matches('\n').replace('\n', eol);
        [self.open, &text, self.close].join(eol)
    }

    /// The text with exactly this block in it.
    pub(crate) fn ensure(&self, text: &str) -> Result<String, Fault> {
        let eol = newline(text);
        let lines = self.lines(eol);
        Ok(match self.find(text)? {
            Some(range) => {
                let tail = if text[range.clone()].ends_with('\n') { eol } else { "" };
                [&text[..range.start], &lines, tail, &text[range.end..]].concat()
            }
            None if text.is_empty() || text.ends_with('\n') => [text, &lines, eol].concat(),
            None => [text, eol, &lines].concat(),
        })
    }

    /// The text without the block.
    pub(crate) fn strip(&self, text: &str) -> Result<String, Fault> {
        let Some(range) = self.find(text)? else { return Ok(text.to_owned()) };
        let (before, after) = (&text[..range.start], &text[range.end..]);
        // A text without a final newline gave the block a line end to stand behind; it goes too.
        let before = if after.is_empty() && !text.ends_with('\n') {
            before.strip_suffix('\n').map_or(before, |rest| rest.strip_suffix('\r').unwrap_or(rest))
        } else {
            before
        };
        Ok([before, after].concat())
    }
}
