//! What being installed means for Codex.

use serde_json::json;
use session_bridge_core::plan::{
    ConfigEdit, DerivedKey, EditOp, Format, KeyPart, KeyPath, OnRemove, Plan, Target,
};
use session_bridge_core::provider::{Card, HookSpec, Site, Want};
use session_bridge_core::{entry, environment};

use crate::site;

pub(crate) fn plan(card: &Card, site: &Site, want: &Want) -> Plan {
    let mut edits: Vec<_> = card.hooks.iter().map(|spec| hook(card, site, want, spec)).collect();
    edits.push(server(card, site, want));
    Plan { provider: card.id.to_string(), edits }
}

fn hook(card: &Card, site: &Site, want: &Want, spec: &HookSpec) -> ConfigEdit {
    let handler = json!({
        "type": "command",
        "command": entry::line(&want.hook_program, card, spec),
        "timeout": spec.timeout_secs,
    });
    let mut edit = entry::hook(card, site, Format::Json, spec, entry::group(&handler), entry::in_a_group());
    if let EditOp::Item { on_remove, .. } = &mut edit.op {
        // Codex knows the reviewed hooks of others by their position.
        *on_remove = OnRemove::KeepPosition(json!({ "hooks": [] }));
    }
    edit.derived = trust(site, spec).into_iter().collect();
    edit
}

/// The state that Codex keeps for our group once the user has reviewed it.
fn trust(site: &Site, spec: &HookSpec) -> Option<DerivedKey> {
    let file = site.derived_file.clone()?;
    let begin = format!("{}:{}:", site.hooks_file.display(), snake(spec.event));
    Some(DerivedKey {
        file: Target::new(file, Format::Toml).existing_only(),
        under: KeyPath::from(["hooks", "state"]),
        starts_with: vec![KeyPart::Text(begin), KeyPart::Index, KeyPart::Text(":".to_owned())],
    })
}

/// Codex gives its servers a short list of variables: what a session may carry must be named. A home that is written down
/// is not passed on.
fn server(card: &Card, site: &Site, want: &Want) -> ConfigEdit {
    let passed_on: Vec<&str> = std::iter::once(site::HOME)
        .chain(environment::ALL.iter().map(|var| var.name))
        .filter(|name| want.home_override.is_none() || *name != environment::HOME.name)
        .collect();
    let mut value = entry::command(card, want);
    value["env_vars"] = json!(passed_on);
    let file = site.target(&site.mcp_file, Format::Toml);
    entry::server(card, file, ["mcp_servers", "session-bridge"], value)
}

/// `UserPromptSubmit` as Codex writes it in its keys: `user_prompt_submit`.
fn snake(event: &str) -> String {
    let mut out = String::with_capacity(event.len() + 4);
    for c in event.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;
    use session_bridge_core::plan::Value;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::CARD;

    fn want() -> Want {
        Want {
            hook_program: "/home/u/.session-bridge/bin/session-bridge-hook".into(),
            main_program: "/home/u/.session-bridge/bin/session-bridge".into(),
            home_override: None,
            allow_tools: true,
        }
    }

    fn edit(want: &Want, scope: &Scope, id: &str) -> ConfigEdit {
        let site = site::locate(&FakeHost::at("/home/u"), scope).unwrap();
        plan(&CARD, &site, want).edits.into_iter().find(|edit| edit.id.0 == id).unwrap()
    }

    fn value(edit: ConfigEdit) -> Value {
        match edit.op {
            EditOp::Item { value, .. } | EditOp::Key { value, .. } => value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_reviewed_line_is_the_program_and_two_words() {
        assert_eq!(
            value(edit(&want(), &Scope::User, "codex/hook/UserPromptSubmit")),
            json!({"hooks": [{"type": "command",
                "command": "/home/u/.session-bridge/bin/session-bridge-hook codex UserPromptSubmit", "timeout": 10}]})
        );
    }

    #[test]
    fn trust_in_our_group_goes_with_it() {
        let found = edit(&want(), &Scope::Project("/src/shop".into()), "codex/hook/UserPromptSubmit").derived;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file.path, Path::new("/home/u/.codex/config.toml"));
        assert_eq!(
            found[0].starts_with,
            [
                KeyPart::Text("/src/shop/.codex/hooks.json:user_prompt_submit:".into()),
                KeyPart::Index,
                KeyPart::Text(":".into())
            ]
        );
    }

    #[test]
    fn the_server_gets_what_a_session_may_carry() {
        let plain = value(edit(&want(), &Scope::User, "codex/mcp-server"));
        assert_eq!(plain["args"], json!(["mcp", "--client", "codex"]));
        assert_eq!(plain["env_vars"][0], json!("CODEX_HOME"));
        assert_eq!(plain["env_vars"].as_array().unwrap().len(), environment::ALL.len() + 1);
        assert_eq!(plain.get("env"), None);
        let moved = Want { home_override: Some("/elsewhere".into()), ..want() };
        let moved = value(edit(&moved, &Scope::User, "codex/mcp-server"));
        assert_eq!(moved["env"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
        assert!(!moved["env_vars"].as_array().unwrap().contains(&json!("SESSION_BRIDGE_HOME")));
    }
}
