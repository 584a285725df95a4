//! Where opencode keeps its files.

use std::path::{Path, PathBuf};

use serde_json::Value;
use session_bridge_core::edit;
use session_bridge_core::host::Host;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::{CARD, SERVER};

/// Moves the user's folder.
const CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Files of settings, the one that wins over the other first. opencode merges both, and makes the first at its first start.
const SETTINGS: [&str; 2] = ["opencode.jsonc", "opencode.json"];

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_folder(host);
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    let (settings, plugins) = match scope {
        Scope::User => {
            let folder = user.ok_or(LocateError::NoHome(CONFIG_HOME))?;
            (settings_in(host, &folder), folder.join("plugins"))
        }
        Scope::Project(folder) => (settings_in(host, folder), folder.join(".opencode/plugins")),
    };
    Ok(Site {
        program,
        present,
        hooks_file: plugins.join("session-bridge.js"),
        mcp_file: settings,
        derived_file: None,
        scope: scope.clone(),
    })
}

/// On every system the same place below the home folder.
fn user_folder(host: &dyn Host) -> Option<PathBuf> {
    let config = host.folder(CONFIG_HOME).or_else(|| Some(host.home()?.join(".config")))?;
    Some(config.join("opencode"))
}

/// The file with the person's settings: the one that has our server already, else one that says more than opencode's own
/// first line, else one that is there.
fn settings_in(host: &dyn Host, folder: &Path) -> PathBuf {
    let files = SETTINGS.map(|name| folder.join(name));
    let read = |path: &PathBuf| host.read(path).ok();
    let parsed = |path: &PathBuf| edit::value(&read(path)?, Format::Jsonc);
    let has_server = |path: &&PathBuf| parsed(path).is_some_and(|all| all["mcp"].get(SERVER).is_some());
    // What does not parse says something, if only to the person who can mend it.
    let says_more = |path: &&PathBuf| match (read(path), parsed(path)) {
        (Some(_), Some(Value::Object(all))) => all.keys().any(|key| key != "$schema"),
        (Some(bytes), None) => !bytes.trim_ascii().is_empty(),
        _ => false,
    };
    let found = files
        .iter()
        .find(has_server)
        .or_else(|| files.iter().find(says_more))
        .or_else(|| files.iter().find(|path| host.exists(path)));
    found.unwrap_or(&files[0]).clone()
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;

    use super::*;

    const FOLDER: &str = "/home/u/.config/opencode";
    const FIRST_LINE: &str = r#"{"$schema": "https://opencode.ai/config.json"}"#;

    fn settings(jsonc: Option<&str>, json: Option<&str>) -> String {
        let mut host = FakeHost::at("/home/u");
        for (name, text) in [("opencode.jsonc", jsonc), ("opencode.json", json)] {
            if let Some(text) = text {
                host.files.insert(Path::new(FOLDER).join(name), text.into());
            }
        }
        let site = locate(&host, &Scope::User).unwrap();
        site.mcp_file.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn the_file_with_the_persons_settings_is_taken() {
        let own = r#"{"theme": "x", /* note */}"#;
        for (jsonc, json, taken) in [
            (None, None, "opencode.jsonc"),
            (Some(FIRST_LINE), None, "opencode.jsonc"),
            (None, Some(FIRST_LINE), "opencode.json"),
            (Some(FIRST_LINE), Some(own), "opencode.json"),
            (Some(own), Some(own), "opencode.jsonc"),
            (Some(own), Some(r#"{"mcp": {"session-bridge": {}}}"#), "opencode.json"),
            (Some("{"), Some(own), "opencode.jsonc"),
            (Some(" \n"), Some(own), "opencode.json"),
        ] {
            assert_eq!(settings(jsonc, json), taken, "{jsonc:?} {json:?}");
        }
    }

    #[test]
    fn the_variable_moves_the_users_folder() {
        let mut host = FakeHost::at("/home/u");
        host.env.insert(CONFIG_HOME.into(), "/cfg".into());
        let site = locate(&host, &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/cfg/opencode/plugins/session-bridge.js"));
        assert_eq!(site.mcp_file, Path::new("/cfg/opencode/opencode.jsonc"));
        assert_eq!(locate(&FakeHost::default(), &Scope::User), Err(LocateError::NoHome(CONFIG_HOME)));
    }

    #[test]
    fn a_project_has_settings_at_its_root_and_plugins_below() {
        let site = locate(&FakeHost::default(), &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.mcp_file, Path::new("/src/shop/opencode.jsonc"));
        assert_eq!(site.hooks_file, Path::new("/src/shop/.opencode/plugins/session-bridge.js"));
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert(Path::new(FOLDER).join("opencode.jsonc"), FIRST_LINE.into());
        assert!(locate(&host, &Scope::User).unwrap().present);
    }
}
