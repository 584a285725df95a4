#![doc = include_str!("../README.md")]

mod decode;
mod encode;
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

/// Codex CLI.
#[derive(Debug, Clone, Copy)]
pub struct Codex;

/// Longest text in bytes. The host takes about 10 KB, but a reply is one write of at most 16 KiB, and JSON may double
/// each byte.
const MAX_CONTEXT: usize = 8_000;

/// Puts a prompt into a thread's durable queue; an idle thread takes it at once.
fn queue(thread: &str, text: &str) -> Vec<String> {
    ["queue", "--thread", thread, "--message", text].map(str::to_owned).into()
}

const CARD: Card = Card {
    id: ProviderId::new("codex"),
    name: "Codex CLI",
    short: "codex",
    binaries: &["codex"],
    marks: &[Mark::Process("codex")],
    packages: &["@openai/codex"],
    mcp_clients: &["codex-mcp-client"],
    mcp_call_id: &["callId"],
    identity: Identity {
        hook: &[Source::Field("session_id")],
        mcp: &[Source::Meta { thread: "threadId", root: "sessionId" }],
    },
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "UserPromptSubmit", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "PostToolUse", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "Stop", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "Interrupt", moment: Moment::Interrupt, timeout_secs: 3 },
        HookSpec { event: "SessionEnd", moment: Moment::SessionEnd, timeout_secs: 3 },
    ],
    inject: &[
        Inject::headers(Moment::SessionStart, MAX_CONTEXT),
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::TurnEnd])),
        // The events of calls that ran side by side are told one by one: a sibling proves nothing.
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::both(&[By::TurnEnd])),
        Inject::bodies(Moment::TurnEnd, MAX_CONTEXT, Proof::both(&[By::ContinuedTurnEnd])),
    ],
    wake: &[Wake::Command {
        name: "codex-queue",
        env: &["HOME", "PATH", "CODEX_HOME", "TMPDIR", "LANG", "USER", "LOGNAME", "SHELL"],
        args: queue,
        queues: true,
    }],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[By::TurnEnd] },
    servers_outlive_window: true,
    human_steps: &[
        Step::Unless(
            Consent::TrustHooks,
            "Start `codex` once: it shows \"Hooks need review\" for the bridge's hooks. Choose \"1 Review\" and trust them, or \"2 Trust all and continue\". Until then they do not run, and `codex exec` skips them without a message.",
        ),
        Step::NewSession,
    ],
    verified: &[
        Verified { version: "0.166.0", date: "2026-11-21" },
        Verified { version: "0.169.0", date: "2026-11-21" },
    ],
    not_run: None,
};

impl Provider for Codex {
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
