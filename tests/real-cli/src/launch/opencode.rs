//! opencode.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::{Cli, KEY, Launch, MODEL};
use crate::{DriverError, Finished, Tui, World, wait_until};

/// How long its window may take to open.
const FIRST_SCREEN: Duration = Duration::from_secs(120);
/// What plugins of opencode may import; ours does not.
const HELPER: &str = "@opencode-ai/plugin";

pub(super) const CLI: Cli = Cli {
    id: "opencode",
    command: "opencode",
    install_home: None,
    prepare,
    environment,
    trust: None,
    add_mcp_server,
};

fn prepare(world: &World) -> Result<(), DriverError> {
    let options = json!({"baseURL": format!("{}/v1", world.model().base_url()), "apiKey": KEY});
    // Without the first key, opencode itself would add it.
    let config = json!({
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": false,
        "share": "disabled",
        "model": format!("mock/{MODEL}"),
        "provider": {"mock": {"npm": "@ai-sdk/openai-compatible", "name": "mock", "options": options,
                              "models": {MODEL: {"name": MODEL, "tool_call": true}}}},
    });
    world.write_json(&world.opencode_config(), &config)?;
    // With a plugin in its folder, opencode waits for `npm install` of its helper package there. It takes this for done.
    let folder = world.opencode_dir();
    let modules = folder.join("node_modules");
    std::fs::create_dir_all(&modules).map_err(DriverError::io("create", &modules))?;
    let wanted = json!({"dependencies": {HELPER: "*"}});
    world.write_json(&folder.join("package.json"), &wanted)?;
    let lock = json!({"lockfileVersion": 3, "packages": {"": wanted, format!("node_modules/{HELPER}"): {}}});
    world.write_json(&folder.join("package-lock.json"), &lock)
}

fn environment(_: &World) -> Vec<(&'static str, String)> {
    let names = [
        "OPENCODE_DISABLE_AUTOUPDATE",
        "OPENCODE_DISABLE_MODELS_FETCH",
        "OPENCODE_DISABLE_LSP_DOWNLOAD",
        "OPENCODE_DISABLE_SHARE",
    ];
    names.map(|name| (name, "1".into())).into()
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_json(&world.opencode_config(), |config| {
        config["mcp"][name] = json!({"type": "local", "command": [program], "enabled": true});
    })
}

impl World {
    /// opencode, to be started here.
    pub fn opencode(&self) -> Opencode<'_> {
        Launch::new(self, OpencodeCli)
    }

    /// `~/.config/opencode`, with `opencode.jsonc` and `plugins/`.
    pub fn opencode_dir(&self) -> PathBuf {
        self.home().join(".config/opencode")
    }

    /// `~/.config/opencode/opencode.jsonc`.
    pub fn opencode_config(&self) -> PathBuf {
        self.opencode_dir().join("opencode.jsonc")
    }
}

/// opencode, about to be started.
pub type Opencode<'w> = Launch<'w, OpencodeCli>;

/// What only opencode has.
#[derive(Debug)]
pub struct OpencodeCli;

impl<'w> Opencode<'w> {
    /// `opencode run`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).arg("run").args(&self.arguments).arg(prompt))
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        // An answer is indented, and what was typed has a bar before it.
        let tui = self.terminal(&CLI, name)?.bullet(&["\n     "]);
        // A large program, whose first start also makes a database: on a busy machine that takes its time.
        wait_until("opencode's first screen", FIRST_SCREEN, || tui.shows("ctrl+p commands").then_some(()))?;
        Ok(tui)
    }
}
