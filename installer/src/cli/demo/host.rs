//! A scripted host: runs the hook and MCP commands that it finds in its own configuration files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rpc::Server;
use super::world::{World, failed};
use crate::report::Failure;

/// Which CLI the host plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cli {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
}

/// One host with one session.
pub(super) struct Host<'w> {
    world: &'w World,
    cli: Cli,
    /// Its own session id.
    native: String,
    cwd: PathBuf,
}

/// What a hook run gave, and how long it took from start to exit.
pub(super) struct Heard {
    /// The text that the host would put before its model.
    pub(super) text: Option<String>,
    pub(super) took: Duration,
}

impl<'w> Host<'w> {
    pub(super) fn new(world: &'w World, cli: Cli, project: &str) -> Self {
        let native = format!("demo-{}", ulid::Ulid::generate().to_string().to_lowercase());
        Self { world, cli, native, cwd: world.project(project) }
    }

    /// Fires an event at the configured hook, with the fields that this CLI sends.
    pub(super) fn event(&self, event: &str, more: &Value) -> Result<Heard, Failure> {
        let mut payload = json!({"session_id": self.native, "cwd": self.cwd, "hook_event_name": event});
        if let (Some(fields), Some(more)) = (payload.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        let mut command = self.hook(event)?;
        let began = Instant::now();
        let mut child = command
            .current_dir(&self.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(payload.to_string().as_bytes())?;
        }
        let out = child.wait_with_output()?;
        let took = began.elapsed();
        if !out.status.success() {
            return Err(failed(format!("the hook of {event} ended with {}", out.status)));
        }
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        let text = answer["hookSpecificOutput"]["additionalContext"].as_str().map(str::to_owned);
        Ok(Heard { text, took })
    }

    /// The fields by which this CLI's events name a turn.
    pub(super) fn turn(&self, id: &str) -> Value {
        match self.cli {
            Cli::Claude => json!({"prompt_id": id}),
            Cli::Codex => json!({"turn_id": id}),
        }
    }

    /// The event after a tool call, with the fields by which this CLI names the call.
    pub(super) fn after_tool(&self, turn: &str, call: &str) -> Result<Heard, Failure> {
        let mut more = self.turn(turn);
        let event = match self.cli {
            Cli::Claude => {
                more["tool_calls"] = json!([{"tool_name": "mcp__session-bridge", "tool_use_id": call}]);
                "PostToolBatch"
            }
            Cli::Codex => {
                more["tool_use_id"] = json!(call);
                "PostToolUse"
            }
        };
        self.event(event, &more)
    }

    /// What this CLI puts beside the arguments of a tool call.
    pub(super) fn call_meta(&self, call: &str) -> Value {
        match self.cli {
            Cli::Claude => json!({"claudecode/toolUseId": call}),
            Cli::Codex => json!({"threadId": self.native, "sessionId": self.native, "callId": call}),
        }
    }

    /// The hook's command line as it stands in the configuration.
    fn hook(&self, event: &str) -> Result<Command, Failure> {
        let file = match self.cli {
            Cli::Claude => ".claude/settings.json",
            Cli::Codex => ".codex/hooks.json",
        };
        let config: Value = serde_json::from_str(&self.world.file(file)?).unwrap_or_default();
        let groups = config["hooks"][event].as_array().cloned().unwrap_or_default();
        let mut handlers = groups.iter().flat_map(|group| group["hooks"].as_array().into_iter().flatten());
        let ours = handlers
            .find(|handler| {
                handler["command"].as_str().is_some_and(|line| line.contains("session-bridge-hook"))
            })
            .ok_or_else(|| failed(format!("no hook of ours for {event} in ~/{file}")))?;
        let line = ours["command"].as_str().unwrap_or_default();
        Ok(match self.cli {
            // A program and its arguments, without a shell.
            Cli::Claude => {
                let mut command = self.world.command(Path::new(line));
                command.args(ours["args"].as_array().into_iter().flatten().filter_map(Value::as_str));
                command
            }
            Cli::Codex => {
                let mut command = self.world.command(Path::new("sh"));
                command.args(["-c", line]);
                command
            }
        })
    }

    /// Starts the MCP server as it stands in the configuration.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let (program, args, client) = match self.cli {
            Cli::Claude => {
                let config: Value =
                    serde_json::from_str(&self.world.file(".claude.json")?).unwrap_or_default();
                let entry = &config["mcpServers"]["session-bridge"];
                let args: Vec<String> = entry["args"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect();
                (entry["command"].as_str().unwrap_or_default().to_owned(), args, "claude-code")
            }
            Cli::Codex => {
                let config: toml_edit::DocumentMut =
                    self.world.file(".codex/config.toml")?.parse().map_err(|error| {
                        failed("~/.codex/config.toml does not parse").because(format!("{error}"))
                    })?;
                let entry = config.get("mcp_servers").and_then(|servers| servers.get("session-bridge"));
                let text = |item: Option<&toml_edit::Item>| {
                    item.and_then(toml_edit::Item::as_str).map(str::to_owned)
                };
                let args = entry.and_then(|e| e.get("args")).and_then(toml_edit::Item::as_array);
                let args =
                    args.into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect();
                (text(entry.and_then(|e| e.get("command"))).unwrap_or_default(), args, "codex-mcp-client")
            }
        };
        let mut command = self.world.command(Path::new(&program));
        command.args(args).current_dir(&self.cwd);
        Server::start(command, client)
    }
}
