//! Hooks of another tool beside ours in Claude Code, one of which notes what the host tells at every event.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use session_bridge_real_cli::{CaseResult, DriverError, World};

const EVENTS: [&str; 11] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolBatch",
    "Stop",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "SessionEnd",
];

/// Adds a shell command as a hook of `event`, behind ours.
pub(crate) fn hook(world: &World, event: &str, command: &str) -> Result<(), DriverError> {
    world.edit_json(&world.claude_dir().join("settings.json"), |settings| {
        let group = json!({"hooks": [{"type": "command", "command": command}]});
        match settings["hooks"][event].as_array_mut() {
            Some(groups) => groups.push(group),
            None => settings["hooks"][event] = json!([group]),
        }
    })
}

/// What Claude Code told its hooks, in the order in which they ran.
pub(crate) struct Witness {
    path: PathBuf,
}

impl Witness {
    /// Notes every event from now on.
    pub(crate) fn installed(world: &World) -> Result<Self, DriverError> {
        let path = world.tmp().join("events");
        // One write each: hooks of one event run beside each other.
        let note = format!("text=$(cat); printf '%s\\n' \"$text\" >> {}", path.display());
        for event in EVENTS {
            hook(world, event, &note)?;
        }
        Ok(Self { path })
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The events of one name.
    pub(crate) fn of(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["hook_event_name"] == name).collect()
    }

    /// One line per event: for the report of a case that fails.
    pub(crate) fn account(&self) -> String {
        let line = |event: &Value| {
            let mut fields = event.clone();
            if let Some(map) = fields.as_object_mut() {
                for key in [
                    "transcript_path",
                    "cwd",
                    "effort",
                    "background_tasks",
                    "session_crons",
                    "permission_mode",
                ] {
                    map.remove(key);
                }
            }
            let mut text = fields.to_string();
            if text.len() > 600 {
                text = text.chars().take(600).collect();
            }
            text
        };
        self.events().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A case's outcome, with what the host told its hooks if it failed.
pub(crate) fn explained(witness: &Witness, outcome: CaseResult) -> CaseResult {
    outcome.map_err(|error| format!("{error}\n--- events ---\n{}", witness.account()).into())
}
