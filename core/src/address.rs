//! One grammar and one resolver for every place that takes an address.

use std::path::PathBuf;

use crate::id::SessionId;
use crate::name::{MAX_NAME_CHARS, Name};

/// Shortest prefix of a session id that is an address.
pub const MIN_PREFIX: usize = 6;

/// What somebody typed after "to".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `*`: everyone else in the room.
    Everyone,
    /// `#name`.
    Channel(Name),
    /// `cwd:/abs/path`.
    Cwd(PathBuf),
    /// `repo:name`.
    Repo(String),
    /// `@handle/label`.
    Contact(String),
    /// A label, a role, a session id or a prefix of one.
    Named(String),
}

/// A session as far as addressing is concerned.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its id.
    pub id: SessionId,
    /// Its label.
    pub label: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Its folder.
    pub cwd: String,
    /// Its repository's name.
    pub repo: Option<String>,
    /// Whether it has ended; ended sessions are reached by id alone.
    pub ended: bool,
    /// When it was last seen, in milliseconds since 1970.
    pub seen: i64,
}

impl Candidate {
    fn brief(&self) -> String {
        let state = if self.ended { ", ended" } else { "" };
        format!("{} ({}{state})", self.label, self.id)
    }
}

/// An address leads nowhere, or to more than one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is no address at all.
    #[error("`{0}` is not an address")]
    Malformed(String),
    /// Nobody answers to it.
    #[error("no session answers to `{address}`{}", near_text(near))]
    Unknown {
        /// What was asked for.
        address: String,
        /// Similar addresses that exist.
        near: Vec<String>,
    },
    /// Several sessions answer to it.
    #[error("`{address}` is ambiguous: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        address: String,
        /// Who answers to it.
        candidates: Vec<String>,
    },
    /// Only the sender itself answers to it.
    #[error("`{0}` is this session itself")]
    Oneself(String),
    /// Channels and contacts are not there yet.
    #[error("`{0}` is a kind of address that this version does not serve")]
    Unsupported(String),
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; near: {}", near.join(", ")) }
}

impl AddressError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "bad_address",
            Self::Unknown { .. } => "unknown_recipient",
            Self::Ambiguous { .. } => "ambiguous_recipient",
            Self::Oneself(_) => "recipient_is_self",
            Self::Unsupported(_) => "unsupported_address",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Malformed(_) => {
                "use a label, a role, a session id or 6 and more of its characters, cwd:/abs/path, repo:name, or *"
            }
            Self::Unknown { .. } => "list the sessions of this room and use a label or id from there",
            Self::Ambiguous { .. } => "use the id of the one you mean, or ask for the newest",
            Self::Oneself(_) => "choose another session",
            Self::Unsupported(_) => "use a session's label or id",
        }
    }
}

/// Parses an address. Syntax alone; whether it leads anywhere is [`resolve`]'s business.
pub fn parse(text: &str) -> Result<Address, AddressError> {
    let malformed = || AddressError::Malformed(text.chars().filter(|c| !c.is_control()).take(80).collect());
    if text == "*" {
        return Ok(Address::Everyone);
    }
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(malformed());
    }
    if let Some(name) = text.strip_prefix('#') {
        return name.parse().map(Address::Channel).map_err(|_| malformed());
    }
    if text.starts_with('@') {
        return Ok(Address::Contact(text.to_owned()));
    }
    if let Some(path) = text.strip_prefix("cwd:") {
        let path = PathBuf::from(path);
        return if path.is_absolute() { Ok(Address::Cwd(path)) } else { Err(malformed()) };
    }
    if let Some(repo) = text.strip_prefix("repo:") {
        return if repo.is_empty() { Err(malformed()) } else { Ok(Address::Repo(repo.to_owned())) };
    }
    if text.parse::<Name>().is_ok() { Ok(Address::Named(text.to_owned())) } else { Err(malformed()) }
}

/// Finds who is meant among the sessions of one room. `me` is never a recipient. With `newest`, the session that was
/// seen last wins among several.
pub fn resolve(
    address: &Address,
    room: &[Candidate],
    me: Option<SessionId>,
    newest: bool,
) -> Result<Vec<SessionId>, AddressError> {
    let (text, found): (String, Vec<&Candidate>) = match address {
        Address::Everyone => {
            return Ok(room.iter().filter(|c| !c.ended && Some(c.id) != me).map(|c| c.id).collect());
        }
        Address::Channel(name) => return Err(AddressError::Unsupported(format!("#{name}"))),
        Address::Contact(text) => return Err(AddressError::Unsupported(text.clone())),
        Address::Cwd(path) => {
            let wanted = path.to_string_lossy();
            let wanted = trim_slash(&wanted);
            (format!("cwd:{wanted}"), live(room, |c| trim_slash(&c.cwd) == wanted))
        }
        Address::Repo(repo) => (
            format!("repo:{repo}"),
            live(room, |c| c.repo.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(repo))),
        ),
        Address::Named(name) => (name.clone(), named(name, room)),
    };
    let others: Vec<&&Candidate> = found.iter().filter(|c| Some(c.id) != me).collect();
    match (others.as_slice(), found.is_empty()) {
        ([one], _) => Ok(vec![one.id]),
        ([], true) => Err(AddressError::Unknown { near: near(&text, room, me), address: text }),
        ([], false) => Err(AddressError::Oneself(text)),
        (many, _) if newest => {
            Ok(many.iter().max_by_key(|c| (c.seen, c.id)).map(|c| c.id).into_iter().collect())
        }
        (many, _) => Err(AddressError::Ambiguous {
            address: text,
            candidates: many.iter().map(|c| c.brief()).collect(),
        }),
    }
}

fn live(room: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Vec<&Candidate> {
    room.iter().filter(|c| !c.ended && fits(c)).collect()
}

/// Labels and roles of live sessions first; an id or its prefix also reaches sessions that have ended.
fn named<'a>(name: &str, room: &'a [Candidate]) -> Vec<&'a Candidate> {
    let lower = name.to_lowercase();
    let by_name =
        live(room, |c| c.label.to_lowercase() == lower || c.roles.iter().any(|r| r.to_lowercase() == lower));
    if !by_name.is_empty() || name.len() < MIN_PREFIX {
        return by_name;
    }
    let upper = name.to_ascii_uppercase();
    room.iter().filter(|c| c.id.to_string().starts_with(&upper)).collect()
}

/// Up to five names that look similar, the most similar first. Nothing is similar to a text that is far longer than a name.
fn near(text: &str, room: &[Candidate], me: Option<SessionId>) -> Vec<String> {
    if text.len() > 4 * MAX_NAME_CHARS {
        return Vec::new();
    }
    let wanted = text.to_lowercase();
    let mut scored: Vec<(usize, String)> = Vec::new();
    for c in room.iter().filter(|c| Some(c.id) != me) {
        for name in std::iter::once(&c.label).chain(&c.roles) {
            let lower = name.to_lowercase();
            let related = lower.contains(&wanted) || wanted.contains(&lower);
            let distance = if related { 1 } else { distance(&wanted, &lower) };
            if distance <= wanted.chars().count().max(3) / 2 {
                scored.push((distance, if c.ended { c.brief() } else { name.clone() }));
            }
        }
    }
    scored.sort();
    scored.dedup();
    scored.into_iter().take(5).map(|(_, name)| name).collect()
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn trim_slash(path: &str) -> &str {
    if path.len() > 1 { path.trim_end_matches('/') } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(label: &str, roles: &[&str], ended: bool, seen: i64) -> Candidate {
        Candidate {
            id: SessionId::generate(),
            label: label.into(),
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
            cwd: "/src/shop".into(),
            repo: Some("shop".into()),
            ended,
            seen,
        }
    }

    fn find(text: &str, room: &[Candidate], me: Option<SessionId>) -> Result<Vec<SessionId>, AddressError> {
        resolve(&parse(text)?, room, me, false)
    }

    #[test]
    fn labels_roles_ids_folders_and_repositories() {
        let room = [someone("api", &["backend"], false, 1), someone("web", &["frontend"], false, 2)];
        let me = Some(room[1].id);
        let api = vec![room[0].id];
        for text in ["api", "API", "backend", "cwd:/src/shop/", "repo:Shop", "*"] {
            assert_eq!(find(text, &room, me).unwrap(), api, "{text}");
        }
        let id = room[0].id.to_string();
        assert_eq!(find(&id.to_lowercase(), &room, me).unwrap(), api);
        assert_eq!(find(&id[..20], &room, me).unwrap(), api);
    }

    #[test]
    fn unknown_names_list_near_ones() {
        let room = [someone("backend-api", &[], false, 1), someone("old", &[], true, 1)];
        let error = find("backend-apy", &room, None).unwrap_err();
        assert!(error.to_string().contains("near: backend-api"), "{error}");
        let error = find("old", &room, None).unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
    }

    #[test]
    fn ambiguity_lists_candidates_unless_newest_is_asked_for() {
        let room = [someone("a", &["dev"], false, 1), someone("b", &["dev"], false, 9)];
        let error = find("dev", &room, None).unwrap_err();
        assert!(matches!(&error, AddressError::Ambiguous { candidates, .. } if candidates.len() == 2));
        let newest = resolve(&parse("dev").unwrap(), &room, None, true).unwrap();
        assert_eq!(newest, vec![room[1].id]);
        assert_eq!(
            find("dev", &room, Some(room[0].id)).unwrap(),
            vec![room[1].id],
            "a sender is not its own peer"
        );
    }

    #[test]
    fn oneself_is_named_as_such() {
        let room = [someone("me", &[], false, 1)];
        assert_eq!(find("me", &room, Some(room[0].id)), Err(AddressError::Oneself("me".into())));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "a b", "../x", "cwd:rel", "repo:", "a\u{0}", "#", "$(x)"] {
            assert!(matches!(parse(bad), Err(AddressError::Malformed(_))), "{bad:?}");
        }
        assert!(matches!(find("#dev", &[], None), Err(AddressError::Unsupported(_))));
    }
}
