//! What was captured from the real CLIs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use session_bridge_core::provider::Provider;

/// One captured hook payload.
pub(crate) struct Payload {
    /// Its file, for messages.
    pub(crate) file: PathBuf,
    /// The host's event name.
    pub(crate) event: String,
    pub(crate) json: Value,
}

impl Payload {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.json.to_string().into_bytes()
    }
}

/// Every hook payload of a provider, of every version.
pub(crate) fn of(provider: &dyn Provider) -> Vec<Payload> {
    let providers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers");
    let fixtures = providers.join(provider.card().id.as_str()).join("fixtures");
    let mut found = Vec::new();
    for folder in entries(&fixtures) {
        let is_version =
            folder.file_name().unwrap().to_string_lossy().starts_with(|c: char| c.is_ascii_digit());
        for file in entries(&folder).into_iter().filter(|_| is_version) {
            let text = fs::read_to_string(&file).unwrap().replace('$', "/");
            let json: Value = serde_json::from_str(&text).unwrap();
            let event = ["hook_event_name", "hookEventName"].iter().find_map(|key| json[*key].as_str());
            let event = event.map(str::to_owned);
            found.extend(event.map(|event| Payload { file, event, json }));
        }
    }
    assert!(!found.is_empty(), "{} has no fixtures", provider.card().id);
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}
