//! Where Grok Build keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::CARD;

/// Moves the whole configuration.
const HOME: &str = "GROK_HOME";

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_folder(host);
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    let folder = match scope {
        Scope::User => user.ok_or(LocateError::NoHome(HOME))?,
        Scope::Project(folder) => folder.join(".grok"),
    };
    Ok(Site {
        program,
        present,
        // Every file of this folder is read; a file of our own is in nobody's way.
        hooks_file: folder.join("hooks").join("session-bridge.json"),
        mcp_file: folder.join("config.toml"),
        derived_file: None,
        scope: scope.clone(),
    })
}

/// Files of other CLIs that it reads as well, unless its `[compat]` tables turn that off (measured with 1.0.41).
pub(crate) fn also_runs(host: &dyn Host, scope: &Scope) -> Vec<PathBuf> {
    let home = match scope {
        Scope::User => host.home(),
        Scope::Project(_) => None,
    };
    let files = [".claude/settings.json", ".claude.json", ".cursor/mcp.json"];
    home.map(|home| files.map(|file| home.join(file)).to_vec()).unwrap_or_default()
}

fn user_folder(host: &dyn Host) -> Option<PathBuf> {
    host.folder(HOME).or_else(|| Some(host.home()?.join(".grok")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;

    use super::*;

    #[test]
    fn the_variable_moves_everything() {
        let mut host = FakeHost::at("/home/u");
        let site = locate(&host, &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/home/u/.grok/hooks/session-bridge.json"));
        assert_eq!(site.mcp_file, Path::new("/home/u/.grok/config.toml"));
        host.env.insert(HOME.into(), "/cfg".into());
        assert_eq!(locate(&host, &Scope::User).unwrap().mcp_file, Path::new("/cfg/config.toml"));
        host.env.insert(HOME.into(), "".into());
        assert_eq!(locate(&host, &Scope::User).unwrap().mcp_file, Path::new("/home/u/.grok/config.toml"));
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert("/home/u/.grok/config.toml".into(), Vec::new());
        assert!(locate(&host, &Scope::User).unwrap().present);
        let mut host = FakeHost::at("/home/u");
        host.programs.insert("grok".into(), "/opt/grok".into());
        assert!(locate(&host, &Scope::User).unwrap().present);
    }

    #[test]
    fn a_project_has_a_folder_of_its_own() {
        let host = FakeHost::default();
        assert_eq!(locate(&host, &Scope::User), Err(LocateError::NoHome(HOME)));
        let site = locate(&host, &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.grok/hooks/session-bridge.json"));
        assert_eq!(site.mcp_file, Path::new("/src/shop/.grok/config.toml"));
    }
}
