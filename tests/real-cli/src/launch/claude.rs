//! Claude Code.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Cli, KEY, Launch};
use crate::{DriverError, Finished, Tui, World};

pub(super) const CLI: Cli = Cli {
    id: "claude-code",
    command: "claude",
    install_home: None,
    prepare,
    environment,
    trust: Some(trust),
    add_mcp_server,
};

/// What it has at the bottom of its screen when it waits for a prompt.
const READY: &str = "for shortcuts";
/// It asks once whether a key may be used, and remembers this much of its end.
const KEY_TAIL: usize = 20;

fn prepare(world: &World) -> Result<(), DriverError> {
    let state = json!({
        "hasCompletedOnboarding": true,
        // A dialog that would cover the prompt of a terminal session in manual mode.
        "hasSeenAutoDefaultNudge": true,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [&KEY[KEY.len() - KEY_TAIL..]], "rejected": []},
        "projects": {},
    });
    world.write_json(&world.claude_state(), &state)?;
    let settings = json!({"permissions": {"defaultMode": "default"}});
    world.write_json(&world.claude_dir().join("settings.json"), &settings)
}

fn environment(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("ANTHROPIC_BASE_URL", world.model().base_url()),
        ("ANTHROPIC_API_KEY", KEY.into()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
        ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1".into()),
        ("DISABLE_AUTOUPDATER", "1".into()),
    ]
}

fn trust(world: &World, folder: &Path) -> Result<(), DriverError> {
    world.edit_json(&world.claude_state(), |state| {
        state["projects"][&folder.display().to_string()] = json!({"hasTrustDialogAccepted": true});
    })
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_json(&world.claude_state(), |state| {
        state["mcpServers"][name] =
            json!({"type": "stdio", "command": program, "args": [], "env": {}, "alwaysLoad": true});
    })?;
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        settings["permissions"]["allow"] = json!([format!("mcp__{name}")]);
    })
}

impl World {
    /// Claude Code, to be started here.
    pub fn claude(&self) -> Claude<'_> {
        Launch::new(self, ClaudeCode { ready: READY })
    }

    /// `~/.claude`, with `settings.json`.
    pub fn claude_dir(&self) -> PathBuf {
        self.home().join(".claude")
    }

    /// `~/.claude.json`, with the MCP servers of the user.
    pub fn claude_state(&self) -> PathBuf {
        self.home().join(".claude.json")
    }
}

/// Claude Code, about to be started.
pub type Claude<'w> = Launch<'w, ClaudeCode>;

/// What only Claude Code has.
#[derive(Debug)]
pub struct ClaudeCode {
    ready: &'static str,
}

impl<'w> Claude<'w> {
    /// What its terminal shows when it waits for a prompt, where that is not the usual line.
    #[must_use]
    pub fn ready(mut self, text: &'static str) -> Self {
        self.cli.ready = text;
        self
    }

    /// `claude -p`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        self.finish(self.program(&CLI).arg("-p").arg(prompt).args(&self.arguments))
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let tui = self.terminal(&CLI, name)?;
        tui.wait_for(self.cli.ready)?;
        Ok(tui)
    }
}
