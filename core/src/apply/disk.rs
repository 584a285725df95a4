//! Where the bridge keeps its own files, and how tests interrupt it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::edit::ConfigError;
use crate::fsx::{self, Lock};

/// How long one writer waits for another of ours.
const PATIENCE: Duration = Duration::from_secs(10);

type Failpoint = Arc<dyn Fn(&'static str) + Send + Sync>;

/// The real file system, as seen from the bridge's home.
#[derive(Clone)]
pub struct Disk {
    home: PathBuf,
    patience: Duration,
    failpoint: Option<Failpoint>,
}

impl Disk {
    /// The steps of a write, in order. A failpoint is called after each with its name.
    pub const STEPS: [&'static str; 10] = [
        "locked",
        "read",
        "computed",
        "backed-up",
        "intended",
        "temp-written",
        "compared",
        "renamed",
        "flushed",
        "recorded",
    ];

    /// A disk with the bridge's home at `home`, which is made when it is first written to.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), patience: PATIENCE, failpoint: None }
    }

    /// The same disk, with a function called between the steps of every write. It may end the process, or write what
    /// it likes: that is what a test with it is about.
    #[must_use]
    pub fn with_failpoint(mut self, hit: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        self.failpoint = Some(Arc::new(hit));
        self
    }

    /// The same disk, for callers who can wait more or less than ten seconds for a lock.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The bridge's home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn step(&self, name: &'static str) {
        if let Some(hit) = &self.failpoint {
            hit(name);
        }
    }

    pub(super) fn prepare(&self) -> Result<(), ConfigError> {
        fsx::private_dir(&self.home)?;
        ["ledger", "backup", "locks"].iter().try_for_each(|name| fsx::private_dir(&self.home.join(name)))
    }

    /// One at a time may work on a provider's ledger.
    pub(super) fn lock_provider(&self, provider: &str) -> Result<Lock, ConfigError> {
        let path = self.home.join("locks").join(format!("{provider}.lock"));
        Lock::acquire(&path, self.patience, &self.home.join("ledger").join(format!("{provider}.json")))
    }

    /// One at a time may write a file, whichever provider it is for.
    pub(super) fn lock_target(&self, target: &Path) -> Result<Lock, ConfigError> {
        let name = fsx::hash(target.as_os_str().as_encoded_bytes());
        Lock::acquire(&self.home.join("locks").join(format!("{name}.lock")), self.patience, target)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("home", &self.home).finish_non_exhaustive()
    }
}
