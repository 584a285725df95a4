//! Where Cline keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::{CARD, PLUGIN};

/// Stands for `~/.cline`: plugins, rules and, unless moved as well, data.
const DIR: &str = "CLINE_DIR";
/// Stands for the folder `data` in it.
const DATA: &str = "CLINE_DATA_DIR";
/// Names the file with the MCP servers.
const MCP: &str = "CLINE_MCP_SETTINGS_PATH";

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = moved(host, DIR).or_else(|| Some(host.home()?.join(".cline")));
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    let user = user.ok_or(LocateError::NoHome(DIR))?;
    let data = moved(host, DATA).unwrap_or_else(|| user.join("data"));
    let settings = data.join("settings/cline_mcp_settings.json");
    let folder = match scope {
        Scope::User => user,
        Scope::Project(folder) => folder.join(".cline"),
    };
    Ok(Site {
        program,
        present,
        hooks_file: folder.join("plugins").join(PLUGIN),
        mcp_file: moved(host, MCP).unwrap_or(settings),
        derived_file: None,
        scope: scope.clone(),
    })
}

/// The place that a variable names, as Cline reads it.
fn moved(host: &dyn Host, variable: &str) -> Option<PathBuf> {
    let value = host.env(variable)?;
    let place = value.to_str().map_or_else(|| PathBuf::from(&value), |text| text.trim().into());
    (!place.as_os_str().is_empty()).then_some(())?;
    Some(host.cwd()?.join(place))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;

    use super::*;

    fn files(host: &FakeHost) -> (PathBuf, PathBuf) {
        let site = locate(host, &Scope::User).unwrap();
        (site.hooks_file, site.mcp_file)
    }

    #[test]
    fn each_variable_moves_what_it_moves_in_cline() {
        let mut host = FakeHost::at("/home/u");
        let plugin = |folder: &str| Path::new(folder).join("plugins/session-bridge.js");
        let servers = |folder: &str| Path::new(folder).join("settings/cline_mcp_settings.json");
        assert_eq!(files(&host), (plugin("/home/u/.cline"), servers("/home/u/.cline/data")));
        host.env.insert(DIR.into(), "/cfg".into());
        assert_eq!(files(&host), (plugin("/cfg"), servers("/cfg/data")));
        host.env.insert(DATA.into(), "/data".into());
        assert_eq!(files(&host), (plugin("/cfg"), servers("/data")));
        host.env.insert(MCP.into(), "/m.json".into());
        assert_eq!(files(&host), (plugin("/cfg"), "/m.json".into()));
        host.env.insert(DIR.into(), " ".into());
        assert_eq!(files(&host).0, plugin("/home/u/.cline"), "white space is no folder");
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert("/home/u/.cline/data/settings/providers.json".into(), Vec::new());
        assert!(locate(&host, &Scope::User).unwrap().present);
        let mut host = FakeHost::at("/home/u");
        host.programs.insert("cline".into(), "/opt/cline".into());
        assert!(locate(&host, &Scope::User).unwrap().present);
        assert_eq!(locate(&FakeHost::default(), &Scope::User), Err(LocateError::NoHome(DIR)));
    }

    #[test]
    fn a_project_has_a_plugin_of_its_own_and_no_servers() {
        let site = locate(&FakeHost::at("/home/u"), &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.cline/plugins/session-bridge.js"));
        assert_eq!(site.mcp_file, Path::new("/home/u/.cline/data/settings/cline_mcp_settings.json"));
    }
}
