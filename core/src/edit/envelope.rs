//! What surrounds the characters of a file: byte-order mark, encoding, line ends.

use super::Fault;

const BOM: &str = "\u{feff}";

/// A file's text without its byte-order mark, and how to put the mark back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    bom: bool,
}

impl Envelope {
    /// Takes the text out. Bytes that are not UTF-8 are a fault at the first bad one.
    pub(crate) fn open(bytes: &[u8]) -> Result<(Self, &str), Fault> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Fault::at(&good, good.len(), "the text is not UTF-8")
        })?;
        Ok(text.strip_prefix(BOM).map_or((Self { bom: false }, text), |rest| (Self { bom: true }, rest)))
    }

    /// Puts a text back.
    pub(crate) fn close(self, text: &str) -> Vec<u8> {
        if self.bom { [BOM, text].concat().into_bytes() } else { text.as_bytes().to_vec() }
    }
}

/// The line end of a text: that of its first line.
pub(crate) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Start of the line that holds `at`.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// End of the line that holds `at`, its line end included.
pub(crate) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The white space that a line begins with.
pub(crate) fn indent_at(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_is_taken_off_and_put_back() {
        let bytes = "\u{feff}{}".as_bytes();
        let (envelope, text) = Envelope::open(bytes).unwrap();
        assert_eq!(text, "{}");
        assert_eq!(envelope.close(text), bytes);
    }

    #[test]
    fn bad_encoding_has_a_place() {
        let fault = Envelope::open(b"a\nb\xff").unwrap_err();
        assert!(matches!(fault, Fault::Unparsable { line: 2, column: 2, .. }), "{fault:?}");
    }
}
