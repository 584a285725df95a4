//! What is wrong with what a command printed.

/// The styles that the program has; a peer's text never has these, see [`crate::hostile`].
const STYLES: &[&str] = &["0", "1", "2", "4", "31", "32", "33", "36"];

/// The first thing in an output that a terminal would obey, other than line ends, tabs and our own colours.
pub fn obeyed(printed: &str) -> Option<String> {
    let mut rest = printed;
    while let Some(at) =
        rest.find(|c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || crate::judge::turns(c))
    {
        let colour = rest[at..].strip_prefix("\u{1b}[").and_then(|after| after.split_once('m'));
        match colour.filter(|(parts, _)| parts.split(';').all(|part| STYLES.contains(&part))) {
            Some((_, after)) => rest = after,
            None => return Some(rest[at..].chars().take(24).collect()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::obeyed;

    #[test]
    fn our_colours_are_no_escapes() {
        assert_eq!(obeyed("\u{1b}[1m\u{1b}[31merror\u{1b}[0m: x\n\ty"), None);
        for bad in [
            "\u{1b}[2J",
            "\u{1b}[5;41m",
            "\u{9b}31m",
            "\u{1b}]0;x\u{7}",
            "\u{202e}",
            "\r",
            "\u{1b}[0",
            "\u{7f}",
        ] {
            assert!(obeyed(&format!("text {bad}")).is_some(), "{bad:?}");
        }
    }
}
