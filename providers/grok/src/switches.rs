//! Switches of the person's that keep hooks or tools of the bridge from running.

use std::path::Path;

use serde_json::Value;
use session_bridge_core::edit;
use session_bridge_core::host::Host;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::Site;

/// The name of our server.
const NAME: &str = "session-bridge";
/// Where an organisation's policy stands, beside the person's own configuration.
const MANAGED: [&str; 2] = ["managed_config.toml", "requirements.toml"];

pub(crate) fn hindrances(host: &dyn Host, site: &Site) -> Vec<String> {
    let table = |path: &Path| host.read(path).ok().and_then(|bytes| edit::value(&bytes, Format::Toml));
    let config = table(&site.mcp_file).unwrap_or_default();
    let names = |list: &Value| list.as_array().is_some_and(|names| names.iter().any(|name| name == NAME));
    let found = [
        (
            names(&config["disabled_mcp_servers"]) || config["mcp_servers"][NAME]["enabled"] == false,
            "the bridge's server is disabled: the model has no tools",
        ),
        (config["features"]["auto_wake"] == false, "`features.auto_wake` is false: mail wakes nobody"),
    ];
    let file = site.mcp_file.display();
    let mut all: Vec<_> =
        found.into_iter().filter(|(is, _)| *is).map(|(_, what)| format!("{file}: {what}")).collect();
    for name in MANAGED {
        let path = site.mcp_file.with_file_name(name);
        let policy = table(&path).unwrap_or_default();
        if policy["allow_managed_hooks_only"] == true || policy["allowManagedHooksOnly"] == true {
            all.push(format!(
                "{}: `allow_managed_hooks_only` is set: no hook of ours runs, so no mail arrives by itself",
                path.display()
            ));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::site;

    fn found(config: &str) -> Vec<String> {
        let mut host = FakeHost::at("/home/u");
        host.files.insert("/home/u/.grok/config.toml".into(), config.into());
        if config.contains("off") {
            let policy = "allow_managed_hooks_only = true\n";
            host.files.insert("/home/u/.grok/managed_config.toml".into(), policy.into());
        }
        let site = site::locate(&host, &Scope::User).unwrap();
        hindrances(&host, &site)
    }

    #[test]
    fn each_switch_is_named() {
        let off = found(
            "disabled_mcp_servers = [\"x\", \"session-bridge\"] # off\n[features]\nauto_wake = false\n",
        );
        assert_eq!(off.len(), 3, "{off:?}");
        assert!(off[0].starts_with("/home/u/.grok/config.toml: the bridge's server"), "{off:?}");
        assert_eq!(found("[mcp_servers.session-bridge]\nenabled = false\n").len(), 1);
    }

    #[test]
    fn what_is_on_or_unreadable_is_no_switch() {
        for config in ["", "[", "disabled_mcp_servers = 7\n[mcp_servers.session-bridge]\nenabled = true\n"] {
            assert_eq!(found(config), Vec::<String>::new(), "{config}");
        }
    }
}
