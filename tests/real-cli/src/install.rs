//! The pinned CLIs, installed from npm once per target folder: each version of each package in a folder of its own, so that
//! a new one leaves the others as they are.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, thread};

use crate::DriverError;
use crate::launch::{CLIS, Cli};

/// The one place that says which versions the tests run.
const VERSIONS: &str = include_str!("../versions.toml");
/// Says which column of that file the suites run.
const CHOICE: &str = "SESSION_BRIDGE_TEST_VERSIONS";
/// How long npm is left alone after a failure, each time: a registry that refuses one request may answer the next.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(20)];

/// Which of the pinned versions a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// The newest known.
    Newest,
    /// The oldest that we say we support.
    Oldest,
}

impl Versions {
    /// The one that `SESSION_BRIDGE_TEST_VERSIONS` names, the newest if it is not set.
    ///
    /// # Errors
    /// [`DriverError::Missing`] if it says something else than `newest` or `oldest`.
    pub(crate) fn wanted() -> Result<Self, DriverError> {
        match env::var_os(CHOICE) {
            None => Ok(Self::Newest),
            Some(text) if text == "newest" => Ok(Self::Newest),
            Some(text) if text == "oldest" => Ok(Self::Oldest),
            Some(text) => Err(DriverError::Missing {
                what: "SESSION_BRIDGE_TEST_VERSIONS to be `newest` or `oldest`",
                detail: format!("it is {}", text.display()),
            }),
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }
}

/// The installed CLIs.
#[derive(Debug, Clone)]
pub struct Clis(Vec<Installed>);

/// One of them.
#[derive(Debug, Clone)]
struct Installed {
    cli: &'static Cli,
    package: String,
    version: String,
    root: PathBuf,
}

impl Clis {
    /// The command of each, with its pinned version.
    pub fn versions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|one| (one.cli.command, one.version.as_str()))
    }

    /// The program of the CLI whose command is `command`.
    pub(crate) fn program(&self, command: &str) -> PathBuf {
        let found = self.0.iter().find(|one| one.cli.command == command);
        // A command that nobody pinned fails where it is started, by its name.
        found.map_or_else(|| command.into(), |one| one.bin().join(command))
    }

    /// The folders that hold one command each; first in every world's `PATH`.
    pub(crate) fn path(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().map(Installed::bin)
    }

    /// Where the pinned CLIs belong under `target`, the build's target folder.
    pub(crate) fn under(target: &Path, versions: Versions) -> Result<Self, DriverError> {
        let unfit = |detail| DriverError::Content { path: "versions.toml".into(), detail };
        let pinned: toml_edit::DocumentMut =
            VERSIONS.parse().map_err(|error: toml_edit::TomlError| unfit(error.to_string()))?;
        let installed = |cli: &&'static Cli| {
            let says = |key: &str| {
                let value = pinned.get(cli.id).and_then(|table| table.get(key)?.as_str());
                value.map(str::to_owned).ok_or_else(|| unfit(format!("[{}] has no `{key}`", cli.id)))
            };
            let version = says(versions.key())?;
            let root = target.join("real-cli/npm").join(format!("{}-{version}", cli.id));
            Ok(Installed { cli, package: says("npm")?, version, root })
        };
        CLIS.iter().map(installed).collect::<Result<_, _>>().map(Self)
    }

    /// Installs what is missing, all at once. Test binaries that start together take turns.
    ///
    /// # Errors
    /// If npm is missing or fails, or what it installed is not what was asked for: a CLI that cannot be installed
    /// fails the run.
    pub(crate) fn ensure(&self) -> Result<(), DriverError> {
        thread::scope(|scope| {
            let started: Vec<_> = self.0.iter().map(|one| scope.spawn(|| one.ensure())).collect();
            let panicked = |_| DriverError::Missing { what: "an installer", detail: "it panicked".into() };
            started.into_iter().try_for_each(|thread| thread.join().map_err(panicked)?)
        })
    }
}

impl Installed {
    fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    fn ensure(&self) -> Result<(), DriverError> {
        let bin = self.bin();
        fs::create_dir_all(&bin).map_err(DriverError::io("create", &bin))?;
        let lock = self.root.join("install.lock");
        let file = File::create(&lock).map_err(DriverError::io("create", &lock))?;
        file.lock().map_err(DriverError::io("lock", &lock))?;
        let link = bin.join(self.cli.command);
        if fs::symlink_metadata(&link).is_ok() {
            return Ok(());
        }
        self.npm_with_patience()?;
        self.check()?;
        // Only the CLI itself: what its packages bring along is none of a user's commands. The link is made last, and says
        // that all is there.
        let program = Path::new("../node_modules/.bin").join(self.cli.command);
        symlink(&program, &link).map_err(DriverError::io("link", &link))
    }

    fn npm_with_patience(&self) -> Result<(), DriverError> {
        for pause in PAUSES {
            if self.npm().is_ok() {
                return Ok(());
            }
            thread::sleep(pause);
        }
        self.npm()
    }

    fn npm(&self) -> Result<(), DriverError> {
        let mut command = Command::new("npm");
        command.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&self.root);
        command.arg(format!("{}@{}", self.package, self.version));
        // Scripts of packages that set something up for a user, do it here.
        command.envs(self.cli.install_home.map(|name| (name, self.root.join("home"))));
        let output = command.output().map_err(DriverError::program("npm"))?;
        if output.status.success() {
            return Ok(());
        }
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(DriverError::Failed { program: "npm".into(), status: output.status.to_string(), detail })
    }

    fn check(&self) -> Result<(), DriverError> {
        let path = self.root.join("node_modules").join(&self.package).join("package.json");
        let text = fs::read_to_string(&path).map_err(DriverError::io("read", &path))?;
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if manifest["version"] == *self.version {
            return Ok(());
        }
        Err(DriverError::Content {
            path,
            detail: format!("is {}, not {}", manifest["version"], self.version),
        })
    }
}
