//! Where Codex keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::CARD;

/// Moves the whole configuration.
pub(crate) const HOME: &str = "CODEX_HOME";

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_folder(host);
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    // Codex keeps its trust in hooks in the user's own file, also for those of a project.
    let derived_file = user.as_ref().map(|folder| folder.join("config.toml"));
    let folder = match scope {
        Scope::User => user.ok_or(LocateError::NoHome(HOME))?,
        Scope::Project(folder) => folder.join(".codex"),
    };
    Ok(Site {
        program,
        present,
        hooks_file: folder.join("hooks.json"),
        mcp_file: folder.join("config.toml"),
        derived_file,
        scope: scope.clone(),
    })
}

/// Codex follows the links in its variable, and only there, before it uses the path in the keys of its trust.
fn user_folder(host: &dyn Host) -> Option<PathBuf> {
    match host.folder(HOME) {
        Some(folder) => Some(host.canonical(&folder)),
        None => Some(host.home()?.join(".codex")),
    }
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
        assert_eq!(site.hooks_file, Path::new("/home/u/.codex/hooks.json"));
        assert_eq!(site.mcp_file, Path::new("/home/u/.codex/config.toml"));
        host.env.insert(HOME.into(), "/cfg".into());
        let site = locate(&host, &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/cfg/hooks.json"));
        assert_eq!(site.mcp_file, Path::new("/cfg/config.toml"));
        host.env.insert(HOME.into(), "".into());
        assert_eq!(locate(&host, &Scope::User).unwrap().mcp_file, Path::new("/home/u/.codex/config.toml"));
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert("/home/u/.codex/auth.json".into(), Vec::new());
        assert!(locate(&host, &Scope::User).unwrap().present);
        let mut host = FakeHost::at("/home/u");
        host.programs.insert("codex".into(), "/opt/codex".into());
        assert!(locate(&host, &Scope::User).unwrap().present);
    }

    #[test]
    fn trust_in_a_projects_hooks_is_kept_by_the_user() {
        let project = Scope::Project("/src/shop".into());
        let site = locate(&FakeHost::at("/home/u"), &project).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.codex/hooks.json"));
        assert_eq!(site.derived_file.as_deref(), Some(Path::new("/home/u/.codex/config.toml")));
        let homeless = FakeHost::default();
        assert_eq!(locate(&homeless, &project).unwrap().derived_file, None);
        assert_eq!(locate(&homeless, &Scope::User), Err(LocateError::NoHome(HOME)));
    }
}
