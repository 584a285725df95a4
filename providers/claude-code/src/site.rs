//! Where Claude Code keeps its files.

use std::path::PathBuf;

use session_bridge_core::host::Host;
use session_bridge_core::provider::{LocateError, Scope, Site};

use crate::CARD;

/// Moves the whole configuration, the file with the MCP servers included.
const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

pub(crate) fn locate(host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
    let program = host.first_of(CARD.binaries);
    let user = user_files(host);
    let present = program.is_some()
        || user.as_ref().is_some_and(|user| host.exists(&user.dir) || host.exists(&user.mcp));
    let (hooks_file, mcp_file) = match scope {
        Scope::User => {
            let user = user.ok_or(LocateError::NoHome(CONFIG_DIR))?;
            (user.dir.join("settings.json"), user.mcp)
        }
        Scope::Project(folder) => (folder.join(".claude/settings.json"), folder.join(".mcp.json")),
    };
    Ok(Site { program, present, hooks_file, mcp_file, derived_file: None, scope: scope.clone() })
}

struct UserFiles {
    dir: PathBuf,
    mcp: PathBuf,
}

/// With the variable set, both files are in its folder; without it, the MCP servers stand beside the folder.
fn user_files(host: &dyn Host) -> Option<UserFiles> {
    if let Some(dir) = host.folder(CONFIG_DIR) {
        return Some(UserFiles { mcp: dir.join(".claude.json"), dir });
    }
    let home = host.home()?;
    Some(UserFiles { dir: home.join(".claude"), mcp: home.join(".claude.json") })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use session_bridge_core::host::FakeHost;

    use super::*;

    #[test]
    fn the_variable_moves_both_files() {
        let mut host = FakeHost::at("/home/u");
        let site = locate(&host, &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/home/u/.claude/settings.json"));
        assert_eq!(site.mcp_file, Path::new("/home/u/.claude.json"));
        host.env.insert(CONFIG_DIR.into(), "/cfg".into());
        let site = locate(&host, &Scope::User).unwrap();
        assert_eq!(site.hooks_file, Path::new("/cfg/settings.json"));
        assert_eq!(site.mcp_file, Path::new("/cfg/.claude.json"));
    }

    #[test]
    fn a_relative_or_empty_variable_is_read_as_the_host_would() {
        let mut host = FakeHost::at("/home/u");
        host.cwd = "/src".into();
        host.env.insert(CONFIG_DIR.into(), "cfg".into());
        assert_eq!(locate(&host, &Scope::User).unwrap().mcp_file, Path::new("/src/cfg/.claude.json"));
        host.env.insert(CONFIG_DIR.into(), "".into());
        assert_eq!(locate(&host, &Scope::User).unwrap().mcp_file, Path::new("/home/u/.claude.json"));
    }

    #[test]
    fn it_is_present_by_program_folder_or_file() {
        let empty = FakeHost::at("/home/u");
        assert!(!locate(&empty, &Scope::User).unwrap().present);
        for file in ["/home/u/.claude/history.jsonl", "/home/u/.claude.json"] {
            let mut host = empty.clone();
            host.files.insert(file.into(), Vec::new());
            assert!(locate(&host, &Scope::User).unwrap().present, "{file}");
        }
        let mut host = empty;
        host.programs.insert("claude".into(), "/opt/claude".into());
        let site = locate(&host, &Scope::User).unwrap();
        assert!(site.present);
        assert_eq!(site.program.as_deref(), Some(Path::new("/opt/claude")));
    }

    #[test]
    fn a_project_needs_no_home_but_the_user_scope_does() {
        let host = FakeHost::default();
        assert_eq!(locate(&host, &Scope::User), Err(LocateError::NoHome(CONFIG_DIR)));
        let site = locate(&host, &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(site.hooks_file, Path::new("/src/shop/.claude/settings.json"));
        assert_eq!(site.mcp_file, Path::new("/src/shop/.mcp.json"));
    }
}
