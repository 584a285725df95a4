//! Marks by which a text of ours is known again when its host gives it back to a hook.
//!
//! Some hosts make the reason of a block their next prompt, and tell the prompt hook so. The text begins with the id of
//! its attempt: no other prompt has it, so this one is known to begin no turn of its own.

use crate::id::AttemptId;

const BEGIN: &str = "[session-bridge delivery ";
const END: &str = "]\n";
const ID_CHARS: usize = 26;

/// How much longer a marked text is, in bytes.
pub const BYTES: usize = BEGIN.len() + ID_CHARS + END.len();

/// The text with its attempt in front.
pub fn marked(attempt: AttemptId, text: &str) -> String {
    format!("{BEGIN}{attempt}{END}{text}")
}

/// The attempt whose text a prompt is, given as the JSON of a hook's payload. Looks at its beginning only.
pub fn in_json(json: &str) -> Option<AttemptId> {
    let id = json.strip_prefix('"')?.strip_prefix(BEGIN)?.get(..ID_CHARS)?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ours_is_known_again() {
        let id = AttemptId::generate();
        let text = marked(id, "a \"b\"");
        assert_eq!(text.len(), BYTES + 5);
        assert_eq!(in_json(&serde_json::to_string(&text).unwrap()), Some(id));
        for other in
            [format!(" {text}"), BEGIN.to_owned(), format!("{BEGIN}{}", "é".repeat(20)), String::new()]
        {
            assert_eq!(in_json(&serde_json::to_string(&other).unwrap()), None, "{other}");
        }
        assert_eq!(in_json("7"), None);
    }
}
