//! The only door from providers to the machine: environment, files and programs, all read-only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// What a provider may look at. Tests hand in a [`FakeHost`].
pub trait Host {
    /// A variable of the environment; non-UTF-8 values are kept.
    fn env(&self, key: &str) -> Option<OsString>;
    /// The user's home folder, from the environment alone (static binaries have no user-database look-ups).
    fn home(&self) -> Option<PathBuf>;
    /// The current folder.
    fn cwd(&self) -> Option<PathBuf>;
    /// A file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether something exists at `path`.
    fn exists(&self, path: &Path) -> bool;
    /// Where `PATH` leads for a program's name.
    fn which(&self, program: &str) -> Option<PathBuf>;
    /// Where `path` leads once links are followed, for hosts that do the same before they use it as a key; the
    /// path itself if nothing is there.
    fn canonical(&self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }

    /// A variable that is set, not empty and valid UTF-8.
    fn env_text(&self, key: &str) -> Option<String> {
        self.env(key).and_then(|v| v.into_string().ok()).filter(|v| !v.is_empty())
    }

    /// The folder that a variable names, if it is set and not empty; a relative one is in the current folder.
    fn folder(&self, key: &str) -> Option<PathBuf> {
        let folder = self.env(key).filter(|folder| !folder.is_empty())?;
        Some(self.cwd().unwrap_or_default().join(folder))
    }

    /// The first of these programs that `PATH` leads to.
    fn first_of(&self, programs: &[&str]) -> Option<PathBuf> {
        programs.iter().find_map(|program| self.which(program))
    }
}

/// This process's environment and the machine's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealHost;

impl Host for RealHost {
    fn env(&self, key: &str) -> Option<OsString> {
        std::env::var_os(key)
    }

    fn home(&self) -> Option<PathBuf> {
        let key = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.env(key).filter(|v| !v.is_empty()).map(PathBuf::from)
    }

    fn cwd(&self) -> Option<PathBuf> {
        std::env::current_dir().ok()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn which(&self, program: &str) -> Option<PathBuf> {
        which::which(program).ok()
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
    }
}

/// A machine made of three maps, for tests.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    /// The environment; `HOME` is the home folder.
    pub env: BTreeMap<String, OsString>,
    /// Files by absolute path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Programs on `PATH`.
    pub programs: BTreeMap<String, PathBuf>,
    /// The current folder.
    pub cwd: PathBuf,
}

impl FakeHost {
    /// A machine whose home is `home` and that has nothing else.
    pub fn at(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        let mut fake = Self { cwd: home.clone(), ..Self::default() };
        fake.env.insert("HOME".into(), home.into());
        fake
    }
}

impl Host for FakeHost {
    fn env(&self, key: &str) -> Option<OsString> {
        self.env.get(key).cloned()
    }

    fn home(&self) -> Option<PathBuf> {
        self.env("HOME").map(PathBuf::from)
    }

    fn cwd(&self) -> Option<PathBuf> {
        Some(self.cwd.clone())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.keys().any(|file| file.starts_with(path))
    }

    fn which(&self, program: &str) -> Option<PathBuf> {
        self.programs.get(program).cloned()
    }
}
