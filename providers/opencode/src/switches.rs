//! Switches of the person's that keep the plugin or the tools of the bridge from running.

use serde_json::{Map, Value};
use session_bridge_core::edit;
use session_bridge_core::host::Host;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::Site;

use crate::SERVER;

/// Starts the host without plugins from outside its own.
const PURE: &str = "OPENCODE_PURE";

pub(crate) fn hindrances(host: &dyn Host, site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    if host.env_text(PURE).is_some_and(|value| value == "1" || value == "true") {
        found.push(format!(
            "`{PURE}` is set: opencode loads no plugin, so no mail arrives and no call is known as a session's"
        ));
    }
    let settings = host.read(&site.mcp_file).ok().and_then(|bytes| edit::value(&bytes, Format::Jsonc));
    let Some(settings) = settings else { return found };
    let file = site.mcp_file.display();
    if settings["mcp"][SERVER]["enabled"] == false {
        found.push(format!("{file}: `mcp.{SERVER}.enabled` is false: the model has no tools"));
    }
    if let Some(rule @ ("ask" | "deny")) = rule_for_our_tools(&settings["permission"]) {
        found.push(format!(
            "{file}: the last `permission` rule that fits the bridge's tools says `{rule}`: put \"{SERVER}_*\": \"allow\" after it"
        ));
    }
    found
}

/// What the last rule that fits says. A rule for other tools by name does not.
fn rule_for_our_tools(permission: &Value) -> Option<&str> {
    let ours = |map: &Map<String, Value>| {
        map.iter()
            .filter(|(key, _)| *key == "*" || key.starts_with(&format!("{SERVER}_")))
            .filter_map(|(_, rule)| rule.as_str().map(str::to_owned))
            .next_back()
    };
    match permission {
        Value::String(rule) => Some(rule),
        Value::Object(map) => {
            let last = ours(map)?;
            ["allow", "ask", "deny"].into_iter().find(|rule| *rule == last)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;
    use session_bridge_core::provider::Scope;

    use super::*;
    use crate::site;

    fn found(settings: &str, pure: &str) -> Vec<String> {
        let mut host = FakeHost::at("/home/u");
        host.env.insert(PURE.into(), pure.into());
        host.files.insert("/home/u/.config/opencode/opencode.jsonc".into(), settings.into());
        let site = site::locate(&host, &Scope::User).unwrap();
        hindrances(&host, &site)
    }

    #[test]
    fn each_switch_is_named() {
        let off = r#"{"mcp": {"session-bridge": {"enabled": false}}, "permission": "ask"}"#;
        assert_eq!(found(off, "1").len(), 3);
    }

    #[test]
    fn the_last_rule_counts() {
        for (rules, say) in [
            (r#"{"*": "ask", "session-bridge_*": "allow"}"#, 0),
            (r#"{"session-bridge_*": "allow", "*": "ask"}"#, 1),
            (r#"{"*": "deny", "bash": "allow"}"#, 1),
            (r#"{"bash": "ask"}"#, 0),
            ("7", 0),
        ] {
            assert_eq!(found(&format!(r#"{{"permission": {rules},}}"#), "").len(), say, "{rules}");
        }
        assert!(found("{", "0").is_empty());
    }
}
