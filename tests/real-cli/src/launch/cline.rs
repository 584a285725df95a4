//! Cline CLI.

use std::path::PathBuf;

use serde_json::json;

use super::{Cli, KEY, Launch, MODEL};
use crate::{DriverError, Finished, Tui, World};

pub(super) const CLI: Cli = Cli {
    id: "cline",
    command: "cline",
    install_home: None,
    prepare,
    environment,
    trust: None,
    add_mcp_server,
};

/// What its screen shows once a conversation can begin: below the input box, also on the first screen.
const READY: &str = "Auto-approve";
/// The advertisements of its first start, which swallow a key.
const NOTICES: [&str; 2] = ["cline-cli-cline-pass-intro", "cline-cli-desktop-launch"];
/// The provider's id in its settings.
const PROVIDER: &str = "openai-compatible";

fn prepare(world: &World) -> Result<(), DriverError> {
    let quiet = json!({"telemetryOptOut": true, "autoUpdateEnabled": false});
    world.write_json(&world.cline_settings().join("global-settings.json"), &quiet)?;
    let shown: serde_json::Map<_, _> = NOTICES.iter().map(|name| ((*name).to_owned(), true.into())).collect();
    world.write_json(&world.cline_settings().join("cli-notices.json"), &json!({"shown": shown}))?;
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
        // On a loaded machine a plugin may not be read within the usual 4 s; Cline would go on without it.
        ("CLINE_PLUGIN_IMPORT_TIMEOUT_MS", "60000".into()),
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

impl<'w> Cline<'w> {
    /// `cline <prompt>`: one prompt of at least two words, to the end of its turn. A single word is taken for a command.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).args(&self.arguments).arg(prompt))
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world. It keeps
    /// its session in the daemon of its home, if one runs there by now, and else starts one.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let tui = self.terminal(&CLI, name)?;
        tui.wait_for(READY)?;
        Ok(tui)
    }
}
