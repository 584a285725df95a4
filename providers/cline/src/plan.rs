//! What being installed means for Cline.

use serde_json::{Value, json};
use session_bridge_core::entry;
use session_bridge_core::plan::{ConfigEdit, EditId, EditOp, Format, Plan};
use session_bridge_core::provider::{Card, Scope, Site, Want};

/// The plugin, but for the path of the hook.
const SOURCE: &str = include_str!("plugin.js");
/// Stands for that path, quotes included.
const PROGRAM: &str = "\"@PROGRAM@\"";

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits = vec![plugin(card, site, want)];
    // Cline reads no servers of a project.
    if site.scope == Scope::User {
        edits.push(server(card, site, want));
    }
    Plan { provider: card.id.to_string(), edits }
}

fn plugin(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let program = Value::from(want.hook_program.to_string_lossy());
    ConfigEdit {
        id: EditId::from(format!("{}/plugin", card.id)),
        file: site.target(&site.hooks_file, Format::Text),
        op: EditOp::File { text: SOURCE.replacen(PROGRAM, &program.to_string(), 1).into() },
        derived: Vec::new(),
        why: "the bridge's plugin: it brings mail and wakes idle sessions".into(),
    }
}

/// How long a call of a tool may take, in seconds: a wait of ours ends after 280. Without it Cline gives a call up after 60.
const CALL_LIMIT_S: u32 = 300;

/// In a hub, the server's environment is that of whoever started the hub first.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let mut value = entry::command(card, want);
    value["timeout"] = json!(CALL_LIMIT_S);
    entry::server(card, site.target(&site.mcp_file, Format::Json), ["mcpServers", "session-bridge"], value)
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;

    use super::*;
    use crate::{CARD, site};

    fn edits(program: &str, scope: &Scope) -> Vec<ConfigEdit> {
        let want = Want {
            hook_program: program.into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: Some("/elsewhere".into()),
            allow_tools: false,
        };
        plan(&CARD, &site::locate(&FakeHost::at("/home/u"), scope).unwrap(), &want).edits
    }

    #[test]
    fn the_plugin_names_the_program_whatever_its_path() {
        let edits = edits("/o\"dd\\path/session-bridge-hook", &Scope::User);
        let EditOp::File { text } = &edits[0].op else { panic!("{:?}", edits[0].op) };
        assert!(text.contains(r#"const PROGRAM = "/o\"dd\\path/session-bridge-hook";"#), "{text}");
        assert!(!text.contains("@PROGRAM@"));
    }

    #[test]
    fn another_home_reaches_the_server() {
        let edits = edits("/x", &Scope::User);
        let EditOp::Key { value, .. } = &edits[1].op else { panic!("{:?}", edits[1].op) };
        assert_eq!(value["env"]["SESSION_BRIDGE_HOME"], json!("/elsewhere"));
    }

    #[test]
    fn a_project_gets_the_plugin_alone() {
        let edits = edits("/x", &Scope::Project("/src/shop".into()));
        assert_eq!(edits.iter().map(|edit| edit.id.to_string()).collect::<Vec<_>>(), ["cline/plugin"]);
    }
}
