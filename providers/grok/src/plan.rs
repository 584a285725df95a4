//! What being installed means for Grok Build.

use serde_json::json;
use session_bridge_core::entry;
use session_bridge_core::plan::{ConfigEdit, Format, Plan};
use session_bridge_core::provider::{Card, HookSpec, Scope, Site, Want};

/// The rule that lets the tools of our server run unasked.
const RULE: &str = "MCPTool(session-bridge__*)";

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits: Vec<_> = card.hooks.iter().map(|spec| hook(card, site, want, spec)).collect();
    edits.push(server(card, site, want));
    // Consent is one person's, and a project's file is shared.
    if want.allow_tools && site.scope == Scope::User {
        let file = site.target(&site.mcp_file, Format::Toml);
        edits.push(entry::allow(card, file, ["permission", "allow"], RULE));
    }
    Plan { provider: card.id.to_string(), edits }
}

/// A line with a blank goes through `sh -c`. A program that is missing or broken harms neither prompt nor model, so
/// nothing guards it.
fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let handler = json!({
        "type": "command",
        "command": entry::line(&want.hook_program, card, spec),
        "timeout": spec.timeout_secs,
    });
    entry::hook(card, site, Format::Json, spec, entry::group(&handler), entry::in_a_group())
}

/// The server inherits the whole environment; a home that is not the default is handed on for shells that lack it.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let file = site.target(&site.mcp_file, Format::Toml);
    entry::server(card, file, ["mcp_servers", "session-bridge"], entry::command(card, want))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::plan::EditOp;

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
