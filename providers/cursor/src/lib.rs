#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod plan;
mod site;
mod switches;

use std::path::PathBuf;

use session_bridge_core::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::host::Host;
use session_bridge_core::id::ProviderId;
use session_bridge_core::marks::Mark;
use session_bridge_core::plan::{Plan, Value};
use session_bridge_core::probe::Probe;
use session_bridge_core::provider::{
    Card, HookSpec, Identity, Inject, LocateError, Proof, Provider, Scope, Site, Source, Step, Verified, Want,
};

/// Cursor: the editor and its command line.
#[derive(Debug, Clone, Copy)]
pub struct Cursor;

/// Longest text in bytes. The host drops more than 10,000 characters, but a reply is one write of at most 16 KiB, and JSON
/// may double each byte.
const MAX_CONTEXT: usize = 8_000;

const CARD: Card = Card {
    id: ProviderId::new("cursor"),
    name: "Cursor",
    short: "cursor",
    binaries: &["cursor-agent", "cursor"],
    packages: &[],
    marks: &[Mark::Field("cursor_version")],
    mcp_clients: &["Cursor"],
    mcp_call_id: &[],
    // A call says nothing of its conversation, and an editor has several.
    identity: Identity { hook: &[Source::Field("conversation_id")], mcp: &[Source::SharedProcess] },
    // None of these is a permission hook: an answer of one that the host does not understand blocks what it was asked about.
    hooks: &[
        HookSpec { event: "sessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "beforeSubmitPrompt", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "postToolUse", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "stop", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "sessionEnd", moment: Moment::SessionEnd, timeout_secs: 5 },
    ],
    // Nobody has seen what proves that a text arrived: no event does.
    inject: &[
        Inject::headers(Moment::SessionStart, MAX_CONTEXT),
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, Proof::NONE),
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::NONE),
        Inject::bodies(Moment::TurnEnd, MAX_CONTEXT, Proof::NONE).coming_back(),
    ],
    wake: &[],
    pull: Proof::NONE,
    servers_outlive_window: false,
    human_steps: &[
        Step::NewSession,
        Step::Do(
            "If it asks before it runs a bridge tool, or shows the server as switched off, allow it there.",
        ),
    ],
    verified: &[Verified { version: "1.0.32", date: "2026-11-21" }],
    not_run: Some(
        "it needs an account and its maker's servers; entries and payloads follow the hook engine in the npm package \
         @cursor/sdk",
    ),
};

impl Provider for Cursor {
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

    fn also_runs(&self, host: &dyn Host, scope: &Scope) -> Vec<PathBuf> {
        site::also_runs(host, scope)
    }

    fn probe(&self, probe: &Probe<'_>) -> Value {
        decode::made_up(probe)
    }

    fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
        decode::decode(&CARD, call)
    }

    fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
        encode::encode(&CARD, event, reply)
    }
}
