//! Whole files of ours.

use super::Fault;

/// The file with our content. Someone else's file of that name is a clash.
pub(crate) fn ensure(content: Option<&[u8]>, text: &str, owned: bool) -> Result<Vec<u8>, Fault> {
    match content {
        Some(bytes) if bytes != text.as_bytes() && !owned => {
            Err(Fault::clash(&[], "is a file that session-bridge did not write"))
        }
        _ => Ok(text.as_bytes().to_vec()),
    }
}

/// What is left without our content: nothing, what was written around it, or, if ours was rewritten, all of it.
pub(crate) fn strip(content: &[u8], text: &str) -> Option<Vec<u8>> {
    if content == text.as_bytes() {
        return None;
    }
    let rest = std::str::from_utf8(content).ok().filter(|_| !text.is_empty()).and_then(|all| {
        let at = all.find(text)?;
        Some([&all[..at], &all[at + text.len()..]].concat().into_bytes())
    });
    Some(rest.unwrap_or_else(|| content.to_vec()))
}
