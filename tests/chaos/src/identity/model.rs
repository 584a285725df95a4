//! Who answers to what, told again without the bridge's code: from the documents alone.

use std::collections::BTreeSet;

use session_bridge_core::provider::Provider;

/// A session, as it should be.
#[derive(Clone)]
pub(super) struct Person {
    /// Known to the harness alone.
    pub(super) number: usize,
    pub(super) provider: &'static dyn Provider,
    /// The host's own id of the present conversation.
    pub(super) native: String,
    /// The bridge's id.
    pub(super) id: String,
    pub(super) label: String,
    pub(super) roles: Vec<String>,
    pub(super) live: bool,
}

/// What should come of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// It goes to these.
    To(BTreeSet<usize>),
    /// It goes to one of these: the sender asked for the newest of several.
    OneOf(BTreeSet<usize>),
    /// It is refused with this code, and nothing is stored.
    Refused(&'static str),
}

/// Everybody there ever was in a round.
#[derive(Default, Clone)]
pub(super) struct Model {
    pub(super) people: Vec<Person>,
}

/// Where every session is.
pub(super) const FOLDER: &str = "/PROJECT";

impl Model {
    /// `L`, else `L-2`, `L-3`, … among the live, for somebody who is not there or is `me`.
    pub(super) fn free_label(&self, base: &str, me: Option<usize>) -> String {
        let taken =
            |label: &str| self.people.iter().any(|p| p.live && p.label == label && Some(p.number) != me);
        let numbered = (2..).map(|n| format!("{base}-{n}"));
        std::iter::once(base.to_owned()).chain(numbered).find(|label| !taken(label)).unwrap_or_default()
    }

    /// Who is meant by an address.
    pub(super) fn resolve(&self, me: Option<usize>, to: &str, newest: bool) -> Expected {
        let numbers = |of: &dyn Fn(&Person) -> bool| -> BTreeSet<usize> {
            self.people.iter().filter(|person| of(person)).map(|person| person.number).collect()
        };
        let found = if to == "*" {
            let mut all = numbers(&|p| p.live);
            all.retain(|number| Some(*number) != me);
            return Expected::To(all);
        } else if let Some(folder) = to.strip_prefix("cwd:") {
            numbers(&|p| p.live && folder == FOLDER)
        } else {
            let name = to.to_lowercase();
            let named = numbers(&|p| p.live && (p.label == name || p.roles.contains(&name)));
            let prefix = to.to_uppercase();
            if named.is_empty() && to.len() >= 6 { numbers(&|p| p.id.starts_with(&prefix)) } else { named }
        };
        let mut others = found.clone();
        others.retain(|number| Some(*number) != me);
        match others.len() {
            1 => Expected::To(others),
            0 if found.is_empty() => Expected::Refused("unknown_recipient"),
            0 => Expected::Refused("recipient_is_self"),
            _ if newest => Expected::OneOf(others),
            _ => Expected::Refused("ambiguous_recipient"),
        }
    }
}
