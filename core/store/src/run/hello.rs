//! `hello/<provider>`: how a host of this provider greeted one of our MCP servers last.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::{RunFolders, create_folder, private};
use crate::error::StoreError;

/// Longest introduction that is kept, in characters.
const MAX_CLIENT: usize = 80;

/// The last time that a host greeted one of our servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// How the host introduced itself: name and version.
    pub client: String,
}

impl RunFolders {
    fn hello_file(&self, provider: &str) -> PathBuf {
        self.root().join("hello").join(provider)
    }

    /// Notes that a host of this provider greeted a server, and how it introduced itself.
    pub fn greeted(&self, provider: &str, client: &str) -> Result<(), StoreError> {
        let path = self.hello_file(provider);
        create_folder(path.parent().unwrap_or(self.root()))?;
        let client: String = client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect();
        let open = private().write(true).create(true).truncate(true).open(&path);
        open.and_then(|mut file| file.write_all(client.as_bytes())).map_err(StoreError::io("write", &path))
    }

    /// When that was last.
    pub fn hello(&self, provider: &str) -> Option<Hello> {
        let path = self.hello_file(provider);
        let changed = fs::metadata(&path).ok()?.modified().ok()?;
        let at = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
        let client = fs::read(&path).ok()?;
        Some(Hello { at: at.try_into().ok()?, client: String::from_utf8_lossy(&client).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_bridge_core::home::Home;

    #[test]
    fn the_last_greeting_is_kept_by_provider() {
        let dir = tempfile::tempdir().unwrap();
        let folders = RunFolders::of(&Home::at(dir.path()));
        assert_eq!(folders.hello("codex"), None);
        folders.greeted("codex", "a\nclient with a long name 1").unwrap();
        folders.greeted("codex", "b\u{1b}2").unwrap();
        let hello = folders.hello("codex").unwrap();
        assert_eq!(hello.client, "b2");
        assert!(hello.at > 1_700_000_000_000);
        assert_eq!(folders.hello("claude-code"), None);
    }
}
