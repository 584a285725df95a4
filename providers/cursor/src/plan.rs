//! What being installed means for Cursor.

use std::path::{Path, PathBuf};

use serde_json::json;
use session_bridge_core::entry;
use session_bridge_core::event::Moment;
use session_bridge_core::plan::{Clash, ConfigEdit, EditId, EditOp, Format, KeyPath, Match, Plan, Test};
use session_bridge_core::provider::{Card, HookSpec, Site, Want};

/// How often in a row the host asks at a turn's end and takes our text for the next message. It is its default, too.
const LOOP_LIMIT: u32 = 5;

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits = vec![version(card, site)];
    edits.extend(card.hooks.iter().map(|spec| hook(card, site, want, spec)));
    edits.push(server(card, site, want));
    Plan { provider: card.id.to_string(), edits }
}

/// Without it the host takes no hook of the file.
fn version(card: &Card, site: &Site) -> ConfigEdit {
    ConfigEdit {
        id: EditId::from(format!("{}/hooks-version", card.id)),
        file: site.target(&site.hooks_file, Format::CommentedJson),
        op: EditOp::Key { at: KeyPath::from(["version"]), value: json!(1), clash: Clash::Shared },
        derived: Vec::new(),
        why: "say which form the hooks have".into(),
    }
}

/// One command and no guard: the host puts the payload behind the line as a here-document, which belongs to its last
/// command. A missing program does no harm: of the statuses only 2 blocks.
fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let mut handler = json!({
        "command": entry::line(&single_slashes(&want.hook_program), card, spec),
        "timeout": spec.timeout_secs,
    });
    if spec.moment == Moment::TurnEnd {
        handler["loop_limit"] = json!(LOOP_LIMIT);
    }
    let ours = Match::field(&["command"], Test::Contains(entry::OURS.to_owned()));
    entry::hook(card, site, Format::CommentedJson, spec, handler, ours)
}

/// The host cuts each line of its hooks file at the first `//`, in strings as well.
fn single_slashes(path: &Path) -> PathBuf {
    path.components().collect()
}

fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let file = site.target(&site.mcp_file, Format::Jsonc);
    entry::server(card, file, ["mcpServers", "session-bridge"], entry::command(card, want))
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::plan::Value;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::{CARD, site};

    fn value_of(hook_program: &str, id: &str) -> Value {
        let want = Want {
            hook_program: hook_program.into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: Some("/elsewhere".into()),
            allow_tools: true,
        };
        let site = site::locate(&FakeHost::at("/home/u"), &Scope::User).unwrap();
        let edit = plan(&CARD, &site, &want).edits.into_iter().find(|edit| edit.id.0 == id).unwrap();
        match edit.op {
            EditOp::Item { value, .. } | EditOp::Key { value, .. } => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_holds_nothing_that_the_host_reads_as_a_comment() {
        let program = "//home//it's u///bin/session-bridge-hook";
        let command = value_of(program, "cursor/hook/sessionEnd")["command"].as_str().unwrap().to_owned();
        assert_eq!(command, r"'/home/it'\''s u/bin/session-bridge-hook' cursor sessionEnd");
        assert!(!command.contains("//"));
    }

    #[test]
    fn only_a_turns_end_has_a_limit_of_rounds() {
        let program = "/home/u/.session-bridge/bin/session-bridge-hook";
        assert_eq!(
            value_of(program, "cursor/hook/stop"),
            json!({"command": format!("{program} cursor stop"), "timeout": 10, "loop_limit": 5})
        );
        assert_eq!(value_of(program, "cursor/hook/postToolUse").get("loop_limit"), None);
    }

    #[test]
    fn another_home_reaches_the_server() {
        assert_eq!(value_of("/x", "cursor/mcp-server")["env"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
    }
}
