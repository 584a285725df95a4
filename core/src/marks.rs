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

    /// The member of the payload that it is about.
    const fn field(&self) -> Option<&'static str> {
        match *self {
            Self::Field(field) | Self::Session { field, .. } => Some(field),
            Self::Process(_) => None,
        }
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
        let mut rank = EVENT_NAMES.len();
        let lengths = lengths(providers);
        members(payload, |name, value| {
            // Most members are none's, and the hook runs at every tool call.
            if lengths & length_bit(name.len()) != 0 {
                for provider in providers {
                    for mark in provider.card().marks {
                        found.weigh(*provider, mark, name, value, &env);
                    }
                }
            }
            if name.starts_with(b"hook")
                && let Some(better) = EVENT_NAMES[..rank].iter().position(|known| *known == name)
                && let Some(told) = value.and_then(|value| std::str::from_utf8(value).ok())
            {
                rank = better;
                found.event = Some(told).filter(|told| !told.is_empty());
            }
        });
        found
    }

    fn weigh(
        &mut self,
        provider: &'static dyn Provider,
        mark: &Mark,
        name: &[u8],
        value: Option<&[u8]>,
        env: &impl Fn(&str) -> Option<OsString>,
    ) {
        match *mark {
            Mark::Field(field) if field.as_bytes() == name => {
                self.by_field = self.by_field.or(Some(provider));
            }
            Mark::Session { variable, field } if field.as_bytes() == name && self.by_session.is_none() => {
                let id = value.filter(|id| !id.is_empty());
                let held = id.is_some_and(|id| env(variable).is_some_and(|v| v.as_encoded_bytes() == id));
                self.by_session = held.then_some(provider);
            }
            _ => {}
        }
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

/// The lengths that the members have which some mark is about, as bits.
fn lengths(providers: &[&'static dyn Provider]) -> u64 {
    let mut bits = 0;
    for provider in providers {
        for mark in provider.card().marks {
            bits |= mark.field().map_or(0, |field| length_bit(field.len()));
        }
    }
    bits
}

/// Names of 63 bytes and more share a bit.
const fn length_bit(length: usize) -> u64 {
    1 << if length < 63 { length } else { 63 }
}

/// The provider whose CLI has processes of this name.
pub fn by_process(providers: &[&'static dyn Provider], name: &str) -> Option<&'static dyn Provider> {
    let is_its = |mark: &Mark| matches!(*mark, Mark::Process(known) if known == name);
    providers.iter().copied().find(|provider| provider.card().marks.iter().any(is_its))
}

/// The members of a JSON object's top level, in their order: names, and values where they are strings. Both as they stand
/// in the text, escapes included: no name or id that matters has any. What is no JSON ends it; whether it is, the provider
/// says who decodes it.
fn members<'a>(json: &'a [u8], mut each: impl FnMut(&'a [u8], Option<&'a [u8]>)) {
    let json = json.trim_ascii_start();
    if json.first() != Some(&b'{') {
        return;
    }
    let (mut at, mut depth) = (0, 0_usize);
    let mut named = None;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let Some(end) = end_of_string(json, at + 1) else { return };
                if depth == 1 {
                    let text = &json[at + 1..end];
                    match named.take() {
                        Some(name) => each(name, Some(text)),
                        None => named = Some(text),
                    }
                }
                at = end;
            }
            b',' | b'{' | b'[' | b'}' | b']' => {
                if let (1, Some(name)) = (depth, named.take()) {
                    each(name, None);
                }
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth <= 1 => return,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote stands that ends the string beginning at `at`.
fn end_of_string(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match json.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Vec<(&str, Option<&str>)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let mut found = Vec::new();
        super::members(json.as_bytes(), |name, value| found.push((text(name), value.map(text))));
        found
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
    fn what_is_no_object_has_none() {
        for json in
            ["", "[\"session_id\",\"x\"]", "null", "{", "{\"a", "{\"a\":\"x\\", "\u{feff}{\"a\":1}", "{}}"]
        {
            assert_eq!(members(json), [], "{json}");
        }
        for json in ["{\"a\":{\"b\":\"", "{\"a\":[[[", "{\"a\":1}", "{\"a\":1}}{\"b\":2}"] {
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
