//! What was captured from the real CLIs.

use std::path::{Path, PathBuf};

use serde_json::Value;
use session_bridge_core::event::HookCall;

/// One captured hook payload or MCP request.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    /// Version of the CLI.
    pub(crate) version: String,
    /// File name without its extension.
    pub(crate) name: String,
    /// The host's event name, for hook payloads.
    pub(crate) event: Option<String>,
    /// The payload with its place holders filled.
    pub(crate) json: Value,
    /// The same, as bytes.
    pub(crate) bytes: Vec<u8>,
}

impl Payload {
    /// Every payload under `fixtures`, in a stable order.
    pub(crate) fn all(fixtures: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        for folder in versions(fixtures) {
            let version = name_of(&folder);
            for file in
                sorted(&folder).into_iter().filter(|file| file.extension().is_some_and(|e| e == "json"))
            {
                let text = std::fs::read_to_string(&file).unwrap();
                let text = text
                    .replace("$PROJECT_SLUG", "-src-project")
                    .replace("$PROJECT", "/src/project")
                    .replace("$HOME", "/home/u")
                    .replace("$TMPDIR", "/tmp");
                let json: Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                let event = ["hook_event_name", "hookEventName"]
                    .iter()
                    .find_map(|key| json.get(key))
                    .and_then(Value::as_str)
                    .map(str::to_owned);
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                found.push(Self { version: version.clone(), name, event, json, bytes: text.into_bytes() });
            }
        }
        found
    }

    /// The hook call that the payload was captured from.
    pub(crate) fn call(&self) -> Option<HookCall<'_>> {
        Some(HookCall { event: self.event.as_deref()?, stdin: &self.bytes })
    }

    /// `version/name`, for the names of tests.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.version, self.name)
    }
}

/// The folders of versions: those whose names begin with a digit.
pub(crate) fn versions(fixtures: &Path) -> Vec<PathBuf> {
    sorted(fixtures)
        .into_iter()
        .filter(|path| name_of(path).starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

/// A folder's entries by name; nothing if there is no such folder.
pub(crate) fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
