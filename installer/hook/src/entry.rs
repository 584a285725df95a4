//! The entry that started us, and the CLI that really did (rule W1).

use std::cell::OnceCell;

use session_bridge_core::event::HookCall;
use session_bridge_core::host::Host;
use session_bridge_core::marks::Origin;
use session_bridge_core::process::{self, Process, ProcessKey};
use session_bridge_core::provider::Provider;
use session_bridge_providers::{PROVIDERS, by_id};

/// The process that hosts us. It is looked up once, and only if somebody asks.
#[derive(Default)]
pub(crate) struct HostProcess(OnceCell<Option<Process>>);

impl HostProcess {
    /// One that need not be looked up.
    pub(crate) fn known(key: ProcessKey) -> Self {
        Self(OnceCell::from(Some(Process { key, parent: 0, name: String::new() })))
    }

    fn get(&self) -> Option<&Process> {
        self.0.get_or_init(process::host_process).as_ref()
    }

    /// Its key.
    pub(crate) fn key(&self) -> Option<ProcessKey> {
        self.get().map(|process| process.key)
    }
}

/// What a hook run is: whose, and of what.
pub(crate) struct Run<'a> {
    /// The provider whose CLI runs us.
    pub(crate) provider: &'static dyn Provider,
    /// What it hands to us.
    pub(crate) call: HookCall<'a>,
}

impl<'a> Run<'a> {
    /// Finds out. The words of the entry, provider and event, count where nothing else tells, and some hosts drop them.
    /// Nothing if an entry of another CLI is run for an event that this CLI's provider has no use for.
    pub(crate) fn of(
        words: &'a [String],
        stdin: &'a [u8],
        host: &dyn Host,
        process: &HostProcess,
    ) -> Result<Option<Self>, String> {
        let word = |at: usize| words.get(at).map(String::as_str);
        let origin = Origin::of(PROVIDERS, stdin, |name| host.env(name));
        let proven = origin.provider(PROVIDERS, || process.get().map(|process| process.name.as_str()));
        let hint = word(0).and_then(by_id);
        let provider = match (proven, word(0)) {
            (Some(provider), _) => provider,
            (None, Some(_)) => hint.ok_or("no such provider")?,
            (None, None) => return Err("usage: session-bridge-hook <provider> <event>".to_owned()),
        };
        // An event has another name in the entry of another CLI: the payload's is the host's own.
        let id = provider.card().id;
        let own = hint.is_some_and(|hint| hint.card().id == id);
        let event = word(1).filter(|_| own).or(origin.event).or(word(1)).unwrap_or_default();
        let of_use = own || provider.card().hook(event).is_some();
        Ok(of_use.then_some(Self { provider, call: HookCall { event, stdin } }))
    }
}
