//! The bridge's own folder: one place that knows where everything is.

use std::path::{Path, PathBuf};

use crate::environment;
use crate::host::Host;

/// `SESSION_BRIDGE_HOME`, or `~/.session-bridge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// There is no folder to keep state in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither SESSION_BRIDGE_HOME nor HOME is set, so there is no place for the bridge's state")]
pub struct NoHome;

impl Home {
    /// Finds the folder from the environment; creates nothing.
    pub fn find(host: &dyn Host) -> Result<Self, NoHome> {
        if let Some(set) = host.env(environment::HOME.name).filter(|v| !v.is_empty()) {
            let set = PathBuf::from(set);
            let root = if set.is_absolute() { set } else { host.cwd().ok_or(NoHome)?.join(set) };
            return Ok(Self { root });
        }
        host.home().map(|home| Self { root: home.join(".session-bridge") }).ok_or(NoHome)
    }

    /// As [`Home::find`], for a program that was started by its constant path: without the variable, the home is where
    /// the path leads, so that hosts need not hand the variable on to their hooks.
    pub fn find_for(host: &dyn Host, program: &Path) -> Result<Self, NoHome> {
        let found = Self::find(host);
        let named = host.env(environment::HOME.name).is_some_and(|v| !v.is_empty());
        let around =
            program.parent().filter(|bin| bin.is_absolute() && bin.ends_with("bin")).and_then(Path::parent);
        match around.map(Self::at) {
            Some(home) if !named && found.as_ref() != Ok(&home) && host.exists(&home.ledger()) => Ok(home),
            _ => found,
        }
    }

    /// A home at a known place.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The constant path that config entries name; points at the installed binaries.
    pub fn bin(&self, program: &str) -> PathBuf {
        self.root.join("bin").join(program)
    }

    /// The hook's constant path.
    pub fn hook_program(&self) -> PathBuf {
        self.bin("session-bridge-hook")
    }

    /// The MCP server's constant path.
    pub fn main_program(&self) -> PathBuf {
        self.bin("session-bridge")
    }

    /// Databases and the pointer to the present one.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// One folder per session, and the aliases that lead there.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Marks that pause the bridge, as a whole or for a provider.
    pub fn paused(&self) -> PathBuf {
        self.root.join("paused")
    }

    /// What we changed in other tools' files.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// Logs of hooks and servers.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Defaults that `init` was given.
    pub fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    #[test]
    fn the_variable_wins_over_the_home_folder() {
        let mut host = FakeHost::at("/home/u");
        assert_eq!(Home::find(&host).unwrap().root(), Path::new("/home/u/.session-bridge"));
        host.env.insert(environment::HOME.name.into(), "/elsewhere".into());
        assert_eq!(Home::find(&host).unwrap().root(), Path::new("/elsewhere"));
        assert_eq!(Home::find(&FakeHost::default()), Err(NoHome));
    }

    #[test]
    fn a_constant_path_leads_to_its_home() {
        let mut host = FakeHost::at("/home/u");
        let program = Path::new("/elsewhere/bin/session-bridge-hook");
        let root = |host: &FakeHost, program| Home::find_for(host, program).unwrap().root().to_owned();
        assert_eq!(root(&host, program), Path::new("/home/u/.session-bridge"), "any other folder named bin");
        host.files.insert("/elsewhere/ledger/codex.json".into(), Vec::new());
        assert_eq!(root(&host, program), Path::new("/elsewhere"));
        host.env.insert(environment::HOME.name.into(), "/named".into());
        assert_eq!(root(&host, program), Path::new("/named"));
    }
}
