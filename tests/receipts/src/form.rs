//! How each CLI tells its events, made of captured payloads with other ids, and how it reads an answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use session_bridge_core::provider::Provider;
use session_bridge_providers::by_id;

/// The CLIs that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cli {
    Claude,
    Codex,
    Cline,
    Grok,
    Opencode,
    Gemini,
    Cursor,
}

/// Every one of them.
pub(crate) const CLIS: &[Cli] =
    &[Cli::Claude, Cli::Codex, Cli::Cline, Cli::Grok, Cli::Opencode, Cli::Gemini, Cli::Cursor];

/// Why a conversation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Fresh,
    Resume,
    Clear,
    Compact,
    Fork,
}

/// A tool call that is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// The host's id of it.
    pub(crate) id: String,
    /// What a tool of the bridge returned.
    pub(crate) ours: Option<String>,
}

/// What happens in a host.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    Start(Why),
    Prompt(&'a str),
    /// A prompt that the host made of our text or nudge itself.
    HostsPrompt(&'a str),
    /// A request to the model is about to go out, with the text of this attempt in it.
    Request(&'a str),
    Tools(&'a [Call]),
    /// A subagent's tool call is over.
    SubagentTool(&'a Call),
    End {
        rounds: u32,
        said: &'a str,
    },
    Cut {
        rounds: u32,
        said: &'a str,
    },
    Over {
        clear: bool,
    },
}

/// What names an event besides its kind.
pub(crate) struct Ids<'a> {
    pub(crate) native: &'a str,
    pub(crate) turn: &'a str,
    /// What was asked in the turn.
    pub(crate) asked: &'a str,
    /// The message of the model that holds the calls.
    pub(crate) step: u32,
    /// No two events have the same.
    pub(crate) count: u64,
}

macro_rules! fixtures {
    ($($name:literal: $path:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../providers/", $path, ".json")))),*]
    };
}

const FIXTURES: &[(&str, &str)] = fixtures! {
    "claude start": "claude-code/fixtures/2.1.329/session-start",
    "claude prompt": "claude-code/fixtures/2.1.329/user-prompt-submit",
    "claude tools": "claude-code/fixtures/2.1.329/post-tool-batch",
    "claude subagent": "claude-code/fixtures/2.1.329/post-tool-batch-subagent",
    "claude end": "claude-code/fixtures/2.1.329/stop-active",
    "claude over": "claude-code/fixtures/2.1.329/session-end",
    "codex start": "codex/fixtures/0.169.0/session-start",
    "codex prompt": "codex/fixtures/0.169.0/user-prompt-submit",
    "codex tool": "codex/fixtures/0.169.0/post-tool-use-mcp",
    "codex end": "codex/fixtures/0.169.0/stop-active",
    "codex cut": "codex/fixtures/0.169.0/interrupt",
    "codex over": "codex/fixtures/0.169.0/session-end",
    "cline start": "cline/fixtures/3.0.65/session-start",
    "cline prompt": "cline/fixtures/3.0.65/before-run",
    "cline request": "cline/fixtures/3.0.65/before-model",
    "cline tool": "cline/fixtures/3.0.65/after-tool-mcp",
    "cline end": "cline/fixtures/3.0.65/after-run",
    "grok start": "grok/fixtures/1.0.41/session-start",
    "grok compact": "grok/fixtures/1.0.41/post-compact",
    "grok prompt": "grok/fixtures/1.0.41/user-prompt-submit",
    "grok tool": "grok/fixtures/1.0.41/post-tool-use-mcp",
    "grok subagent": "grok/fixtures/1.0.41/post-tool-use-subagent",
    "grok end": "grok/fixtures/1.0.41/stop-active",
    "grok cut": "grok/fixtures/1.0.41/stop-cancelled",
    "grok shutdown": "grok/fixtures/1.0.41/stop-shutdown",
    "grok over": "grok/fixtures/1.0.41/session-end",
    "opencode start": "opencode/fixtures/1.18.33/session-start",
    "opencode prompt": "opencode/fixtures/1.18.33/user-prompt-submit",
    "opencode tool": "opencode/fixtures/1.18.33/post-tool-use-mcp",
    "opencode end": "opencode/fixtures/1.18.33/stop",
    "opencode cut": "opencode/fixtures/1.18.33/interrupt",
    "opencode over": "opencode/fixtures/1.18.33/session-end",
    "gemini start": "gemini-cli/fixtures/0.61.0/session-start",
    "gemini prompt": "gemini-cli/fixtures/0.61.0/before-agent",
    "gemini tool": "gemini-cli/fixtures/0.61.0/after-tool-mcp",
    "gemini end": "gemini-cli/fixtures/0.61.0/after-agent-active",
    "gemini over": "gemini-cli/fixtures/0.61.0/session-end",
    "cursor start": "cursor/fixtures/1.0.32/session-start",
    "cursor prompt": "cursor/fixtures/1.0.32/before-submit-prompt",
    "cursor tool": "cursor/fixtures/1.0.32/post-tool-use-mcp",
    "cursor end": "cursor/fixtures/1.0.32/stop",
    "cursor over": "cursor/fixtures/1.0.32/session-end",
};

static FORMS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    FIXTURES.iter().map(|(name, text)| (*name, serde_json::from_str(text).unwrap_or_default())).collect()
});

impl Cli {
    /// Its short name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Cline => "cline",
            Self::Grok => "grok",
            Self::Opencode => "opencode",
            Self::Gemini => "gemini",
            Self::Cursor => "cursor",
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Claude => "claude-code",
            Self::Gemini => "gemini-cli",
            _ => self.word(),
        }
    }

    /// # Panics
    /// If the registry lacks it.
    pub(crate) fn provider(self) -> &'static dyn Provider {
        #[expect(clippy::expect_used, reason = "a test holds the list against the registry")]
        by_id(self.id()).expect("the registry has it")
    }

    /// The end of a turn can be put off by a text.
    pub(crate) fn goes_on(self) -> bool {
        !matches!(self, Self::Cline | Self::Opencode)
    }

    /// Such a text comes back as a prompt, and the prompt hook is told.
    pub(crate) fn echoes(self) -> bool {
        matches!(self, Self::Gemini | Self::Cursor)
    }

    /// `/clear` goes on with the session.
    pub(crate) fn clears(self) -> bool {
        matches!(self, Self::Claude | Self::Gemini)
    }

    pub(crate) fn compacts(self) -> bool {
        matches!(self, Self::Claude | Self::Grok | Self::Opencode)
    }

    /// Prompts can be blocked by another tool's hook.
    pub(crate) fn blocks(self) -> bool {
        matches!(self, Self::Claude | Self::Codex | Self::Gemini | Self::Cursor)
    }

    /// Whether calls have ids that the server is told, too.
    pub(crate) fn names_calls(self) -> bool {
        matches!(self, Self::Claude | Self::Codex)
    }

    /// The payloads of an event, with the names of the entries that they go to; none where the host says nothing.
    pub(crate) fn payloads(self, event: Event<'_>, ids: &Ids<'_>) -> Vec<(&'static str, Value)> {
        let form = |name: &str| FORMS.get(format!("{} {name}", self.word()).as_str()).cloned();
        match self {
            Self::Claude => claude(event, ids, form),
            Self::Codex => codex(event, ids, form),
            Self::Cline => cline(event, ids, form),
            Self::Grok => grok(event, ids, form),
            Self::Opencode => opencode(event, ids, form),
            Self::Gemini => gemini(event, ids, form),
            Self::Cursor => cursor(event, ids, form),
        }
    }
}

type Payloads = Vec<(&'static str, Value)>;

/// The payload of this name with these fields.
fn with(form: Option<Value>, event: &'static str, fields: &[(&str, Value)]) -> Payloads {
    let mut payload = form.unwrap_or_default();
    payload["cwd"] = "/src/shop".into();
    for (name, value) in fields {
        payload[*name] = value.clone();
    }
    vec![(event, payload)]
}

fn source(why: Why) -> &'static str {
    match why {
        Why::Fresh => "startup",
        Why::Resume => "resume",
        Why::Clear => "clear",
        Why::Compact => "compact",
        Why::Fork => "fork",
    }
}

fn claude(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let (id, turn) = (("session_id", json!(ids.native)), ("prompt_id", json!(ids.turn)));
    let call = |call: &Call| {
        json!({"tool_name": "mcp__session-bridge__x", "tool_input": {}, "tool_use_id": call.id,
            "tool_response": call.ours.as_deref().unwrap_or("done")})
    };
    match event {
        Event::Start(why) => with(form("start"), "SessionStart", &[id, ("source", source(why).into())]),
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            with(form("prompt"), "UserPromptSubmit", &[id, turn, ("prompt", text.into())])
        }
        Event::Tools(calls) => {
            let calls = calls.iter().map(call).collect();
            with(form("tools"), "PostToolBatch", &[id, turn, ("tool_calls", calls)])
        }
        Event::SubagentTool(one) => {
            let calls = json!([call(one)]);
            with(form("subagent"), "PostToolBatch", &[id, turn, ("tool_calls", calls)])
        }
        Event::End { rounds, said } => {
            let active = ("stop_hook_active", (rounds > 0).into());
            with(form("end"), "Stop", &[id, turn, active, ("last_assistant_message", said.into())])
        }
        Event::Over { clear } => {
            let reason = if clear { "clear" } else { "other" };
            with(form("over"), "SessionEnd", &[id, turn, ("reason", reason.into())])
        }
        Event::Cut { .. } | Event::Request(_) => Vec::new(),
    }
}

fn codex(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let path = format!("/h/.codex/sessions/2026/11/21/rollout-2026-11-21T12-43-38-{}.jsonl", ids.native);
    let (id, turn) = (("session_id", json!(ids.native)), ("turn_id", json!(ids.turn)));
    let path = ("transcript_path", json!(path));
    match event {
        Event::Start(why) => with(form("start"), "SessionStart", &[id, path, ("source", source(why).into())]),
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            with(form("prompt"), "UserPromptSubmit", &[id, path, turn, ("prompt", text.into())])
        }
        Event::Tools(calls) => calls
            .iter()
            .flat_map(|call| {
                let fields = [id.clone(), path.clone(), turn.clone(), ("tool_use_id", json!(call.id))];
                with(form("tool"), "PostToolUse", &fields)
            })
            .collect(),
        Event::SubagentTool(call) => {
            let agent = ("agent_id", json!("agent-1"));
            with(form("tool"), "PostToolUse", &[id, path, turn, agent, ("tool_use_id", json!(call.id))])
        }
        Event::End { rounds, said } => {
            let active = ("stop_hook_active", (rounds > 0).into());
            with(form("end"), "Stop", &[id, path, turn, active, ("last_assistant_message", said.into())])
        }
        Event::Cut { .. } => with(form("cut"), "Interrupt", &[id, path, turn]),
        Event::Over { clear: false } => with(form("over"), "SessionEnd", &[id, path]),
        Event::Over { clear: true } | Event::Request(_) => Vec::new(),
    }
}

fn cline(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let (id, turn) = (("session_id", json!(ids.native)), ("turn_id", json!(ids.turn)));
    let tool = |call: &Call| {
        let ours = call.ours.as_deref().unwrap_or_default();
        [("tool_use_id", json!(call.id)), ("tool_response", json!(json!({"text": ours}).to_string()))]
    };
    match event {
        Event::Start(_) => with(form("start"), "SessionStart", &[id]),
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            let text = format!("<user_input mode=\"act\">{text}</user_input>");
            with(form("prompt"), "beforeRun", &[id, turn, ("prompt", text.into())])
        }
        Event::Request(attempt) => {
            with(form("request"), "beforeModel", &[id, turn, ("attempt", attempt.into())])
        }
        Event::Tools(calls) => calls
            .iter()
            .flat_map(|call| {
                let [call, response] = tool(call);
                with(form("tool"), "afterTool", &[id.clone(), turn.clone(), call, response])
            })
            .collect(),
        Event::SubagentTool(call) => {
            let ([call, response], agent) = (tool(call), ("agent_id", json!("agent-1")));
            with(form("tool"), "afterTool", &[id, turn, agent, call, response])
        }
        Event::End { .. } => with(form("end"), "afterRun", &[id, turn, ("status", "completed".into())]),
        Event::Cut { .. } => with(form("end"), "afterRun", &[id, turn, ("status", "aborted".into())]),
        Event::Over { .. } => Vec::new(),
    }
}

fn grok(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let n = std::cell::Cell::new(0);
    let stamp = || {
        n.set(n.get() + 1);
        ("timestamp", json!(format!("2026-11-21T19:37:28.{:09}{:03}+00:00", ids.count, n.get())))
    };
    let (id, other) = (("session_id", json!(ids.native)), ("sessionId", json!(ids.native)));
    let turn = ("promptId", json!(ids.turn));
    let tool = |name: &str, call: &Call, id: &(&'static str, Value)| {
        let ours = call.ours.as_deref().unwrap_or("done");
        let response = json!({"type": "MCP", "output": {"OkayOutput": ours}});
        let fields = [id.clone(), stamp(), ("tool_use_id", json!(call.id)), ("tool_response", response)];
        with(form(name), "PostToolUse", &fields)
    };
    match event {
        Event::Start(Why::Compact) => with(form("compact"), "PostCompact", &[id, other, stamp()]),
        Event::Start(why) => {
            let source = if why == Why::Resume { "load" } else { "new" };
            with(form("start"), "SessionStart", &[id, other, stamp(), ("source", source.into())])
        }
        Event::Prompt(text) => {
            with(form("prompt"), "UserPromptSubmit", &[id, other, stamp(), turn, ("prompt", text.into())])
        }
        Event::HostsPrompt(text) => {
            let line = format!("<monitor-event task_id=\"t\">\n[mail] {text}\n</monitor-event>");
            with(form("prompt"), "UserPromptSubmit", &[id, other, stamp(), turn, ("prompt", line.into())])
        }
        Event::Tools(calls) => calls.iter().flat_map(|call| tool("tool", call, &id)).collect(),
        // A subagent has a session id of its own.
        Event::SubagentTool(call) => tool("subagent", call, &("session_id", json!("child"))),
        Event::End { rounds, said } => {
            let (active, said) =
                (("stopHookActive", (rounds > 0).into()), ("lastAssistantMessage", said.into()));
            with(form("end"), "Stop", &[id, other, stamp(), turn, active, said])
        }
        Event::Cut { .. } => with(form("cut"), "StopCancelled", &[id, other, stamp(), turn]),
        Event::Over { clear: false } => {
            let mut both = with(form("over"), "SessionEnd", &[id.clone(), other.clone(), stamp()]);
            both.extend(with(form("shutdown"), "Stop", &[id, other, stamp()]));
            both
        }
        Event::Over { clear: true } | Event::Request(_) => Vec::new(),
    }
}

fn opencode(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let (id, turn) = (("session_id", json!(ids.native)), ("turn_id", json!(ids.turn)));
    match event {
        Event::Start(why) => with(form("start"), "SessionStart", &[id, ("source", source(why).into())]),
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            with(form("prompt"), "UserPromptSubmit", &[id, turn, ("prompt", text.into())])
        }
        Event::Tools(calls) => calls
            .iter()
            .flat_map(|call| {
                let step = ("step_id", json!(format!("{}-{}", ids.turn, ids.step)));
                let response = ("tool_response", json!([{"type": "text", "text": call.ours}]));
                let fields = [id.clone(), turn.clone(), ("tool_use_id", json!(call.id)), step, response];
                with(form("tool"), "PostToolUse", &fields)
            })
            .collect(),
        Event::End { said, .. } => {
            with(form("end"), "Stop", &[id, turn, ("last_assistant_message", said.into())])
        }
        Event::Cut { .. } => with(form("cut"), "Interrupt", &[id, turn]),
        Event::Over { clear: false } => with(form("over"), "SessionEnd", &[id]),
        Event::Over { clear: true } | Event::Request(_) | Event::SubagentTool(_) => Vec::new(),
    }
}

fn gemini(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let n = std::cell::Cell::new(0);
    let stamp = || {
        n.set(n.get() + 1);
        ("timestamp", json!(format!("2026-11-21T15:59:44.{:09}{:03}Z", ids.count, n.get())))
    };
    let id = ("session_id", json!(ids.native));
    let end = |rounds: u32, said: &str| {
        let active = ("stop_hook_active", (rounds > 0).into());
        let words = [("prompt", ids.asked.into()), ("prompt_response", said.into())];
        with(form("end"), "AfterAgent", &[&[id.clone(), stamp(), active][..], &words].concat())
    };
    match event {
        Event::Start(Why::Compact) | Event::Request(_) | Event::SubagentTool(_) => Vec::new(),
        Event::Start(why) => {
            with(form("start"), "SessionStart", &[id, stamp(), ("source", source(why).into())])
        }
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            with(form("prompt"), "BeforeAgent", &[id, stamp(), ("prompt", text.into())])
        }
        Event::Tools(calls) => calls
            .iter()
            .flat_map(|call| {
                let ours = call.ours.as_deref().unwrap_or("done");
                let response = ("tool_response", json!({"llmContent": [{"text": ours}]}));
                let server = ("mcp_context", json!({"server_name": "session-bridge"}));
                with(form("tool"), "AfterTool", &[id.clone(), stamp(), response, server])
            })
            .collect(),
        Event::Cut { rounds, said: "" } => end(rounds, "[no response text]"),
        Event::End { rounds, said } | Event::Cut { rounds, said } => end(rounds, said),
        Event::Over { clear } => {
            let reason = if clear { "clear" } else { "exit" };
            with(form("over"), "SessionEnd", &[id, stamp(), ("reason", reason.into())])
        }
    }
}

fn cursor(event: Event<'_>, ids: &Ids<'_>, form: impl Fn(&str) -> Option<Value>) -> Payloads {
    let (id, other) = (("conversation_id", json!(ids.native)), ("session_id", json!(ids.native)));
    let turn = ("generation_id", json!(ids.turn));
    let tool = |call: &Call, more: &[(&str, Value)]| {
        let mut fields = vec![id.clone(), other.clone(), turn.clone(), ("tool_use_id", json!(call.id))];
        fields.extend(more.iter().map(|(name, value)| (*name, value.clone())));
        with(form("tool"), "postToolUse", &fields)
    };
    let stop = |rounds: u32, status: &str| {
        let fields = [
            id.clone(),
            other.clone(),
            turn.clone(),
            ("status", status.into()),
            ("loop_count", rounds.into()),
        ];
        with(form("end"), "stop", &fields)
    };
    match event {
        Event::Start(Why::Compact | Why::Clear) | Event::Request(_) | Event::Over { clear: true } => {
            Vec::new()
        }
        Event::Start(_) => with(form("start"), "sessionStart", &[id, other, turn]),
        Event::Prompt(text) | Event::HostsPrompt(text) => {
            with(form("prompt"), "beforeSubmitPrompt", &[id, other, turn, ("prompt", text.into())])
        }
        Event::Tools(calls) => calls.iter().flat_map(|call| tool(call, &[])).collect(),
        Event::SubagentTool(call) => tool(call, &[("parent_tool_call_id", "parent".into())]),
        Event::End { rounds, .. } => stop(rounds, "completed"),
        Event::Cut { rounds, .. } => stop(rounds, "aborted"),
        Event::Over { clear: false } => with(form("over"), "sessionEnd", &[id, other, turn]),
    }
}

/// What an answer says to its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Text for the model.
    Text(String),
    /// The prompt is to be dropped.
    Drop,
}

/// Reads an answer as the hosts do.
pub(crate) fn read(answer: &[u8], at_prompt: bool) -> Option<Said> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if at_prompt && value["decision"] == "block" {
        return Some(Said::Drop);
    }
    let text = [
        &value["hookSpecificOutput"]["additionalContext"],
        &value["reason"],
        &value["additional_context"],
        &value["followup_message"],
    ];
    // A start may name a file to watch, and say nothing.
    text.into_iter().find_map(Value::as_str).map(|text| Said::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use session_bridge_core::event::HookCall;
    use session_bridge_providers::PROVIDERS;

    use super::*;

    #[test]
    fn every_provider_is_simulated_and_reads_its_own_payloads() {
        assert_eq!(CLIS.len(), PROVIDERS.len());
        let ids = Ids {
            native: "4a6d1f0e-0000-4000-8000-000000000001",
            turn: "t1",
            asked: "hello",
            step: 1,
            count: 1,
        };
        let calls = [Call { id: "c1".into(), ours: None }];
        for cli in CLIS {
            for event in [
                Event::Start(Why::Fresh),
                Event::Prompt("hello"),
                Event::Request("01J00000000000000000000000"),
                Event::Tools(&calls),
                Event::SubagentTool(&calls[0]),
                Event::End { rounds: 1, said: "words" },
                Event::Cut { rounds: 0, said: "" },
                Event::Over { clear: false },
            ] {
                for (name, payload) in cli.payloads(event, &ids) {
                    assert!(payload.is_object(), "{cli:?} {name}");
                    let stdin = serde_json::to_vec(&payload).unwrap();
                    let read = cli.provider().decode(&HookCall { event: name, stdin: &stdin });
                    let read = read.unwrap_or_else(|error| panic!("{cli:?} {name}: {error}"));
                    let subagent = matches!(event, Event::SubagentTool(_));
                    assert_eq!(read.subagent.is_some(), subagent, "{cli:?} {name}");
                }
            }
        }
    }
}
