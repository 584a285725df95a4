//! Lines for a POSIX shell.

/// One word of a POSIX shell's line.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_would_read_is_quoted() {
        assert_eq!(word("/home/u/bin/x"), "/home/u/bin/x");
        assert_eq!(word("/home/it's me/$(x)"), r"'/home/it'\''s me/$(x)'");
        assert_eq!(word("~/x"), "'~/x'");
        assert_eq!(word(""), "''");
    }
}
