//! The MCP servers that run, and from which program. A server lives as long as its host's session, and so may be older
//! than what is installed.

use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use session_bridge_core::fsx;
use session_bridge_core::id::SessionId;

use crate::error::StoreError;
use crate::run::{LifeLock, RunFolders};

/// A program as it was when a process of it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its release.
    pub version: String,
    /// Where its file was.
    pub path: PathBuf,
    /// Which file that was: device and inode. A file that runs keeps its inode for as long.
    pub file: (u64, u64),
}

/// A server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its process.
    pub pid: u32,
    /// What it runs.
    pub program: Program,
    /// The sessions that it served.
    pub sessions: Vec<SessionId>,
}

impl Program {
    /// What this process runs. To be asked at its start, before anybody replaces the file.
    pub fn current(version: &str) -> io::Result<Self> {
        let path = std::env::current_exe()?;
        let file = Self::file_at(&path)?;
        Ok(Self { version: version.to_owned(), path, file })
    }

    /// Which file stands at a path now.
    pub fn file_at(path: &Path) -> io::Result<(u64, u64)> {
        let meta = fs::metadata(path)?;
        Ok((meta.dev(), meta.ino()))
    }

    fn encode(&self, pid: u32) -> Vec<u8> {
        let (device, inode) = self.file;
        let mut text = format!("{pid}\n{}\n{device} {inode}\n", self.version).into_bytes();
        // The path comes last: it alone may hold anything.
        text.extend_from_slice(self.path.as_os_str().as_bytes());
        text
    }

    fn decode(bytes: &[u8]) -> Option<(u32, Self)> {
        let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
        let mut word = || std::str::from_utf8(lines.next()?).ok();
        let pid = word()?.parse().ok()?;
        let version = word()?.to_owned();
        let (device, inode) = word()?.split_once(' ')?;
        let file = (device.parse().ok()?, inode.parse().ok()?);
        let path = PathBuf::from(std::ffi::OsString::from_vec(lines.next()?.to_vec()));
        Some((pid, Self { version, path, file }))
    }
}

impl RunFolders {
    fn servers_folder(&self) -> PathBuf {
        self.root().join("servers")
    }

    /// Shows that this process is a server, until the returned lock goes.
    pub fn begin_server(&self, server: &str, program: &Program) -> Result<LifeLock, StoreError> {
        LifeLock::hold(self.servers_folder().join(server), &program.encode(std::process::id()))
    }

    /// The servers that run now, in the order of their start. What dead ones left behind is cleared away.
    pub fn servers(&self) -> Vec<Server> {
        let Ok(entries) = fsx::read_dir(&self.servers_folder()) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut found = Vec::new();
        for path in paths {
            if !LifeLock::is_held(&path) {
                let _ = fs::remove_file(&path);
                continue;
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let known = fs::read(&path).ok().and_then(|bytes| Program::decode(&bytes));
            found.extend(known.map(|(pid, program)| Server {
                pid,
                program,
                sessions: self.served_by(&name),
            }));
        }
        found
    }

    fn served_by(&self, server: &str) -> Vec<SessionId> {
        let Ok(entries) = fsx::read_dir(self.root()) else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut sessions: Vec<SessionId> = ids.filter(|id| self.session(*id).server_lives(server)).collect();
        sessions.sort_unstable();
        sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_bridge_core::home::Home;

    #[test]
    fn a_server_is_listed_with_its_program_and_sessions_until_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let folders = RunFolders::of(&Home::at(dir.path()));
        assert_eq!(folders.servers(), []);
        let odd = PathBuf::from(std::ffi::OsString::from_vec(b"/a\nb\xff".to_vec()));
        let program = Program { version: "0.1.0".into(), path: odd, file: (7, 9) };
        let session = SessionId::generate();
        let life = folders.begin_server("a", &program).unwrap();
        let serves = folders.session(session).hold_life("a").unwrap();
        folders.session(SessionId::generate()).hold_life("b").unwrap();
        let want = Server { pid: std::process::id(), program, sessions: vec![session] };
        assert_eq!(folders.servers(), [want]);
        drop((life, serves));
        assert_eq!(folders.servers(), []);
        fs::write(folders.servers_folder().join("dead"), "1\n0.1.0\n7 9\n/a").unwrap();
        assert_eq!(folders.servers(), []);
        assert!(!folders.servers_folder().join("dead").exists());
    }

    #[test]
    fn this_program_is_the_file_that_runs() {
        let program = Program::current("0.1.0").unwrap();
        assert_eq!(Program::file_at(&program.path).unwrap(), program.file);
    }
}
