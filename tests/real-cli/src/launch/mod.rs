//! How each CLI is set up, and started headless and in a terminal: a file and a line of [`CLIS`] for each.

mod claude;
mod cline;
mod codex;
mod gemini;
mod grok;
mod opencode;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{DriverError, Finished, Tui, World};

pub use claude::Claude;
pub use cline::Cline;
pub use codex::Codex;
pub use gemini::Gemini;
pub use grok::Grok;
pub use opencode::Opencode;

/// The CLIs that every world has. Each is pinned in `versions.toml` under its id.
pub(crate) const CLIS: &[&Cli] =
    &[&claude::CLI, &codex::CLI, &gemini::CLI, &opencode::CLI, &grok::CLI, &cline::CLI];

/// A key that only the mock model sees.
const KEY: &str = "key-for-the-mock-model-only";
/// The model's name, where a CLI takes any.
const MODEL: &str = "mock-model";

/// How a CLI is made to trust a folder.
pub(crate) type Trust = fn(&World, &Path) -> Result<(), DriverError>;

/// What the driver has to know of a CLI. Paths and formats are those of its manual.
#[derive(Debug)]
pub(crate) struct Cli {
    /// The provider's id; the table of its versions.
    pub(crate) id: &'static str,
    /// What a person types, and npm installs.
    pub(crate) command: &'static str,
    /// The variable that names the CLI's own home, if its installation writes there.
    pub(crate) install_home: Option<&'static str>,
    /// Configures it for the mock model: first-start questions answered, nothing that leaves the machine or changes the
    /// installation.
    pub(crate) prepare: fn(&World) -> Result<(), DriverError>,
    /// What it finds in its environment.
    pub(crate) environment: fn(&World) -> Vec<(&'static str, String)>,
    /// What makes it trust a folder, which exists; `None` if it asks nothing about folders.
    pub(crate) trust: Option<Trust>,
    /// Adds an MCP server by name and program to the user's configuration, with leave to call its tools unasked.
    pub(crate) add_mcp_server: fn(&World, &str, &str) -> Result<(), DriverError>,
}

/// A CLI, about to be started. `C` says which, and what only that one has.
pub struct Launch<'w, C> {
    world: &'w World,
    folder: PathBuf,
    arguments: Vec<OsString>,
    cli: C,
}

impl<'w, C> Launch<'w, C> {
    fn new(world: &'w World, cli: C) -> Self {
        Self { world, folder: world.project(), arguments: Vec::new(), cli }
    }

    /// Starts it in `folder` instead of the world's project.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Adds a command line argument, such as `--resume`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The program, in the folder where it shall start, without arguments.
    fn program(&self, cli: &Cli) -> Command {
        let mut command = self.world.command(self.world.clis().program(cli.command));
        command.current_dir(&self.folder);
        command
    }

    /// Runs `command` to its end.
    fn finish(&self, command: &mut Command) -> Result<Finished, DriverError> {
        self.world.run(command, b"")
    }

    /// A terminal with the program and its arguments.
    fn terminal(&self, cli: &Cli, name: &str) -> Result<Tui<'w>, DriverError> {
        let program = self.world.clis().program(cli.command).into_os_string();
        let line: Vec<&OsStr> =
            std::iter::once(&program).chain(&self.arguments).map(OsString::as_os_str).collect();
        Tui::start(self.world, name, &self.folder, &line)
    }
}
