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
    Verified, Want,
};

/// Gemini CLI.
#[derive(Debug, Clone, Copy)]
pub struct GeminiCli;

/// Longest text in bytes. The host was seen to take more, but a reply is one write of at most 16 KiB, and JSON may double
/// each byte.
const MAX_CONTEXT: usize = 8_000;

/// What the turn's end gives for the model's words where there are none, in JSON.
const NO_WORDS: &str = "\"[no response text]\"";
/// The tool by which the model hands work to a subagent. Its events cannot be told from the session's own.
const SUBAGENT_TOOL: &str = "invoke_agent";

const CARD: Card = Card {
    id: ProviderId::new("gemini-cli"),
    name: "Gemini CLI",
    short: "gemini",
    binaries: &["gemini"],
    marks: &[Mark::session("GEMINI_SESSION_ID")],
    packages: &["@google/gemini-cli"],
    mcp_clients: &["gemini-cli-mcp-client"],
    mcp_call_id: &[],
    identity: Identity { hook: &[Source::Field("session_id")], mcp: &[Source::HostProcess] },
    hooks: &[
        HookSpec { event: "SessionStart", moment: Moment::SessionStart, timeout_secs: 10 },
        HookSpec { event: "BeforeAgent", moment: Moment::PromptSubmit, timeout_secs: 10 },
        HookSpec { event: "BeforeTool", moment: Moment::BeforeSubagent, timeout_secs: 10 },
        HookSpec { event: "AfterTool", moment: Moment::AfterTool, timeout_secs: 10 },
        HookSpec { event: "AfterAgent", moment: Moment::TurnEnd, timeout_secs: 10 },
        HookSpec { event: "SessionEnd", moment: Moment::SessionEnd, timeout_secs: 5 },
    ],
    // No event names its turn. A prompt and the end of its turn say what was asked; a tool's event does not, and proves nothing.
    // Nothing at the session's start: the host throws that text away, or the user's prompt with it.
    inject: &[
        Inject::bodies(Moment::PromptSubmit, MAX_CONTEXT, Proof::both(&[By::TurnEnd])),
        // The turn's end gives all words of the turn. Whether some came after a tool, it does not say, and it is told after
        // Esc as well, which drops the turn: so it proves nothing of what came beside a tool.
        Inject::bodies(Moment::AfterTool, MAX_CONTEXT, Proof::NONE),
        Inject::bodies(Moment::TurnEnd, MAX_CONTEXT, Proof::both(&[By::ContinuedTurnEnd])).coming_back(),
    ],
    wake: &[],
    pull: Proof { injected: &[By::AfterToolOfCall], seen: &[] },
    servers_outlive_window: false,
    human_steps: &[
        Step::NewSession,
        Step::Do(
            "Trust the folders you work in, as it asks at its first start there: in others it runs neither hooks nor MCP servers.",
        ),
        Step::Unless(
            Consent::AllowTools,
            "If it asks before it runs a bridge tool, choose the answer that does not ask again, or use `init --allow-tools`; without that, `gemini -p` is not offered the tools.",
        ),
    ],
    verified: &[
        Verified { version: "0.58.0", date: "2026-11-21" },
        Verified { version: "0.61.0", date: "2026-11-21" },
    ],
    not_run: None,
};

impl Provider for GeminiCli {
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
