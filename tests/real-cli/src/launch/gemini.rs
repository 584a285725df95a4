//! Gemini CLI.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Cli, KEY, Launch};
use crate::{DriverError, Finished, Tui, World};

pub(super) const CLI: Cli = Cli {
    id: "gemini-cli",
    command: "gemini",
    install_home: None,
    prepare,
    environment,
    trust: Some(trust),
    add_mcp_server,
};

/// What its empty input box says.
const READY: &str = "Type your message";
/// A model that it knows, so that it asks no other one which to take.
const KNOWN_MODEL: &str = "gemini-2.5-pro";

fn prepare(world: &World) -> Result<(), DriverError> {
    let settings = json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
        // Asks nothing of a model of its own for each prompt.
        "model": {"name": KNOWN_MODEL},
    });
    world.write_json(&world.gemini_settings(), &settings)
}

fn environment(world: &World) -> Vec<(&'static str, String)> {
    vec![("GOOGLE_GEMINI_BASE_URL", world.model().base_url()), ("GEMINI_API_KEY", KEY.into())]
}

fn trust(world: &World, folder: &Path) -> Result<(), DriverError> {
    world.edit_json(&world.gemini_dir().join("trustedFolders.json"), |folders| {
        folders[&folder.display().to_string()] = json!("TRUST_FOLDER");
    })
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_json(&world.gemini_settings(), |settings| {
        settings["mcpServers"][name] = json!({"command": program, "trust": true});
    })
}

impl World {
    /// Gemini CLI, to be started here.
    pub fn gemini(&self) -> Gemini<'_> {
        Launch::new(self, GeminiCli)
    }

    /// `~/.gemini`, with `settings.json` and `trustedFolders.json`.
    pub fn gemini_dir(&self) -> PathBuf {
        self.home().join(".gemini")
    }

    /// `~/.gemini/settings.json`, with hooks and MCP servers.
    pub fn gemini_settings(&self) -> PathBuf {
        self.gemini_dir().join("settings.json")
    }
}

/// Gemini CLI, about to be started.
pub type Gemini<'w> = Launch<'w, GeminiCli>;

/// What only Gemini CLI has.
#[derive(Debug)]
pub struct GeminiCli;

impl<'w> Gemini<'w> {
    /// Lets it run every tool unasked, shell commands included.
    #[must_use]
    pub fn unasked(self) -> Self {
        self.arg("--approval-mode").arg("yolo")
    }

    /// `gemini -p`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).args(&self.arguments).arg("-p").arg(prompt))
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let tui = self.terminal(&CLI, name)?.empty_box(READY);
        tui.wait_for(READY)?;
        Ok(tui)
    }
}
