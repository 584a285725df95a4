//! Which CLI runs a hook of ours, whatever the entry's arguments say: some CLIs run the hooks of others, some copy them
//! into files of their own, and some drop the arguments on the way.
//!
//! What proves it is data, the marks of each [`Card`](crate::provider::Card). They weigh in this order:
//!
//! 1. a field of the payload that one host alone sends;
//! 2. a variable that holds the very session id of the payload. A host started inside another inherits its variables, but
//!    not its session;
//! 3. the name of the process that runs the hook: the nearest, since farther ones may be hosts of that host;
//! 4. the entry's argument, which is a hint.

use std::ffi::OsString;

use crate::provider::Provider;

/// What one CLI does and no other, when it runs a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// Each payload has this member at its top level.
    Field(&'static str),
    /// This variable of the hook holds the payload's session id, a string of the top level.
    Session {
        /// The variable.
        variable: &'static str,
        /// The member of the payload.
        field: &'static str,
    },
    /// The process that hosts the hook has this name.
    Process(&'static str),
}

impl Mark {
    /// [`Mark::Session`] for a payload with the usual `session_id`.
    pub const fn session(variable: &'static str) -> Self {
        Self::Session { variable, field: "session_id" }
    }
}

/// The members by which hosts name their events, the first one found counts.
const EVENT_NAMES: [&[u8]; 3] = [b"hook_event_name", b"hookEventName", b"hookName"];

/// What shows where a hook's payload is from.
#[derive(Clone, Copy, Default)]
#[expect(missing_debug_implementations, reason = "providers have none")]
pub struct Origin<'a> {
    by_field: Option<&'static dyn Provider>,
    by_session: Option<&'static dyn Provider>,
    /// The host's own name of the event, as its payload says it.
    pub event: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// Looks at a payload and at the hook's environment.
    pub fn of(
        providers: &[&'static dyn Provider],
        payload: &'a [u8],
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let mut found = Self::default();
        let mut event = (EVENT_NAMES.len(), None);
        for (name, value) in Members::of(payload) {
            for provider in providers {
                for mark in provider.card().marks {
                    match *mark {
                        Mark::Field(field) if field.as_bytes() == name => {
                            found.by_field = found.by_field.or(Some(*provider));
                        }
                        Mark::Session { variable, field }
                            if field.as_bytes() == name && found.by_session.is_none() =>
                        {
                            let id = value.filter(|id| !id.is_empty());
                            let held = id.is_some_and(|id| env(variable).is_some_and(|v| same(&v, id)));
                            found.by_session = held.then_some(*provider);
                        }
                        _ => {}
                    }
                }
            }
            if let Some(rank) = EVENT_NAMES.iter().position(|known| *known == name)
                && rank < event.0
                && let Some(told) = value.and_then(|value| std::str::from_utf8(value).ok())
            {
                event = (rank, Some(told));
            }
        }
        Self { event: event.1.filter(|name| !name.is_empty()), ..found }
    }

    /// The provider whose CLI it is. `process` names the process that hosts the hook; it is asked only if payload and
    /// environment prove nothing.
    pub fn provider<'n>(
        &self,
        providers: &[&'static dyn Provider],
        process: impl FnOnce() -> Option<&'n str>,
    ) -> Option<&'static dyn Provider> {
        self.by_field.or(self.by_session).or_else(|| by_process(providers, process()?))
    }
}

/// The provider whose CLI has processes of this name.
pub fn by_process(providers: &[&'static dyn Provider], name: &str) -> Option<&'static dyn Provider> {
    let is_its = |mark: &Mark| matches!(*mark, Mark::Process(known) if known == name);
    providers.iter().copied().find(|provider| provider.card().marks.iter().any(is_its))
}

fn same(value: &OsString, bytes: &[u8]) -> bool {
    value.as_encoded_bytes() == bytes
}

/// The members of a JSON object's top level, in their order: names, and values where they are strings. Both as they stand
/// in the text, escapes included: no name or id that matters has any. Ends at what is no JSON.
struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    fn of(json: &'a [u8]) -> Self {
        Self { rest: json.trim_ascii_start().strip_prefix(b"{").unwrap_or_default() }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (name, rest) = string(rest)?;
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, rest) = match string(rest) {
            Some((text, rest)) => (Some(text), rest),
            None => (None, behind(rest)),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// A string at the beginning: what stands between its quotes, and what comes after them.
fn string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = json.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if text.get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        at += 2;
    }
}

/// What comes after a value that is not a string.
fn behind(mut json: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    loop {
        let Some(at) = json.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']' | b','))
        else {
            return &[];
        };
        let (byte, rest) = (json[at], &json[at + 1..]);
        match byte {
            b'"' => match string(&json[at..]) {
                Some((_, rest)) => json = rest,
                None => return &[],
            },
            b',' if depth == 0 => return &json[at..],
            b'}' | b']' if depth == 0 => return &[],
            b'}' | b']' if depth == 1 => return rest,
            b'}' | b']' => (depth, json) = (depth - 1, rest),
            b'{' | b'[' => (depth, json) = (depth + 1, rest),
            _ => json = rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Vec<(&str, Option<&str>)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Members::of(json.as_bytes()).map(|(name, value)| (text(name), value.map(text))).collect()
    }

    #[test]
    fn only_the_top_level_is_looked_at() {
        let json = r#" { "a" : "x", "b":{"c":"}","d":[1,{"e":"]"}]} , "f":[["g","h"],{}],"i":-1.5e3,"j":null,"k":"" } "#;
        let expected =
            [("a", Some("x")), ("b", None), ("f", None), ("i", None), ("j", None), ("k", Some(""))];
        assert_eq!(members(json), expected);
    }

    #[test]
    fn quotes_and_backslashes_in_strings_end_nothing() {
        let json =
            r#"{"prompt":"say \"session_id\":\"x\" and \\","tool":{"out":"\\\"}{["},"session_id":"s"}"#;
        assert_eq!(members(json).last(), Some(&("session_id", Some("s"))));
        assert_eq!(members(json).len(), 3);
    }

    #[test]
    fn what_is_no_json_ends_it() {
        for json in
            ["", "[]", "null", "{", "{\"a", "{\"a\"", "{\"a\":", "{a:1}", "{\"a\":\"x\\", "\u{feff}{}"]
        {
            assert!(members(json).len() <= 1, "{json}");
        }
        for json in ["{\"a\":{\"b\":\"", "{\"a\":[[[", "{\"a\":1"] {
            assert_eq!(members(json), [("a", None)], "{json}");
        }
    }

    #[test]
    fn the_event_is_the_payloads_own() {
        let event = |json: &'static str| Origin::of(&[], json.as_bytes(), |_| None).event;
        assert_eq!(event(r#"{"hookEventName":"stop","hook_event_name":"Stop"}"#), Some("Stop"));
        assert_eq!(event(r#"{"hook_event_name":"Stop","hookEventName":"stop"}"#), Some("Stop"));
        assert_eq!(event(r#"{"hookEventName":"stop"}"#), Some("stop"));
        assert_eq!(event(r#"{"hook_event_name":7}"#), None);
        assert_eq!(event(r#"{"tool_input":{"hook_event_name":"Stop"}}"#), None);
    }
}
