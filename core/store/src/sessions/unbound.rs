//! Servers that know their host and not their session (rule W3): listed, and nothing more. They have no inbox and
//! cannot be addressed.

use std::fs;
use std::path::PathBuf;

use session_bridge_core::fsx;

use crate::error::StoreError;
use crate::run::{LifeLock, RunFolders};

/// An MCP server whose host has not told which session it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    /// Its provider's id.
    pub provider: String,
    /// The process that hosts it, if known.
    pub pid: Option<u32>,
    /// When it started, in milliseconds since 1970.
    pub since: i64,
    /// Its folder.
    pub cwd: String,
}

impl Unbound {
    fn encode(&self) -> String {
        // The folder comes last: it alone may hold anything.
        format!("{}\n{}\n{}\n{}", self.provider, self.pid.unwrap_or(0), self.since, self.cwd)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut lines = text.splitn(4, '\n');
        let provider = lines.next()?.to_owned();
        let pid = lines.next()?.parse().ok().filter(|pid| *pid > 0);
        let since = lines.next()?.parse().ok()?;
        Some(Self { provider, pid, since, cwd: lines.next()?.to_owned() })
    }
}

impl RunFolders {
    fn unbound_folder(&self) -> PathBuf {
        self.root().join("unbound")
    }

    /// Shows that a server runs, until the returned lock goes.
    pub fn announce(&self, server: &str, unbound: &Unbound) -> Result<LifeLock, StoreError> {
        LifeLock::hold(self.unbound_folder().join(server), unbound.encode().as_bytes())
    }

    /// The servers that run without a session now, oldest first. What dead ones left behind is cleared away.
    pub fn unbound(&self) -> Vec<Unbound> {
        let Ok(entries) = fsx::read_dir(&self.unbound_folder()) else { return Vec::new() };
        let mut found = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            if LifeLock::is_held(&path) {
                found.extend(fs::read_to_string(&path).ok().as_deref().and_then(Unbound::decode));
            } else {
                let _ = fs::remove_file(&path);
            }
        }
        found.sort_by_key(|unbound| unbound.since);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_bridge_core::home::Home;

    #[test]
    fn a_server_is_listed_until_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let folders = RunFolders::of(&Home::at(dir.path()));
        let one = Unbound { provider: "codex".into(), pid: Some(7), since: 5, cwd: "/a\nb".into() };
        let lock = folders.announce("a", &one).unwrap();
        assert_eq!(folders.unbound(), [one]);
        drop(lock);
        assert_eq!(folders.unbound(), []);
        fs::write(folders.unbound_folder().join("dead"), "codex\n7\n5\n/a").unwrap();
        assert_eq!(folders.unbound(), []);
        assert!(!folders.unbound_folder().join("dead").exists());
    }
}
