//! Cline CLI.

use std::path::PathBuf;

use serde_json::json;

use super::{Cli, KEY, Launch, MODEL};
use crate::{DriverError, Finished, World};

pub(super) const CLI: Cli = Cli {
    id: "cline",
    command: "cline",
    install_home: None,
    prepare,
    environment,
    trust: None,
    add_mcp_server,
};

/// The provider's id in its settings.
const PROVIDER: &str = "openai-compatible";

fn prepare(world: &World) -> Result<(), DriverError> {
    let quiet = json!({"telemetryOptOut": true, "autoUpdateEnabled": false});
    world.write_json(&world.cline_settings().join("global-settings.json"), &quiet)?;
    let url = format!("{}/v1", world.model().base_url());
    // As `cline auth` writes it.
    let settings = json!({"provider": PROVIDER, "apiKey": KEY, "model": MODEL, "baseUrl": url});
    let providers = json!({
        "version": 1,
        "lastUsedProvider": PROVIDER,
        "modes": {},
        "providers": {PROVIDER: {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z",
                                 "tokenSource": "manual"}},
    });
    world.write_json(&world.cline_settings().join("providers.json"), &providers)
}

fn environment(_: &World) -> Vec<(&'static str, String)> {
    vec![
        ("CLINE_NO_AUTO_UPDATE", "1".into()),
        // Its daemon listens on one port of the machine, and worlds share a machine.
        ("CLINE_SESSION_BACKEND_MODE", "local".into()),
    ]
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_json(&world.cline_settings().join("cline_mcp_settings.json"), |settings| {
        settings["mcpServers"][name] = json!({"command": program, "args": []});
    })
}

impl World {
    /// Cline CLI, to be started here.
    pub fn cline(&self) -> Cline<'_> {
        Launch::new(self, ClineCli)
    }

    /// `~/.cline`, with `hooks/` and `plugins/`.
    pub fn cline_dir(&self) -> PathBuf {
        self.home().join(".cline")
    }

    /// `~/.cline/data/settings`, with `cline_mcp_settings.json`.
    pub fn cline_settings(&self) -> PathBuf {
        self.cline_dir().join("data/settings")
    }
}

/// Cline CLI, about to be started.
pub type Cline<'w> = Launch<'w, ClineCli>;

/// What only Cline CLI has.
#[derive(Debug)]
pub struct ClineCli;

impl Cline<'_> {
    /// `cline <prompt>`: one prompt of at least two words, to the end of its turn. A single word is taken for a command.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).args(&self.arguments).arg(prompt))
    }
}
