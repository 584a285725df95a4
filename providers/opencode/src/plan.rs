//! What being installed means for opencode.

use serde_json::{Map, Value, json};
use session_bridge_core::entry;
use session_bridge_core::plan::{Clash, ConfigEdit, EditId, EditOp, Format, KeyPath, Plan};
use session_bridge_core::provider::{Card, Scope, Site, Want};

use crate::SERVER;

/// The plugin, with places for the hook's path and its time limits.
const PLUGIN: &str = include_str!("plugin.js");

/// How long a call may take. Without it the host gives up a call after 60 seconds, also one that tells of its progress; a
/// wait for an answer may take longer.
const CALL_LIMIT_MS: u32 = 300_000;

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits = vec![plugin(card, site, want), server(card, site, want)];
    // Consent is one person's: it is not written into a project's shared file.
    if want.allow_tools && site.scope == Scope::User {
        edits.push(permission(card, site));
    }
    Plan { provider: card.id.to_string(), edits }
}

fn plugin(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let limits: Map<_, _> =
        card.hooks.iter().map(|spec| (spec.event.to_owned(), json!(spec.timeout_secs * 1000))).collect();
    let text = PLUGIN
        .replace("\"{{hook}}\"", &json!(want.hook_program.to_string_lossy()).to_string())
        .replace("\"{{limits}}\"", &Value::Object(limits).to_string());
    ConfigEdit {
        id: EditId::from(format!("{}/plugin", card.id)),
        file: site.target(&site.hooks_file, Format::Text),
        op: EditOp::File { text: text.into() },
        derived: Vec::new(),
        why: "run the bridge's hook at events of a session, and prompt it when mail waits".into(),
    }
}

fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let mut line = vec![want.main_program.to_string_lossy().into_owned()];
    line.extend(entry::arguments(card).map(str::to_owned));
    let mut value = json!({
        "type": "local",
        "command": line,
        "enabled": true,
        "timeout": CALL_LIMIT_MS,
    });
    if let Some(home) = entry::home(want) {
        value["environment"] = home;
    }
    entry::server(card, site.target(&site.mcp_file, Format::Jsonc), ["mcp", SERVER], value)
}

/// Of the rules that match, the host takes the last: a new key goes to the end, behind any catch-all.
fn permission(card: &Card, site: &Site) -> ConfigEdit {
    let rule = format!("{SERVER}_*");
    ConfigEdit {
        id: EditId::from(format!("{}/permission", card.id)),
        file: site.target(&site.mcp_file, Format::Jsonc),
        op: EditOp::Key {
            at: KeyPath::from(["permission", rule.as_str()]),
            value: json!("allow"),
            clash: Clash::Refuse,
        },
        derived: Vec::new(),
        why: "let the bridge's tools run unasked".into(),
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;

    use super::*;
    use crate::{CARD, site};

    fn want() -> Want {
        Want {
            hook_program: "/home/u/a \"b\"/session-bridge-hook".into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: None,
            allow_tools: false,
        }
    }

    fn edits(want: &Want, scope: &Scope) -> Vec<ConfigEdit> {
        let site = site::locate(&FakeHost::at("/home/u"), scope).unwrap();
        plan(&CARD, &site, want).edits
    }

    #[test]
    fn the_plugin_names_the_hook_and_its_limits() {
        let edits = edits(&want(), &Scope::User);
        let EditOp::File { text } = &edits[0].op else { panic!("{edits:?}") };
        assert!(text.contains(r#"const HOOK = "/home/u/a \"b\"/session-bridge-hook""#), "{text}");
        assert!(text.contains(r#""UserPromptSubmit":10000"#) && !text.contains("{{"), "{text}");
    }

    #[test]
    fn tools_are_allowed_by_consent_and_for_oneself() {
        let agreed = Want { allow_tools: true, ..want() };
        let ids = |want: &Want, scope: &Scope| -> Vec<String> {
            edits(want, scope).into_iter().map(|edit| edit.id.to_string()).collect()
        };
        let two = ["opencode/plugin", "opencode/mcp-server"];
        assert_eq!(ids(&want(), &Scope::User), two);
        assert_eq!(ids(&agreed, &Scope::Project("/src/shop".into())), two);
        assert_eq!(ids(&agreed, &Scope::User)[2..], ["opencode/permission"]);
    }

    #[test]
    fn another_home_reaches_the_server() {
        let moved = Want { home_override: Some("/elsewhere".into()), ..want() };
        let edits = edits(&moved, &Scope::User);
        let EditOp::Key { value, .. } = &edits[1].op else { panic!("{edits:?}") };
        assert_eq!(value["environment"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
    }
}
