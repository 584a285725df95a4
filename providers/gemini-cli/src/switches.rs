//! Switches of the person's that keep hooks or tools of the bridge from running.

use serde_json::Value;
use session_bridge_core::edit;
use session_bridge_core::host::Host;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::Site;

/// The name of our hooks and of our server.
const NAME: &str = "session-bridge";

pub(crate) fn hindrances(host: &dyn Host, site: &Site) -> Vec<String> {
    let settings =
        host.read(&site.hooks_file).ok().and_then(|bytes| edit::value(&bytes, Format::CommentedJson));
    let Some(settings) = settings else { return Vec::new() };
    let names = |list: &Value| list.as_array().is_some_and(|names| names.iter().any(|name| name == NAME));
    let (hooks, mcp) = (&settings["hooksConfig"], &settings["mcp"]);
    let found = [
        (
            hooks["enabled"] == false,
            "`hooksConfig.enabled` is false: no hook runs, so no mail arrives by itself",
        ),
        (
            names(&hooks["disabled"]),
            "`hooksConfig.disabled` names the bridge's hooks: no mail arrives by itself",
        ),
        (names(&mcp["excluded"]), "`mcp.excluded` names the bridge's server: the model has no tools"),
        (
            mcp["allowed"].is_array() && !names(&mcp["allowed"]),
            "`mcp.allowed` does not name the bridge's server: the model has no tools",
        ),
    ];
    let file = site.hooks_file.display();
    found.into_iter().filter(|(is, _)| *is).map(|(_, what)| format!("{file}: {what}")).collect()
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::site;

    fn found(settings: &str) -> Vec<String> {
        let mut host = FakeHost::at("/home/u");
        host.files.insert("/home/u/.gemini/settings.json".into(), settings.into());
        let site = site::locate(&host, &Scope::User).unwrap();
        hindrances(&host, &site)
    }

    #[test]
    fn each_switch_is_named() {
        let off = found(
            r#"{ // all off
                "hooksConfig": {"enabled": false, "disabled": ["x", "session-bridge"]},
                "mcp": {"excluded": ["session-bridge"], "allowed": []}}"#,
        );
        assert_eq!(off.len(), 4, "{off:?}");
        assert!(off[0].starts_with("/home/u/.gemini/settings.json: `hooksConfig.enabled`"), "{off:?}");
    }

    #[test]
    fn what_is_on_or_unreadable_is_no_switch() {
        for settings in [
            "",
            "{",
            r#"{"hooksConfig": {"enabled": true, "disabled": ["other"]}, "mcp": {"allowed": ["session-bridge"]}}"#,
            r#"{"hooksConfig": 7, "mcp": []}"#,
        ] {
            assert_eq!(found(settings), Vec::<String>::new(), "{settings}");
        }
    }
}
