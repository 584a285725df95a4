//! The bridge as a person has it: the built program, installed into the world's home by `init`.

use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use session_bridge_mock_model::Request;
use session_bridge_real_cli::{World, wait_until};

/// The name of our MCP server in each CLI's configuration.
pub(crate) const SERVER: &str = "session-bridge";
/// How long something may take that needs a CLI to act.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) struct Bridge<'w> {
    world: &'w World,
}

impl<'w> Bridge<'w> {
    /// Installed into each CLI, with every consent given.
    pub(crate) fn installed(world: &'w World) -> Outcome<Self> {
        let bridge = Self { world };
        bridge.run(&["init", "--all", "--yes", "--allow-tools", "--trust-codex-hooks"])?;
        Ok(bridge)
    }

    /// The built program alone.
    pub(crate) fn not_installed(world: &'w World) -> Self {
        Self { world }
    }

    /// Runs `session-bridge` to its end; anything but success is an error.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome<String> {
        let mut command = self.world.command(self.world.built("session-bridge")?);
        Ok(self.world.run(command.args(args), b"")?.success()?.stdout)
    }

    pub(crate) fn json(&self, args: &[&str]) -> Outcome<Value> {
        let text = self.run(&[args, &["--json"]].concat())?;
        Ok(serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))?)
    }

    /// Sends from the command line; returns the message's id.
    pub(crate) fn send(&self, to: &str, body: &str) -> Outcome<String> {
        self.send_kind(to, body, "note")
    }

    /// Sends what wakes nobody: it waits for a prompt.
    pub(crate) fn send_quietly(&self, to: &str, body: &str) -> Outcome<String> {
        self.send_kind(to, body, "status")
    }

    fn send_kind(&self, to: &str, body: &str, kind: &str) -> Outcome<String> {
        let sent = self.json(&["send-message", to, body, "--kind", kind])?;
        Ok(sent["id"].as_str().ok_or("no id")?.to_owned())
    }

    pub(crate) fn sessions(&self) -> Outcome<Vec<Value>> {
        Ok(self.json(&["list-sessions", "--ended"])?["sessions"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until a session has the label; returns it.
    pub(crate) fn session(&self, label: &str) -> Outcome<Value> {
        let look = || self.sessions().ok()?.into_iter().find(|session| session["label"] == label);
        Ok(wait_until(&format!("a session labelled {label}"), PATIENCE, look)?)
    }

    /// Waits until that session's turn is over. Its answer is on the screen before that, and mail that comes in between makes
    /// the turn go on.
    pub(crate) fn idle(&self, label: &str) -> Outcome<Value> {
        let idle = |session: &Value| session["label"] == label && session["presence"] == "idle";
        Ok(wait_until("the end of the turn", PATIENCE, || self.sessions().ok()?.into_iter().find(idle))?)
    }

    /// The states that the first recipient's receipt went through.
    pub(crate) fn states(&self, id: &str) -> Outcome<Vec<String>> {
        let receipts = self.json(&["receipts", id])?;
        let steps = receipts["receipts"][0]["steps"].as_array().cloned().unwrap_or_default();
        Ok(steps.iter().filter_map(|step| Some(step["state"].as_str()?.to_owned())).collect())
    }

    /// Waits until the first recipient's receipt ends with `state`; returns all its states.
    pub(crate) fn wait_for_state(&self, id: &str, state: &str) -> Outcome<Vec<String>> {
        let look = || self.states(id).ok().filter(|states| states.last().is_some_and(|last| last == state));
        Ok(wait_until(&format!("receipt {id} to say {state}"), PATIENCE, look)?)
    }
}

/// The first message id in what the newest tool result says.
pub(crate) fn id_in(text: &str) -> String {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| word.len() == 26 && word.starts_with("01");
    words.find(is_id).unwrap_or_default().to_owned()
}

/// The id that the newest tool result gives for `key`, whether it stands in JSON or in JSON inside a string.
pub(crate) fn field_in(request: &Request, key: &str) -> String {
    let text = request.last_tool_result().unwrap_or_default();
    let at = text.find(&format!("{key}\"")).map_or(0, |at| at + key.len());
    id_in(&text[at..])
}
