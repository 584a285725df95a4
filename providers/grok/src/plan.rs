//! What being installed means for Grok Build.

use serde_json::{Map, Value, json};
use session_bridge_core::environment;
use session_bridge_core::plan::{
    Clash, ConfigEdit, EditId, EditOp, Format, KeyPath, Match, OnRemove, Plan, Test,
};
use session_bridge_core::provider::{Card, HookSpec, Scope, Site, Want};
use session_bridge_core::shell;

/// What the command line of our hooks holds, whichever home the entry was made for.
const OURS: &str = "/bin/session-bridge-hook";
/// The rule that lets the tools of our server run unasked.
const RULE: &str = "MCPTool(session-bridge__*)";

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits: Vec<_> = card.hooks.iter().map(|spec| hook(card, site, want, spec)).collect();
    edits.push(server(card, site, want));
    // Consent is one person's, and a project's file is shared.
    if want.allow_tools && site.scope == Scope::User {
        edits.push(allow(card, site));
    }
    Plan { provider: card.id.to_string(), edits }
}

/// A line with a blank goes through `sh -c`. A program that is missing or broken harms neither prompt nor model, so
/// nothing guards it.
fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let program = want.hook_program.to_string_lossy();
    let handler = json!({
        "type": "command",
        "command": format!("{} {} {}", shell::word(&program), card.id, spec.event),
        "timeout": spec.timeout_secs,
    });
    ConfigEdit {
        id: EditId::from(format!("{}/hook/{}", card.id, spec.event)),
        file: site.target(&site.hooks_file, Format::Json),
        op: EditOp::Item {
            at: KeyPath::from(["hooks", spec.event]),
            value: json!({ "hooks": [handler] }),
            ours: Match::field(&["hooks", "*", "command"], Test::Contains(OURS.to_owned())),
            on_remove: OnRemove::Drop,
        },
        derived: Vec::new(),
        why: format!("run the bridge's hook at {}", spec.event).into(),
    }
}

/// The server inherits the whole environment; a home that is not the default is handed on for shells that lack it.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let mut value = json!({
        "command": want.main_program.to_string_lossy(),
        "args": ["mcp", "--client", card.id.as_str()],
    });
    if let Some(home) = &want.home_override {
        let home = Value::String(home.to_string_lossy().into_owned());
        value["env"] = Value::Object(Map::from_iter([(environment::HOME.name.to_owned(), home)]));
    }
    ConfigEdit {
        id: EditId::from(format!("{}/mcp-server", card.id)),
        file: site.target(&site.mcp_file, Format::Toml),
        op: EditOp::Key { at: KeyPath::from(["mcp_servers", "session-bridge"]), value, clash: Clash::Refuse },
        derived: Vec::new(),
        why: "offer the bridge's tools to the model".into(),
    }
}

fn allow(card: &Card, site: &Site) -> ConfigEdit {
    ConfigEdit {
        id: EditId::from(format!("{}/allow-tools", card.id)),
        file: site.target(&site.mcp_file, Format::Toml),
        op: EditOp::Item {
            at: KeyPath::from(["permission", "allow"]),
            value: json!(RULE),
            ours: Match::scalar(RULE),
            on_remove: OnRemove::Drop,
        },
        derived: Vec::new(),
        why: "run the bridge's tools without asking, as you agreed".into(),
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;

    use super::*;
    use crate::{CARD, site};

    fn want() -> Want {
        Want {
            hook_program: "/home/u/.session-bridge/bin/session-bridge-hook".into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: None,
            allow_tools: true,
        }
    }

    fn edit(want: &Want, scope: &Scope, id: &str) -> Option<Value> {
        let site = site::locate(&FakeHost::at("/home/u"), scope).unwrap();
        let edit = plan(&CARD, &site, want).edits.into_iter().find(|edit| edit.id.0 == id)?;
        match edit.op {
            EditOp::Item { value, .. } | EditOp::Key { value, .. } => Some(value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_line_is_the_program_and_two_words() {
        assert_eq!(
            edit(&want(), &Scope::User, "grok/hook/Stop").unwrap(),
            json!({"hooks": [{"type": "command",
                "command": "/home/u/.session-bridge/bin/session-bridge-hook grok Stop", "timeout": 10}]})
        );
    }

    #[test]
    fn tools_run_unasked_by_consent_and_for_oneself() {
        assert_eq!(edit(&want(), &Scope::User, "grok/allow-tools"), Some(json!(RULE)));
        let unasked = Want { allow_tools: false, ..want() };
        assert_eq!(edit(&unasked, &Scope::User, "grok/allow-tools"), None);
        assert_eq!(edit(&want(), &Scope::Project("/src/shop".into()), "grok/allow-tools"), None);
    }

    #[test]
    fn another_home_reaches_the_server() {
        let plain = edit(&want(), &Scope::User, "grok/mcp-server").unwrap();
        assert_eq!(plain["args"], json!(["mcp", "--client", "grok"]));
        assert_eq!(plain.get("env"), None);
        let moved = Want { home_override: Some("/elsewhere".into()), ..want() };
        let moved = edit(&moved, &Scope::User, "grok/mcp-server").unwrap();
        assert_eq!(moved["env"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
    }
}
