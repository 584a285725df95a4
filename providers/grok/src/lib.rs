#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod namesake;
mod plan;
mod site;
mod switches;

use std::path::PathBuf;

use session_bridge_core::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::host::Host;
use session_bridge_core::id::ProviderId;
use session_bridge_core::marks::Mark;
use session_bridge_core::plan::Plan;
use session_bridge_core::provider::{
    By, Card, Consent, HookSpec, Identity, Inject, LocateError, Proof, Provider, Scope, Site, Source, Step,
    Verified, Wake, Want,
};

/// Grok Build.
#[derive(Debug, Clone, Copy)]
pub struct Grok;

/// Longest text in bytes. The host takes 10,000 characters; a reply is one write of 16 KiB, and JSON may double each byte.
const MAX_CONTEXT: usize = 8_000;

const CARD: Card = Card {
    id: ProviderId::new("grok"),
    name: "Grok Build",
    short: "grok",
    binaries: &["grok"],
    packages: &["@xai-official/grok", "@xai-official/grok-*"],
    marks: &[Mark::Field("hookEventName"), Mark::session("GROK_SESSION_ID")],
    mcp_clients: &["grok-shell-session-bridge", "grok-shell-*"],
    mcp_call_id: &[],
    identity: Identity { hook: &[Source::Field("session_id")], mcp: &[Source::ServerEnv("GROK_SESSION_ID")] },
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "UserPromptSubmit", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "PostToolUse", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "PostToolUseFailure", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "Stop", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "StopFailure", moment: Moment::Interrupt, timeout_secs: 5 },
        HookSpec { event: "StopCancelled", moment: Moment::Interrupt, timeout_secs: 5 },
        HookSpec { event: "PostCompact", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "SessionEnd", moment: Moment::SessionEnd, timeout_secs: 5 },
    ],
    // The host reads nothing that is said at a session's start or with a prompt.
    inject: &[
        // The events of calls that ran side by side are told one by one: a sibling proves nothing.
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::both(&[By::TurnEnd])),
        Inject::bodies(Moment::TurnEnd, MAX_CONTEXT, Proof::both(&[By::ContinuedTurnEnd])),
    ],
    wake: &[Wake::Monitor { name: "monitor", how: "keep a persistent monitor on the command" }],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[By::TurnEnd] },
    servers_outlive_window: false,
    human_steps: &[
        Step::NewSession,
        Step::Unless(
            Consent::AllowTools,
            "If it asks before it runs a bridge tool, allow it for always, or use `init --allow-tools`; without that, `grok -p` is cancelled at its first call of one.",
        ),
        Step::Do(
            "If mail is to wake an idle session, tell it: \"watch for bridge mail\". Not in `grok -p`, which would not end.",
        ),
    ],
    verified: &[Verified { version: "1.0.41", date: "2026-11-21" }],
    not_run: None,
};

impl Provider for Grok {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn locate(&self, host: &dyn Host, scope: &Scope) -> Result<Site, LocateError> {
        site::locate(host, scope)
    }

    fn plan(&self, site: &Site, want: &Want) -> Plan {
        plan::plan(&CARD, site, want)
    }

    fn hindrances(&self, host: &dyn Host, site: &Site) -> Vec<String> {
        switches::hindrances(host, site)
    }

    fn tools_called(&self) -> Option<&'static str> {
        Some(decode::TOOLS)
    }

    fn namesake(&self) -> Option<fn(&str) -> Option<&'static str>> {
        Some(namesake::told_by)
    }

    fn also_runs(&self, host: &dyn Host, scope: &Scope) -> Vec<PathBuf> {
        site::also_runs(host, scope)
    }

    fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
        decode::decode(&CARD, call)
    }

    fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
        encode::encode(&CARD, event, reply)
    }
}
