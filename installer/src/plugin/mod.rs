//! The marketplace folder with the bridge as a plugin: made from the providers, which know what their CLIs read of it, and
//! from texts that all of them read.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use session_bridge_core::host::Host;
use session_bridge_core::plugin::{NAME, Plugin, PluginFile, Programs};
use session_bridge_core::provider::{Card, Provider, Scope};
use session_bridge_providers::PROVIDERS;

/// The folder of the plugin in the marketplace's.
const FOLDER: &str = NAME;
const DESCRIPTION: &str = "Sessions of agent CLIs on this machine ask and answer one another";

/// What a person may call: `/bridge`.
pub const BRIDGE_SKILL: &str = include_str!("bridge.md");
/// What the model may read by itself.
pub const PEER_SKILL: &str = include_str!("ask-a-peer.md");

/// The file that makes a folder a marketplace.
pub(crate) const MARKETPLACE: &str = ".claude-plugin/marketplace.json";

/// A file below the marketplace's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The providers whose CLIs take plugins, in the order of the registry.
pub(crate) fn hosts() -> impl Iterator<Item = (&'static Card, &'static Plugin)> {
    PROVIDERS.iter().filter_map(|provider| Some((provider.card(), provider.plugin()?)))
}

/// A CLI whose own settings have the plugin switched on.
#[derive(Clone, Copy)]
pub(crate) struct Plugged {
    pub(crate) card: &'static Card,
    pub(crate) plugin: &'static Plugin,
}

impl Plugged {
    pub(crate) fn id(&self) -> &'static str {
        self.card.id.as_str()
    }
}

/// The CLIs that have the plugin, in the user's own settings.
pub(crate) fn plugged(host: &dyn Host) -> Vec<Plugged> {
    let one = |provider: &&'static dyn Provider| {
        let plugin = provider.plugin()?;
        let site = provider.locate(host, &Scope::User).ok()?;
        (plugin.is_on)(host, &site).then(|| Plugged { card: provider.card(), plugin })
    };
    PROVIDERS.iter().filter_map(one).collect()
}

/// All files, for programs that are there.
pub(crate) fn files(programs: &Programs) -> Vec<File> {
    let marketplace = json!({
        "name": NAME,
        "description": DESCRIPTION,
        "owner": { "name": NAME },
        "plugins": [{ "name": NAME, "source": format!("./{FOLDER}"), "description": DESCRIPTION }],
    });
    let mut files = vec![File { path: MARKETPLACE.into(), text: pretty(&marketplace) }];
    let mut add =
        |path: &str, text: String| files.push(File { path: PathBuf::from(FOLDER).join(path), text });
    add("README.md", readme());
    for (card, plugin) in hosts() {
        for file in (plugin.files)(card, programs) {
            add(file.path, pretty(&whole(file)));
        }
    }
    add("skills/bridge/SKILL.md", BRIDGE_SKILL.to_owned());
    // Only a person calls it: it is in no list that costs tokens.
    add("skills/bridge/agents/openai.yaml", "policy:\n  allow_implicit_invocation: false\n".to_owned());
    add("skills/ask-a-peer/SKILL.md", PEER_SKILL.to_owned());
    files
}

/// A manifest with what is the same for all.
fn whole(file: PluginFile) -> Value {
    let PluginFile { content, manifest, .. } = file;
    if !manifest {
        return content;
    }
    let mut whole = json!({
        "name": NAME,
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "author": { "name": NAME },
        "license": env!("CARGO_PKG_LICENSE"),
        "repository": env!("CARGO_PKG_REPOSITORY"),
    });
    if let (Value::Object(whole), Value::Object(own)) = (&mut whole, content) {
        whole.extend(own);
    }
    whole
}

fn readme() -> String {
    let calls: Vec<String> =
        hosts().map(|(card, plugin)| format!("in {} type `{} peers`", card.name, plugin.call)).collect();
    let mut removals = String::from("```sh\n");
    for command in hosts().flat_map(|(_, plugin)| plugin.remove) {
        let _ = writeln!(removals, "{command}");
    }
    removals.push_str("```");
    let calls = format!("For example: {}.", calls.join(", "));
    include_str!("README.md").replace("{{calls}}", &calls).replace("{{removals}}", &removals)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Whether a file of the marketplace's kind is of ours.
pub(crate) fn is_ours(marketplace: &[u8]) -> bool {
    let known = serde_json::from_slice::<Value>(marketplace);
    known.is_ok_and(|known| known["name"] == NAME)
}
