//! What keeps the plugin or the tools from running.

use std::path::Path;

use serde_json::Value;
use session_bridge_core::edit;
use session_bridge_core::host::Host;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::Site;

/// The name of our plugin and of our server.
const NAME: &str = "session-bridge";
/// Names the program that runs plugins.
const RUNTIME: &str = "CLINE_JS_RUNTIME_PATH";

pub(crate) fn hindrances(host: &dyn Host, site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    let named = host.env(RUNTIME).is_some_and(|path| !path.is_empty());
    if !named && host.which("node").is_none() {
        let what = "no `node` on PATH: Cline leaves plugins out without a word, so no mail arrives by itself, no idle session is woken, and the tools cannot tell which session calls";
        found.push(what.to_owned());
    }
    let servers = &site.mcp_file;
    match host.read(servers).map(|bytes| edit::value(&bytes, Format::Json)) {
        Ok(None) => found.push(format!(
            "{}: not strict JSON, so Cline itself ignores the file and offers no MCP server's tools",
            servers.display()
        )),
        Ok(Some(value)) if value["mcpServers"][NAME]["disabled"] == true => {
            let what = "the bridge's server is disabled: the model has no tools";
            found.push(format!("{}: {what}", servers.display()));
        }
        _ => {}
    }
    // Beside the file with the servers, unless only that was moved.
    let global = servers.parent().unwrap_or(Path::new("")).join("global-settings.json");
    let settings = host.read(&global).ok().and_then(|bytes| edit::value(&bytes, Format::Json));
    let off = |key: &str| {
        let names = settings.as_ref().and_then(|settings| settings[key].as_array());
        names.is_some_and(|names| names.iter().any(|name: &Value| name == NAME))
    };
    if off("disabledPlugins") {
        let what = "`disabledPlugins` names the bridge's plugin: no mail arrives by itself";
        found.push(format!("{}: {what}", global.display()));
    }
    found
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::site;

    fn found(host: &FakeHost) -> Vec<String> {
        hindrances(host, &site::locate(host, &Scope::User).unwrap())
    }

    fn host(servers: &str, global: &str) -> FakeHost {
        let mut host = FakeHost::at("/home/u");
        let folder = "/home/u/.cline/data/settings";
        host.files.insert(format!("{folder}/cline_mcp_settings.json").into(), servers.into());
        host.files.insert(format!("{folder}/global-settings.json").into(), global.into());
        host.programs.insert("node".into(), "/usr/bin/node".into());
        host
    }

    #[test]
    fn without_node_there_is_no_plugin() {
        let mut host = FakeHost::at("/home/u");
        assert!(found(&host)[0].starts_with("no `node` on PATH"), "{:?}", found(&host));
        host.env.insert(RUNTIME.into(), "/opt/bun".into());
        assert_eq!(found(&host), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_cline_ignores_is_named() {
        let all = found(&host("{ // no\n}", "{}"));
        assert!(all[0].contains("Cline itself ignores the file"), "{all:?}");
    }

    #[test]
    fn each_switch_is_named() {
        let servers = r#"{"mcpServers": {"session-bridge": {"command": "x", "disabled": true}}}"#;
        let all = found(&host(servers, r#"{"disabledPlugins": ["x", "session-bridge"]}"#));
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[1].contains("`disabledPlugins`"), "{all:?}");
        let on = host(r#"{"mcpServers": {"session-bridge": {"command": "x"}}}"#, r#"{"disabledPlugins": 7}"#);
        assert_eq!(found(&on), Vec::<String>::new());
    }
}
