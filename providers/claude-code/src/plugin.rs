//! The bridge as a plugin of Claude Code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use session_bridge_core::environment;
use session_bridge_core::event::Moment;
use session_bridge_core::host::Host;
use session_bridge_core::plugin::{self, Plugin, PluginFile, Programs};
use session_bridge_core::provider::{Card, HookSpec, Site};

pub(crate) const PLUGIN: Plugin = Plugin {
    files,
    is_on,
    install: &["claude plugin marketplace add {}", "claude plugin install session-bridge@session-bridge"],
    remove: &[
        "claude plugin uninstall session-bridge@session-bridge",
        "claude plugin marketplace remove session-bridge",
    ],
    call: "/bridge",
};

/// The host finds hooks and servers by the usual names of their files; a manifest that names them too is refused.
fn files(card: &Card, programs: &Programs) -> Vec<PluginFile> {
    vec![
        PluginFile::manifest(".claude-plugin/plugin.json", json!({})),
        PluginFile::new("hooks/hooks.json", json!({ "hooks": hooks(card, programs) })),
        PluginFile::new(".mcp.json", json!({ "mcpServers": { plugin::NAME: server(card, programs) } })),
    ]
}

/// By a shell, since the argument form puts in no `$HOME` and shows two lines for each event while the program is missing.
fn hooks(card: &Card, programs: &Programs) -> Value {
    let hook = |spec: &HookSpec| {
        let mut handler = json!({
            "type": "command",
            "command": programs.hook_line(card, spec.event),
            "timeout": spec.timeout_secs,
        });
        if spec.moment == Moment::Doorbell {
            // It runs beside the session, and with status 2 it starts a turn.
            handler["asyncRewake"] = json!(true);
        }
        (spec.event.to_owned(), json!([{ "hooks": [handler] }]))
    };
    Value::Object(card.hooks.iter().map(hook).collect::<Map<_, _>>())
}

/// The very command that `init` configures, once the host has put in the home: it then starts one server of the two.
fn server(card: &Card, programs: &Programs) -> Value {
    let mut server = json!({
        "command": programs.path("session-bridge"),
        "args": ["mcp", "--client", card.id.as_str()],
        "alwaysLoad": true,
    });
    if let Some(home) = programs.home() {
        server["env"] = json!({ environment::HOME.name: home.to_string_lossy() });
    }
    server
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "enabledPlugins", default)]
    enabled: BTreeMap<String, Value>,
}

fn is_on(host: &dyn Host, site: &Site) -> bool {
    let Ok(bytes) = host.read(&site.hooks_file) else { return false };
    let settings = serde_json::from_slice::<Settings>(&bytes);
    settings.is_ok_and(|settings| settings.enabled.get(plugin::ID).is_some_and(|on| *on != json!(false)))
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::{CARD, site};

    fn file(programs: &Programs, path: &str) -> Value {
        files(&CARD, programs).into_iter().find(|file| file.path == path).unwrap().content
    }

    #[test]
    fn each_event_of_the_card_has_its_line() {
        let hooks = file(&Programs::of_anybody(), "hooks/hooks.json");
        assert_eq!(
            hooks["hooks"]["Stop"][0]["hooks"][0],
            json!({"type": "command", "timeout": 10, "command":
                "[ -x \"$HOME/.session-bridge/bin/session-bridge-hook\" ] || exit 0; \
                 exec \"$HOME/.session-bridge/bin/session-bridge-hook\" claude-code Stop"})
        );
        assert_eq!(hooks["hooks"]["FileChanged"][0]["hooks"][0]["asyncRewake"], json!(true));
        assert_eq!(hooks["hooks"].as_object().unwrap().len(), CARD.hooks.len());
    }

    #[test]
    fn another_home_reaches_the_server() {
        let server = &file(&Programs::at("/elsewhere".into()), ".mcp.json")["mcpServers"]["session-bridge"];
        assert_eq!(server["command"], json!("/elsewhere/bin/session-bridge"));
        assert_eq!(server["env"], json!({"SESSION_BRIDGE_HOME": "/elsewhere"}));
    }

    #[test]
    fn the_settings_say_whether_it_is_on() {
        let mut host = FakeHost::at("/home/u");
        let site = site::locate(&host, &Scope::User).unwrap();
        assert!(!is_on(&host, &site));
        for (settings, on) in [
            (r#"{"enabledPlugins":{"session-bridge@session-bridge":true}}"#, true),
            (r#"{"enabledPlugins":{"session-bridge@session-bridge":false}}"#, false),
            (r#"{"enabledPlugins":{"other@session-bridge":true}}"#, false),
            ("{}", false),
            ("no JSON", false),
        ] {
            host.files.insert("/home/u/.claude/settings.json".into(), settings.into());
            assert_eq!(is_on(&host, &site), on, "{settings}");
        }
    }
}
