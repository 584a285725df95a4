#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod inbox;
mod plan;
mod plugin;
mod site;

use session_bridge_core::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::host::Host;
use session_bridge_core::id::ProviderId;
use session_bridge_core::marks::Mark;
use session_bridge_core::plan::Plan;
use session_bridge_core::plugin::Plugin;
use session_bridge_core::provider::{
    By, Card, Consent, HookSpec, Identity, Inject, LocateError, Proof, Provider, Scope, Site, Source, Step,
    Verified, Wake, Want,
};

/// Claude Code.
#[derive(Debug, Clone, Copy)]
pub struct ClaudeCode;

/// In bytes: the host takes 10,000 characters, and a reply is one write of 16 KiB, whose bytes JSON may double.
const MAX_CONTEXT: usize = 8_000;

const CARD: Card = Card {
    id: ProviderId::new("claude-code"),
    name: "Claude Code",
    short: "claude",
    binaries: &["claude"],
    marks: &[Mark::session("CLAUDE_CODE_SESSION_ID"), Mark::Process("claude")],
    packages: &["@anthropic-ai/claude-code"],
    mcp_clients: &["claude-code"],
    mcp_call_id: &["claudecode/toolUseId"],
    identity: Identity {
        hook: &[Source::Field("session_id")],
        mcp: &[Source::HostProcess, Source::SpawnEnv("CLAUDE_CODE_SESSION_ID")],
    },
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "UserPromptSubmit", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "PostToolBatch", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "Stop", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "SessionEnd", moment: Moment::SessionEnd, timeout_secs: 5 },
        HookSpec { event: "FileChanged", moment: Moment::Doorbell, timeout_secs: 60 },
    ],
    inject: &[
        Inject::headers(Moment::SessionStart, MAX_CONTEXT),
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::TurnEnd])),
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::TurnEnd])),
        Inject::bodies(Moment::TurnEnd, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::ContinuedTurnEnd])),
    ],
    wake: &[
        inbox::DOOR,
        Wake::Watch {
            name: "claude-file-changed",
            unless: Some("CLAUDE_CODE_MESSAGING_SOCKET"),
            not_where: &[("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"), ("CLAUDE_CODE_SESSION_ATTENDED", "0")],
        },
    ],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[By::AfterTool, By::TurnEnd] },
    servers_outlive_window: false,
    human_steps: &[
        Step::NewSession,
        Step::Unless(
            Consent::AllowTools,
            "If it asks before it runs a bridge tool, choose the answer that does not ask again (`mcp__session-bridge` in `permissions.allow`).",
        ),
    ],
    verified: &[
        Verified { version: "2.1.281", date: "2026-11-21" },
        Verified { version: "2.1.329", date: "2026-11-21" },
    ],
    not_run: None,
};

impl Provider for ClaudeCode {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn locate(&self, host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
        site::locate(host, scope)
    }

    fn plan(&self, site: &Site, want: &Want) -> Plan {
        plan::plan(&CARD, site, want)
    }

    fn plugin(&self) -> Option<&'static Plugin> {
        Some(&plugin::PLUGIN)
    }

    fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
        decode::decode(&CARD, call)
    }

    fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
        encode::encode(&CARD, event, reply)
    }
}
