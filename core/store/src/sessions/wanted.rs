//! What a new session asks for: the environment first, then what `init` was told, then nothing.

use session_bridge_core::environment;
use session_bridge_core::home::Home;
use session_bridge_core::host::Host;
use session_bridge_core::name::Name;
use session_bridge_core::settings::Settings;

/// Label, roles and room that a new session asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its label; further sessions get `-2`, `-3`, ….
    pub label: Option<Name>,
    /// Its roles.
    pub roles: Vec<Name>,
    /// Its room.
    pub room: Option<Name>,
}

impl Wanted {
    /// Reads the variables of this process and the defaults of `provider`. A value that is no name is left out: neither
    /// a hook nor a server may fail over it.
    pub fn from_environment(host: &dyn Host, home: &Home, provider: &str) -> Self {
        let settings =
            host.read(&home.settings()).map(|bytes| Settings::parse_or_default(&bytes)).unwrap_or_default();
        let defaults = settings.of(provider);
        let name = |key: &str| host.env_text(key).and_then(|text| text.trim().parse::<Name>().ok());
        let mut roles = defaults.roles;
        let more = host.env_text(environment::ROLES.name).unwrap_or_default();
        for role in more.split(',').filter_map(|text| text.trim().parse::<Name>().ok()) {
            if !roles.iter().any(|known| known.same_as(role.as_str())) {
                roles.push(role);
            }
        }
        Self {
            label: name(environment::LABEL.name).or(defaults.label),
            roles,
            room: name(environment::ROOM.name).or(defaults.room),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_bridge_core::host::FakeHost;

    fn machine() -> (FakeHost, Home) {
        let mut host = FakeHost::at("/home/u");
        let home = Home::at("/home/u/.session-bridge");
        let settings =
            br#"{"providers":{"codex":{"label":"worker","roles":["backend","api"],"room":"shop"}}}"#;
        host.files.insert(home.settings(), settings.to_vec());
        (host, home)
    }

    fn names(of: &[Name]) -> Vec<&str> {
        of.iter().map(Name::as_str).collect()
    }

    #[test]
    fn settings_are_the_provider_s_own() {
        let (host, home) = machine();
        let codex = Wanted::from_environment(&host, &home, "codex");
        assert_eq!(codex.label.unwrap().as_str(), "worker");
        assert_eq!(codex.room.unwrap().as_str(), "shop");
        assert_eq!(names(&codex.roles), ["backend", "api"]);
        assert_eq!(Wanted::from_environment(&host, &home, "claude-code"), Wanted::default());
    }

    #[test]
    fn the_environment_wins_and_roles_add_up() {
        let (mut host, home) = machine();
        host.env.insert("SESSION_BRIDGE_LABEL".into(), "mine".into());
        host.env.insert("SESSION_BRIDGE_ROOM".into(), "lab".into());
        host.env.insert("SESSION_BRIDGE_ROLES".into(), "API, reviewer, ../x,,reviewer".into());
        let wanted = Wanted::from_environment(&host, &home, "codex");
        assert_eq!(wanted.label.unwrap().as_str(), "mine");
        assert_eq!(wanted.room.unwrap().as_str(), "lab");
        assert_eq!(names(&wanted.roles), ["backend", "api", "reviewer"]);
    }

    #[test]
    fn bad_names_and_damaged_settings_mean_defaults() {
        let (mut host, home) = machine();
        host.files.insert(home.settings(), b"{ not json".to_vec());
        host.env.insert("SESSION_BRIDGE_LABEL".into(), "a/b".into());
        assert_eq!(Wanted::from_environment(&host, &home, "codex"), Wanted::default());
    }
}
