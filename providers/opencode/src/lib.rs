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
    By, Card, Consent, HookSpec, Identity, Inject, LocateError, Proof, Provider, Scope, Site, Source, Step,
    Verified, Wake, Want,
};

/// opencode, major version 1.
#[derive(Debug, Clone, Copy)]
pub struct Opencode;

/// Longest text in bytes. The host was seen to take more, but a reply is one write of at most 16 KiB, and JSON may double
/// each byte.
const MAX_CONTEXT: usize = 8_000;

/// The name of our server in the host's configuration; its tools are called `session-bridge_…`.
const SERVER: &str = "session-bridge";

/// The events are those that our plugin tells of; the host itself runs no hooks.
const CARD: Card = Card {
    id: ProviderId::new("opencode"),
    name: "opencode",
    short: "opencode",
    binaries: &["opencode"],
    marks: &[Mark::Field("opencode_plugin")],
    packages: &["opencode-ai"],
    mcp_clients: &["opencode"],
    mcp_call_id: &[],
    identity: Identity { hook: &[Source::Field("session_id")], mcp: &[Source::Argument] },
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "UserPromptSubmit", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "PostToolUse", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "Stop", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "Interrupt", moment: Moment::Interrupt, timeout_secs: 10 },
        HookSpec { event: "SessionEnd", moment: Moment::SessionEnd, timeout_secs: 3 },
        HookSpec { event: "Doorbell", moment: Moment::Doorbell, timeout_secs: 30 },
    ],
    // Nothing at the session's start, which is told with its first prompt: that prompt's text says it. Nothing at a turn's
    // end: the plugin then looks at the bell and prompts.
    inject: &[
        // The plugin tells neither calls nor an end as the turn's before the host has stored our part. A prompt that joins a
        // turn names the response under way, whose calls know nothing of it.
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::TurnEnd])),
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::both(&[By::AfterTool, By::TurnEnd])),
    ],
    wake: &[Wake::Watch { name: "opencode-plugin", unless: None, not_where: &[] }],
    // A later tool event may be of a sibling of the call.
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[By::TurnEnd] },
    servers_outlive_window: false,
    human_steps: &[
        Step::NewSession,
        Step::Do(
            "Have patience with its first start: with a plugin in its folder it downloads a helper package there, and without a network it waits about 70 seconds for it.",
        ),
        Step::Unless(
            Consent::AllowTools,
            "If a catch-all `permission` of yours asks or denies, answer with `always` when it asks, or use `init --allow-tools`; without that, `opencode run` is refused the bridge's tools.",
        ),
    ],
    verified: &[Verified { version: "1.18.33", date: "2026-11-21" }],
    not_run: None,
};

impl Provider for Opencode {
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
