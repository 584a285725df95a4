//! What being installed means for Claude Code.

use serde_json::json;
use session_bridge_core::entry;
use session_bridge_core::event::Moment;
use session_bridge_core::plan::{ConfigEdit, Format, Match, Plan, Target, Test};
use session_bridge_core::provider::{Card, HookSpec, Scope, Site, Want};

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits: Vec<_> = card.hooks.iter().map(|spec| hook(card, site, want, spec)).collect();
    edits.push(server(card, site, want));
    if want.allow_tools {
        edits.push(allow(card, site));
    }
    Plan { provider: card.id.to_string(), edits }
}

/// The argument form: no shell between the host and the hook, so the hook's parent is the host's process.
fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let mut handler = json!({
        "type": "command",
        "command": want.hook_program.to_string_lossy(),
        "args": [card.id.as_str(), spec.event],
        "timeout": spec.timeout_secs,
    });
    if spec.moment == Moment::Doorbell {
        // It runs beside the session, and with status 2 it starts a turn.
        handler["asyncRewake"] = json!(true);
    }
    let ours = Match::field(&["hooks", "*", "command"], Test::EndsWith(entry::OURS.to_owned()));
    entry::hook(card, site, Format::Json, spec, entry::group(&handler), ours)
}

/// The server inherits the whole environment; a home that is not the default is handed on for shells that lack it.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let value = json!({
        "type": "stdio",
        "command": want.main_program.to_string_lossy(),
        "args": entry::arguments(card),
        "env": entry::home(want).unwrap_or_else(|| json!({})),
        "alwaysLoad": true,
    });
    let file = site.target(&site.mcp_file, Format::Json);
    entry::server(card, file, ["mcpServers", "session-bridge"], value)
}

/// Consent is one person's: in a project it goes to the file that is not shared.
fn allow(card: &Card, site: &Site) -> ConfigEdit {
    let file = match site.scope {
        Scope::User => site.hooks_file.clone(),
        Scope::Project(_) => site.hooks_file.with_file_name("settings.local.json"),
    };
    entry::allow(card, Target::new(file, Format::Json), ["permissions", "allow"], "mcp__session-bridge")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            allow_tools: false,
        }
    }

    fn planned(scope: &Scope, want: &Want) -> Plan {
        plan(&CARD, &site::locate(&FakeHost::at("/home/u"), scope).unwrap(), want)
    }

    fn value_of(plan: &Plan, id: &str) -> Value {
        match &plan.edits.iter().find(|edit| edit.id.0 == id).unwrap().op {
            EditOp::Item { value, .. } | EditOp::Key { value, .. } => value.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn hooks_are_started_without_a_shell() {
        let plan = planned(&Scope::User, &want());
        assert_eq!(
            value_of(&plan, "claude-code/hook/SessionEnd"),
            json!({"hooks": [{"type": "command", "command": "/home/u/.session-bridge/bin/session-bridge-hook",
                "args": ["claude-code", "SessionEnd"], "timeout": 5}]})
        );
        assert_eq!(plan.edits.len(), CARD.hooks.len() + 1);
    }

    #[test]
    fn another_home_reaches_the_server() {
        let mut want = want();
        assert_eq!(value_of(&planned(&Scope::User, &want), "claude-code/mcp-server")["env"], json!({}));
        want.home_override = Some("/elsewhere".into());
        assert_eq!(
            value_of(&planned(&Scope::User, &want), "claude-code/mcp-server")["env"],
            json!({"SESSION_BRIDGE_HOME": "/elsewhere"})
        );
    }

    #[test]
    fn consent_is_asked_for_and_never_shared() {
        let want = Want { allow_tools: true, ..want() };
        let file = |scope: &Scope| planned(scope, &want).edits.pop().unwrap().file;
        assert_eq!(file(&Scope::User).path, Path::new("/home/u/.claude/settings.json"));
        let project = file(&Scope::Project("/src/shop".into()));
        assert_eq!(project.path, Path::new("/src/shop/.claude/settings.local.json"));
        assert_eq!(project.mode, 0o600);
    }
}
