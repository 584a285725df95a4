//! Names that a reader would take for another one.

use session_bridge_core::home::Home;
use session_bridge_core::name::Name;
use session_bridge_store::{Role, Store};
use unicode_security::skeleton;

use super::defaults;
use crate::report::Failure;

/// Refuses a name that looks like a label or role which is already known and is not the same.
pub(crate) fn refuse(home: &Home, names: &[&Name]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let mut known = known(home)?;
    for name in names {
        if let Some(other) = confused(name.as_str(), &known) {
            return Err(Failure::usage(
                "confusable_name",
                format!("`{name}` looks like `{other}`, which is already in use, and is another name"),
                "choose a name that nobody can mistake for it",
            ));
        }
        known.push(name.to_string());
    }
    Ok(())
}

fn known(home: &Home) -> Result<Vec<String>, Failure> {
    let mut known = Vec::new();
    for defaults in defaults::load(home)?.providers.into_values() {
        known.extend(defaults.label.iter().chain(&defaults.roles).map(ToString::to_string));
    }
    // Looking must not make a store.
    if home.store().exists() {
        for view in Store::open(home, Role::Cli)?.sessions(None, false)? {
            known.push(view.session.label);
            known.extend(view.session.roles);
        }
    }
    Ok(known)
}

/// The first known name with the same look that is not the same name. Names that differ in case only are the same.
fn confused<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let look = |text: &str| -> String { skeleton(&text.to_lowercase()).collect() };
    let lower = name.to_lowercase();
    known.iter().map(String::as_str).find(|other| other.to_lowercase() != lower && look(other) == look(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_script_is_another_name_with_the_same_look() {
        let known = ["api".to_owned(), "pay-1".to_owned()];
        assert_eq!(confused("\u{430}\u{440}\u{456}", &known), Some("api"));
        assert_eq!(confused("pay-l", &known), Some("pay-1"));
        assert_eq!(confused("API", &known), None);
        assert_eq!(confused("web", &known), None);
    }
}
