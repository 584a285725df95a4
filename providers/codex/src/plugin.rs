//! The bridge as a plugin of Codex.
//!
//! Codex reads the manifest in `.codex-plugin/` before one in `.claude-plugin/`; ours names files of its own, since Codex
//! has other events, and puts nothing in for variables.

use serde_json::{Map, Value, json};
use session_bridge_core::environment;
use session_bridge_core::host::Host;
use session_bridge_core::plugin::{self, Plugin, PluginFile, Programs};
use session_bridge_core::provider::{Card, HookSpec, Site};

use crate::site;

pub(crate) const PLUGIN: Plugin = Plugin {
    files,
    is_on,
    install: &["codex plugin marketplace add {}", "codex plugin add session-bridge@session-bridge"],
    remove: &[
        "codex plugin remove session-bridge@session-bridge",
        "codex plugin marketplace remove session-bridge",
    ],
    call: "$session-bridge:bridge",
};

fn files(card: &Card, programs: &Programs) -> Vec<PluginFile> {
    let manifest =
        json!({ "skills": "./skills/", "hooks": "./hooks/codex.json", "mcpServers": "./codex.mcp.json" });
    vec![
        PluginFile::manifest(".codex-plugin/plugin.json", manifest),
        PluginFile::new("hooks/codex.json", json!({ "hooks": hooks(card, programs) })),
        PluginFile::new("codex.mcp.json", json!({ "mcpServers": { plugin::NAME: server(card, programs) } })),
    ]
}

fn hooks(card: &Card, programs: &Programs) -> Value {
    let hook = |spec: &HookSpec| {
        let handler = json!({
            "type": "command",
            "command": programs.hook_line(card, spec.event),
            "timeout": spec.timeout_secs,
        });
        (spec.event.to_owned(), json!([{ "hooks": [handler] }]))
    };
    Value::Object(card.hooks.iter().map(hook).collect::<Map<_, _>>())
}

/// Under the name that `init` uses: of two servers of one name Codex starts that of `config.toml`.
fn server(card: &Card, programs: &Programs) -> Value {
    let passed_on: Vec<&str> = std::iter::once(site::HOME)
        .chain(environment::ALL.iter().map(|var| var.name))
        .filter(|name| programs.home().is_none() || *name != environment::HOME.name)
        .collect();
    json!({
        "command": "/bin/sh",
        "args": ["-c", programs.server_line(card)],
        "env_vars": passed_on,
    })
}

/// The table that Codex writes when it installs the plugin, unless it was switched off there.
fn is_on(host: &dyn Host, site: &Site) -> bool {
    let Some(Ok(bytes)) = site.derived_file.as_ref().map(|file| host.read(file)) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    let header = format!("[plugins.\"{}\"]", plugin::ID);
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| line == header) && !lines.take_while(|line| !line.starts_with('[')).any(is_off)
}

fn is_off(line: &str) -> bool {
    let words: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
    words == "enabled=false"
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::CARD;

    fn file(programs: &Programs, path: &str) -> Value {
        files(&CARD, programs).into_iter().find(|file| file.path == path).unwrap().content
    }

    #[test]
    fn what_the_user_reviews_is_a_look_and_a_program() {
        let hooks = file(&Programs::of_anybody(), "hooks/codex.json");
        assert_eq!(
            hooks["hooks"]["Interrupt"][0]["hooks"][0],
            json!({"type": "command", "timeout": 3, "command":
                "[ -x \"$HOME/.session-bridge/bin/session-bridge-hook\" ] || exit 0; \
                 exec \"$HOME/.session-bridge/bin/session-bridge-hook\" codex Interrupt"})
        );
        assert_eq!(hooks["hooks"].as_object().unwrap().len(), CARD.hooks.len());
    }

    #[test]
    fn the_server_gets_what_a_session_may_carry() {
        let server =
            |programs: &Programs| file(programs, "codex.mcp.json")["mcpServers"]["session-bridge"].clone();
        let plain = server(&Programs::of_anybody());
        assert_eq!(
            plain["args"][1],
            json!("exec \"$HOME/.session-bridge/bin/session-bridge\" mcp --client codex")
        );
        assert!(plain["env_vars"].as_array().unwrap().contains(&json!("SESSION_BRIDGE_HOME")));
        let moved = server(&Programs::at("/elsewhere".into()));
        assert_eq!(
            moved["args"][1],
            json!("SESSION_BRIDGE_HOME=/elsewhere exec /elsewhere/bin/session-bridge mcp --client codex")
        );
        assert!(!moved["env_vars"].as_array().unwrap().contains(&json!("SESSION_BRIDGE_HOME")));
    }

    #[test]
    fn its_table_says_whether_it_is_on() {
        let mut host = FakeHost::at("/home/u");
        let site = site::locate(&host, &Scope::User).unwrap();
        assert!(!is_on(&host, &site));
        let header = "[plugins.\"session-bridge@session-bridge\"]\n";
        for (config, on) in [
            (format!("model = \"x\"\n\n{header}enabled = true\n"), true),
            (format!("{header}enabled  = false # for now\n[a]\n"), false),
            (format!("{header}[a]\nenabled = false\n"), true),
            ("[plugins.\"other@session-bridge\"]\nenabled = true\n".to_owned(), false),
        ] {
            host.files.insert("/home/u/.codex/config.toml".into(), config.clone().into());
            assert_eq!(is_on(&host, &site), on, "{config}");
        }
    }
}
