#![doc = include_str!("../README.md")]

mod decode;
mod encode;
mod plan;
mod site;
mod switches;

use session_bridge_core::event::{DecodeError, HookCall, HookEvent, HostOutput, Moment, Reply};
use session_bridge_core::host::Host;
use session_bridge_core::id::ProviderId;
use session_bridge_core::marks::Mark;
use session_bridge_core::plan::Plan;
use session_bridge_core::provider::{
    By, Card, HookSpec, Identity, Inject, LocateError, Proof, Provider, Scope, Site, Source, Step, Verified,
    Wake, Want,
};

/// Cline.
#[derive(Debug, Clone, Copy)]
pub struct Cline;

/// Longest text in bytes. The host takes 50,000, but a reply is one write of at most 16 KiB, and JSON may double each byte.
const MAX_CONTEXT: usize = 8_000;
/// The plugin's file.
const PLUGIN: &str = "session-bridge.js";
/// A request that holds the text; then a tool call of the answer to it, or its end.
const SHOWN: Proof = Proof { injected: &[By::ModelRequest], seen: &[By::AnyTool, By::TurnEnd] };

const CARD: Card = Card {
    id: ProviderId::new("cline"),
    name: "Cline",
    short: "cline",
    binaries: &["cline"],
    marks: &[Mark::Field("cline_plugin")],
    packages: &["cline", "@cline/cli-*"],
    mcp_clients: &["@cline/core"],
    mcp_call_id: &[],
    identity: Identity { hook: &[Source::Field("session_id")], mcp: &[Source::Argument] },
    // The host's own limit is 3 s: then it ends the plugin's process.
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 8 },
        HookSpec { event: "beforeRun", moment: Moment::PromptSubmit, timeout_secs: 3 },
        HookSpec { event: "beforeModel", moment: Moment::ModelRequest, timeout_secs: 3 },
        HookSpec { event: "afterTool", moment: Moment::AfterTool, timeout_secs: 3 },
        HookSpec { event: "afterRun", moment: Moment::TurnEnd, timeout_secs: 3 },
        HookSpec { event: "Doorbell", moment: Moment::Doorbell, timeout_secs: 60 },
    ],
    inject: &[
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, SHOWN).coming_back(),
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, SHOWN).coming_back(),
    ],
    wake: &[Wake::Watch { name: "plugin prompt", unless: None, not_where: &[] }],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[By::TurnEnd] },
    servers_outlive_window: true,
    human_steps: &[
        Step::NewSession,
        Step::Do(
            "Know that it asks nobody before it runs plugins and MCP servers: this installation is the only consent there is.",
        ),
    ],
    verified: &[Verified { version: "3.0.65", date: "2026-11-21" }],
    not_run: None,
};

impl Provider for Cline {
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

    fn decode<'a>(&self, call: &HookCall<'a>) -> Result<HookEvent<'a>, DecodeError> {
        decode::decode(&CARD, call)
    }

    fn encode(&self, event: &HookEvent<'_>, reply: &Reply<'_>) -> HostOutput {
        encode::encode(&CARD, event, reply)
    }
}
