//! Entries that the configuration of most CLIs has in common: a handler for each event, and our MCP server. What differs
//! between them is what their providers hand in.

use std::path::Path;

use serde_json::{Value, json};

use crate::environment;
use crate::plan::{Clash, ConfigEdit, EditId, EditOp, Format, KeyPath, Match, OnRemove, Target, Test};
use crate::provider::{Card, HookSpec, Site, Want};
use crate::shell;

/// How the path of our hook ends, whichever home an entry was made for.
pub const OURS: &str = "/bin/session-bridge-hook";

/// The line that starts our hook in a shell.
pub fn line(program: &Path, card: &Card, spec: &HookSpec) -> String {
    format!("{} {} {}", shell::word(&program.to_string_lossy()), card.id, spec.event)
}

/// An element of the array that a host keeps for each of its events under `hooks`.
pub fn hook(
    card: &Card,
    site: &Site,
    format: Format,
    spec: &HookSpec,
    element: Value,
    ours: Match,
) -> ConfigEdit {
    ConfigEdit {
        id: EditId::from(format!("{}/hook/{}", card.id, spec.event)),
        file: site.target(&site.hooks_file, format),
        op: EditOp::Item {
            at: KeyPath::from(["hooks", spec.event]),
            value: element,
            ours,
            on_remove: OnRemove::Drop,
        },
        derived: Vec::new(),
        why: format!("run the bridge's hook at {}", spec.event).into(),
    }
}

/// A group with one handler, which is what Claude Code's array for an event holds, and that of the hosts that took its
/// form over.
pub fn group(handler: &Value) -> Value {
    json!({ "hooks": [handler] })
}

/// Finds our handler in such groups.
pub fn in_a_group() -> Match {
    Match::field(&["hooks", "*", "command"], Test::Contains(OURS.to_owned()))
}

/// Our MCP server, under `at`.
pub fn server<const N: usize>(card: &Card, file: Target, at: [&str; N], value: Value) -> ConfigEdit {
    ConfigEdit {
        id: EditId::from(format!("{}/mcp-server", card.id)),
        file,
        op: EditOp::Key { at: KeyPath::from(at), value, clash: Clash::Refuse },
        derived: Vec::new(),
        why: "offer the bridge's tools to the model".into(),
    }
}

/// The server's value as most hosts write it: program, arguments, and under `env` a home that is not the default, since
/// the process that starts servers may have another environment than the terminal.
pub fn command(card: &Card, want: &Want) -> Value {
    let mut value = json!({
        "command": want.main_program.to_string_lossy(),
        "args": arguments(card),
    });
    if let Some(home) = home(want) {
        value["env"] = home;
    }
    value
}

/// What makes our program the server of a CLI.
pub fn arguments(card: &Card) -> [&str; 3] {
    ["mcp", "--client", card.id.as_str()]
}

/// The variable for a home that is not the default.
pub fn home(want: &Want) -> Option<Value> {
    let home = want.home_override.as_ref()?;
    Some(json!({ environment::HOME.name: home.to_string_lossy() }))
}

/// A rule that lets the tools of our server run unasked, in a list of such rules.
pub fn allow<const N: usize>(card: &Card, file: Target, at: [&str; N], rule: &str) -> ConfigEdit {
    ConfigEdit {
        id: EditId::from(format!("{}/allow-tools", card.id)),
        file,
        op: EditOp::Item {
            at: KeyPath::from(at),
            value: json!(rule),
            ours: Match::scalar(rule),
            on_remove: OnRemove::Drop,
        },
        derived: Vec::new(),
        why: "run the bridge's tools without asking, as you agreed".into(),
    }
}
