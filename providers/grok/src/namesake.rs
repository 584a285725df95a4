//! Programs of other people that are called `grok` as well and keep their files in the same folder.

/// What `grok --version` prints tells them apart: Grok Build says `grok 1.0.41 (4220f3b224a6)`, the older ones a bare
/// number. Anything else is taken for Grok Build: a newer one may say more.
pub(crate) fn told_by(version: &str) -> Option<&'static str> {
    let said = version.trim();
    let bare = said.starts_with(|c: char| c.is_ascii_digit())
        && said.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    bare.then_some(
        "an older community CLI of the same name, which has the folder `.grok` as well and no such hooks",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_another_program() {
        for other in ["1.0.1\n", "0.0.34", "1.2.0-rc.1"] {
            assert!(told_by(other).is_some(), "{other}");
        }
        for own in ["grok 1.0.41 (4220f3b224a6)\n", "grok 2.0", "Grok Build 3", ""] {
            assert_eq!(told_by(own), None, "{own}");
        }
    }
}
