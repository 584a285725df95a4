//! Where Cursor keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::CARD;

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_folder(host);
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    let folder = match scope {
        Scope::User => user.ok_or(LocateError::NoHomeAtAll)?,
        Scope::Project(folder) => folder.join(".cursor"),
    };
    Ok(Site {
        program,
        present,
        hooks_file: folder.join("hooks.json"),
        mcp_file: folder.join("mcp.json"),
        derived_file: None,
        scope: scope.clone(),
    })
}

/// Claude Code's hooks run in it as well, if its user has third-party hooks on and some group of them has a matcher.
pub(crate) fn also_runs(host: &dyn Host, scope: &Scope) -> Vec<PathBuf> {
    let folder = match scope {
        Scope::User => host.home(),
        Scope::Project(folder) => Some(folder.clone()),
    };
    folder.map(|folder| folder.join(".claude/settings.json")).into_iter().collect()
}

/// No variable moves it.
fn user_folder(host: &dyn Host) -> Option<PathBuf> {
    Some(host.home()?.join(".cursor"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;

    use super::*;

    #[test]
    fn hooks_and_servers_are_two_files_of_one_folder() {
        let site = locate(&FakeHost::at("/home/u"), &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/home/u/.cursor/hooks.json"));
        assert_eq!(site.mcp_file, Path::new("/home/u/.cursor/mcp.json"));
        let host = FakeHost::default();
        assert_eq!(locate(&host, &Scope::User), Err(LocateError::NoHomeAtAll));
        let site = locate(&host, &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.cursor/hooks.json"));
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert("/home/u/.cursor/mcp.json".into(), Vec::new());
        assert!(locate(&host, &Scope::User).unwrap().present);
        let mut host = FakeHost::at("/home/u");
        host.programs.insert("cursor-agent".into(), "/opt/cursor-agent".into());
        assert!(locate(&host, &Scope::User).unwrap().present);
    }
}
