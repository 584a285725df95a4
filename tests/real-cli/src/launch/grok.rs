//! Grok Build.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Cli, KEY, Launch, MODEL};
use crate::{DriverError, Finished, Tui, World};

pub(super) const CLI: Cli = Cli {
    id: "grok",
    command: "grok",
    // Its installation writes a program and a configuration into the user's folder.
    install_home: Some("GROK_HOME"),
    prepare,
    environment,
    trust: Some(trust),
    add_mcp_server,
};

fn prepare(world: &World) -> Result<(), DriverError> {
    let config = format!(
        "[cli]\nauto_update = false\n\n[models]\ndefault = \"mock\"\n\n\
         [model.mock]\nmodel = \"{MODEL}\"\nname = \"{MODEL}\"\nbase_url = \"{}/v1\"\napi_key = \"{KEY}\"\n",
        world.model().base_url()
    );
    world.write(&world.grok_config(), config.as_bytes())
}

fn environment(_: &World) -> Vec<(&'static str, String)> {
    vec![
        ("GROK_DISABLE_AUTOUPDATER", "1".into()),
        ("GROK_TELEMETRY_ENABLED", "0".into()),
        ("GROK_TELEMETRY_TRACE_UPLOAD", "0".into()),
    ]
}

/// `decided_at` is in seconds since 1970.
fn trust(world: &World, folder: &Path) -> Result<(), DriverError> {
    world.edit_text(&world.grok_dir().join("trusted_folders.toml"), |text| {
        let _ =
            write!(text, "[folders.\"{}\"]\ntrusted = true\ndecided_at = 1700000000\n\n", folder.display());
    })
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_text(&world.grok_config(), |text| {
        let _ = write!(
            text,
            "\n[mcp_servers.{name}]\ncommand = \"{program}\"\n\n[permission]\nallow = [\"MCPTool({name}__*)\"]\n"
        );
    })
}

impl World {
    /// Grok Build, to be started here.
    pub fn grok(&self) -> Grok<'_> {
        Launch::new(self, GrokBuild)
    }

    /// `~/.grok`, with `hooks/` and `rules/`.
    pub fn grok_dir(&self) -> PathBuf {
        self.home().join(".grok")
    }

    /// `~/.grok/config.toml`.
    pub fn grok_config(&self) -> PathBuf {
        self.grok_dir().join("config.toml")
    }
}

/// Grok Build, about to be started.
pub type Grok<'w> = Launch<'w, GrokBuild>;

/// What only Grok Build has.
#[derive(Debug)]
pub struct GrokBuild;

/// What stands before the text in its input box.
const READY: &str = "❯";

impl<'w> Grok<'w> {
    /// Lets it run every tool unasked, shell commands included.
    #[must_use]
    pub fn unasked(self) -> Self {
        self.arg("--always-approve")
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let tui = self.terminal(&CLI, name)?;
        tui.wait_for(READY)?;
        Ok(tui)
    }

    /// `grok -p`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).args(&self.arguments).arg("-p").arg(prompt))
    }
}
