//! Where Gemini CLI keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::CARD;

/// Stands in for the home folder: the configuration is in `.gemini` below it.
const HOME: &str = "GEMINI_CLI_HOME";

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_folder(host);
    let present = program.is_some() || user.as_ref().is_some_and(|folder| host.exists(folder));
    let folder = match scope {
        Scope::User => user.ok_or(LocateError::NoHome(HOME))?,
        Scope::Project(folder) => folder.join(".gemini"),
    };
    let settings = folder.join("settings.json");
    Ok(Site {
        program,
        present,
        hooks_file: settings.clone(),
        mcp_file: settings,
        derived_file: None,
        scope: scope.clone(),
    })
}

fn user_folder(host: &dyn Host) -> Option<PathBuf> {
    Some(host.folder(HOME).or_else(|| host.home())?.join(".gemini"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;

    use super::*;

    #[test]
    fn the_variable_stands_in_for_the_home_folder() {
        let mut host = FakeHost::at("/home/u");
        let file = |host: &FakeHost| locate(host, &Scope::User).unwrap().hooks_file;
        assert_eq!(file(&host), Path::new("/home/u/.gemini/settings.json"));
        host.env.insert(HOME.into(), "/cfg".into());
        assert_eq!(file(&host), Path::new("/cfg/.gemini/settings.json"));
        host.env.insert(HOME.into(), "".into());
        assert_eq!(file(&host), Path::new("/home/u/.gemini/settings.json"));
    }

    #[test]
    fn it_is_present_by_program_or_folder() {
        let mut host = FakeHost::at("/home/u");
        assert!(!locate(&host, &Scope::User).unwrap().present);
        host.files.insert("/home/u/.gemini/settings.json".into(), Vec::new());
        assert!(locate(&host, &Scope::User).unwrap().present);
        let mut host = FakeHost::at("/home/u");
        host.programs.insert("gemini".into(), "/opt/gemini".into());
        assert!(locate(&host, &Scope::User).unwrap().present);
    }

    #[test]
    fn hooks_and_servers_share_one_file() {
        let host = FakeHost::default();
        assert_eq!(locate(&host, &Scope::User), Err(LocateError::NoHome(HOME)));
        let site = locate(&host, &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.gemini/settings.json"));
        assert_eq!(site.mcp_file, site.hooks_file);
    }
}
