//! The CLIs, as a case needs them that is about any two of them.

use session_bridge_real_cli::{DriverError, Finished, Tui, World};

/// A CLI that takes part, as asker and as the one who answers.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// One prompt, to the end of its turn.
    pub(crate) run: fn(&World, &str) -> Result<Finished, DriverError>,
    /// Its window, ready for a prompt.
    pub(crate) open: for<'w> fn(&'w World, &str) -> Result<Tui<'w>, DriverError>,
    /// Whether a question wakes it; where it does not, a person's prompt brings it.
    pub(crate) woken: bool,
    /// What its turn proves of the result of its last tool call, the answer: Gemini CLI's end does not tell whether the model
    /// spoke after it.
    pub(crate) proves: &'static str,
}

/// All that were ever run, in no order.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "claude",
        label: "claude-project",
        run: |world, prompt| world.claude().print(prompt),
        open: |world, name| world.claude().tui(name),
        woken: true,
        proves: "seen",
    },
    Peer {
        name: "codex",
        label: "codex-project",
        run: |world, prompt| world.codex().exec(prompt),
        open: |world, name| world.codex().tui(name),
        woken: true,
        proves: "seen",
    },
    Peer {
        name: "gemini",
        label: "gemini-project",
        run: |world, prompt| world.gemini().print(prompt),
        open: |world, name| world.gemini().tui(name),
        woken: false,
        proves: "injected",
    },
    Peer {
        name: "opencode",
        label: "opencode-project",
        run: |world, prompt| world.opencode().print(prompt),
        open: |world, name| world.opencode().tui(name),
        woken: true,
        proves: "seen",
    },
    Peer {
        name: "grok",
        label: "grok-project",
        run: |world, prompt| world.grok().unasked().print(prompt),
        open: |world, name| world.grok().unasked().tui(name),
        // Its agent is woken only if it watches.
        woken: false,
        proves: "seen",
    },
    Peer {
        name: "cline",
        label: "cline-project",
        run: |world, prompt| world.cline().print(prompt),
        open: |world, name| world.cline().tui(name),
        woken: true,
        proves: "seen",
    },
];

/// The one of this name.
pub(crate) fn peer(name: &str) -> &'static Peer {
    PEERS.iter().find(|peer| peer.name == name).unwrap_or_else(|| panic!("no CLI is called {name}"))
}
