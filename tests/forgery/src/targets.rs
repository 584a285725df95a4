//! One function for each place where bytes of others come in. A fuzzer of `tests/fuzz` feeds them, and a test feeds
//! them the committed corpus: whatever the bytes are, nothing panics, and what must hold holds.

#![expect(
    clippy::missing_panics_doc,
    reason = "a fuzzer is told by a panic, and each says what did not hold"
)]

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use session_bridge_core::address::{self, Address};
use session_bridge_core::apply::{self, Disk};
use session_bridge_core::edit;
use session_bridge_core::event::{HookCall, Reply};
use session_bridge_core::frame::{self, Fence, Header};
use session_bridge_core::message::{self, Kind, Via};
use session_bridge_core::name::Name;
use session_bridge_core::nudge::Nudge;
use session_bridge_core::plan::{Clash, ConfigEdit, EditOp, Format, Match, OnRemove, Plan, Target, Test};
use session_bridge_core::provider::Provider;
use session_bridge_core::{echo, look};
use session_bridge_providers::{PROVIDERS, by_id};

use crate::judge::{self, Sent};
use crate::screen::obeyed;

/// What takes the bytes of a corpus file.
pub type Run = fn(&[u8]);

/// The targets by name; `mcp` is in the crate that has the server.
pub const TARGETS: &[(&str, Run)] =
    &[("decode", decode), ("address", address), ("frame", frame), ("edit", edit)];

/// The words for a format on the first line of `edit`; any other stands for the one that takes most.
pub const FORMATS: &[(&str, Format)] = &[
    ("json", Format::Json),
    ("jsonc", Format::Jsonc),
    ("commented-json", Format::CommentedJson),
    ("toml", Format::Toml),
    ("text", Format::Text),
];

/// A hook's payload. The first line names provider and event; without such a line every provider's events are tried.
pub fn decode(data: &[u8]) {
    let (first, rest) = first_line(data);
    let mut words = first.split(' ');
    let named = words.next().and_then(by_id).zip(words.next());
    if let Some((provider, event)) = named {
        one(provider, event, rest);
        return;
    }
    for provider in PROVIDERS {
        for spec in provider.card().hooks {
            one(*provider, spec.event, data);
        }
    }
}

fn one(provider: &dyn Provider, event: &str, stdin: &[u8]) {
    let Ok(event) = provider.decode(&HookCall { event, stdin }) else { return };
    assert!(!event.native.is_empty(), "an event of no session");
    let _ = event.identity();
    if let Some(nudge) = &event.nudge {
        assert_eq!(nudge.wake.as_str().len(), 6);
    }
    for reply in [Reply::Silent, Reply::carrying(event.moment, "text"), Reply::Drop("why")] {
        let output = provider.encode(&event, &reply);
        let readable = output.stdout.is_empty() || serde_json::from_slice::<Value>(&output.stdout).is_ok();
        assert!(readable, "hosts read JSON");
    }
}

/// What somebody types as an address, name or kind.
pub fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match address::parse(&text) {
        Ok(Address::Named(name)) => assert!(name.parse::<Name>().is_ok(), "{name:?}"),
        Ok(_) => assert!(!text.chars().any(char::is_control), "{text:?}"),
        Err(error) => assert!(obeyed(&frame::printable(&error.to_string())).is_none()),
    }
    if let Ok(name) = text.parse::<Name>() {
        assert!(!name.as_str().chars().any(|c| c.is_control() || c.is_whitespace() || look::is_invisible(c)));
        assert!(name.looks_like(name.as_str()) && name.same_as(&name.as_str().to_lowercase()));
        assert!(name.numbered(2).as_str().parse::<Name>().is_ok());
    }
    assert!(Name::slug(&text, "project").as_str().parse::<Name>().is_ok());
    if let Ok(kind) = message::check(&text, None, "x", 1) {
        assert!(!judge::same_look(kind.as_str(), "system"), "{kind}");
    }
}

/// A message whose first line is its subject.
pub fn frame(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (subject, body) = text.split_once('\n').unwrap_or(("", &text));
    let fence = Fence::fresh(&[body]);
    let header = Header {
        id: "01J00000000000000000000000".to_owned(),
        from: "ann",
        provider: None,
        via: Via::CommandLine,
        kind: &Kind::Note,
        subject: Some(subject),
        in_reply_to: None,
        room: None,
        late: false,
        bytes: body.len(),
    };
    let sent = Sent {
        from: "ann".to_owned(),
        provider: None,
        by_command_line: true,
        kind: "note".to_owned(),
        subject: Some(subject.to_owned()),
        body: body.to_owned(),
    };
    let framed = frame::message(&fence, &header, body);
    let sent = BTreeMap::from([(header.id.clone(), sent)]);
    let reading = judge::read(&framed, &sent).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(reading.bodies.len(), 1);
    assert_eq!(frame::fences(&framed).first(), Some(&fence.word()));
    assert_eq!(frame::inert(&frame::inert(body)), frame::inert(body));
    assert_eq!(obeyed(&frame::printable(&text)), None);
    let json = serde_json::to_string(&*text).unwrap_or_default();
    let shown = frame::printable_json(json.clone());
    assert_eq!(obeyed(&shown), None);
    assert_eq!(serde_json::from_str::<String>(&shown).ok(), Some(text.to_string()));
    for nudge in [Nudge::in_json(&json), Nudge::within_json(&json)].into_iter().flatten() {
        assert!(text.contains(&nudge.text()), "{nudge:?}");
    }
    if let Some(attempt) = echo::in_json(&json) {
        assert!(text.to_uppercase().contains(&attempt.to_string()));
    }
}

/// A configuration file of a host. The first line names its format.
pub fn edit(data: &[u8]) {
    let (first, rest) = first_line(data);
    let named = FORMATS.iter().find(|(word, _)| *word == first);
    let format = named.map_or(Format::Jsonc, |(_, format)| *format);
    let Ok(dir) = tempfile::tempdir() else { return };
    let path = dir.path().join("config");
    if fs::write(&path, rest).is_err() {
        return;
    }
    let op = |op| ConfigEdit {
        id: "edit".into(),
        file: Target::new(&path, format),
        op,
        derived: Vec::new(),
        why: "for a test".into(),
    };
    let edits = if format == Format::Text {
        vec![op(EditOp::Block { open: "# ours {".into(), close: "# } ours".into(), text: "line".into() })]
    } else {
        let item = EditOp::Item {
            at: ["hooks", "Stop"].into(),
            value: json!({ "hooks": [{ "command": "/b/hook codex Stop" }] }),
            ours: Match::field(&["hooks", "*", "command"], Test::Contains("/b/hook".to_owned())),
            on_remove: OnRemove::Drop,
        };
        let value = json!({ "command": "/b/session-bridge", "args": ["mcp"] });
        let key = EditOp::Key { at: ["servers", "session-bridge"].into(), value, clash: Clash::Refuse };
        vec![op(item), ConfigEdit { id: "key".into(), ..op(key) }]
    };
    let plan = Plan { provider: "codex".to_owned(), edits };
    let disk = Disk::new(dir.path().join("bridge"));
    let there = || fs::read(&path).unwrap_or_default();
    if apply::apply(&plan, &disk).is_err() {
        assert_eq!(there(), rest, "a refused file was changed");
        return;
    }
    let after = there();
    assert!(
        format == Format::Text || edit::value(&after, format).is_some(),
        "what was written does not parse"
    );
    assert!(apply::apply(&plan, &disk).is_ok());
    assert_eq!(there(), after, "twice is not once");
    if apply::revert("codex", &disk).is_ok() {
        assert_eq!(there(), rest, "what was there is not there again");
    }
}

fn first_line(data: &[u8]) -> (&str, &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let first = std::str::from_utf8(&data[..at]).unwrap_or_default();
    (first, data.get(at + 1..).unwrap_or_default())
}
