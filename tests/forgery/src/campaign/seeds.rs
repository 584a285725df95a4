//! What a fuzzer begins with besides its own corpus: what was captured from the real CLIs, and a dictionary.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;
use session_bridge_core::plan::Format;
use session_bridge_core::provider::Provider;
use session_bridge_providers::PROVIDERS;

/// What libFuzzer takes as one word of a dictionary is not longer than this, in bytes.
const WORD: usize = 64;

/// Writes the seeds of a target into a folder. Nothing for a target that knows no captured bytes.
pub(super) fn write(target: &str, providers: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for provider in PROVIDERS {
        let fixtures = providers.join(provider.card().id.as_str()).join("fixtures");
        for file in files(&fixtures)? {
            let Some(seed) = seed(target, *provider, &file)? else { continue };
            let name = file.strip_prefix(providers).unwrap_or(&file).to_string_lossy().replace('/', "-");
            fs::write(folder.join(name), seed)?;
        }
    }
    Ok(())
}

/// The bytes for a target, with the first line that it wants.
fn seed(target: &str, provider: &dyn Provider, file: &Path) -> Result<Option<Vec<u8>>> {
    let text = fs::read_to_string(file)?;
    let json = || serde_json::from_str::<Value>(&text).ok();
    let configuration = file.components().any(|part| part.as_os_str() == "before");
    let seed = match target {
        "decode" if !configuration => json().and_then(|json| {
            let event = event(provider, &json)?;
            Some(format!("{} {event}\n{json}", provider.card().id))
        }),
        "edit" if configuration => format(file).map(|format| format!("{format}\n{text}")),
        "mcp" if !configuration => {
            json().filter(|json| json["jsonrpc"] == "2.0").map(|json| format!("{json}\n"))
        }
        _ => None,
    };
    Ok(seed.map(String::into_bytes))
}

/// The hook's event that a payload is of: hosts write it into the payload, each under a name of its own.
fn event(provider: &dyn Provider, payload: &Value) -> Option<&'static str> {
    let values: Vec<&Value> = payload.as_object()?.values().collect();
    let mut events = provider.card().hooks.iter().map(|spec| spec.event);
    events.find(|event| values.iter().any(|value| *value == event))
}

/// The word of the first line for a configuration file.
fn format(file: &Path) -> Option<&'static str> {
    let format = match file.extension()?.to_str()? {
        "json" => Format::Json,
        "jsonc" => Format::Jsonc,
        "toml" => Format::Toml,
        _ => return None,
    };
    crate::targets::FORMATS.iter().find(|(_, known)| *known == format).map(|(word, _)| *word)
}

/// A dictionary for libFuzzer: the names and short texts of JSON that the inputs hold, and their first lines. It puts them
/// into what it makes, where chance would hardly ever come upon one.
pub(super) fn dictionary(folders: &[PathBuf]) -> Result<String> {
    let mut words = BTreeSet::new();
    for folder in folders {
        for file in files(folder)? {
            let bytes = fs::read(&file)?;
            let text = String::from_utf8_lossy(&bytes);
            words.extend(text.lines().next().filter(|line| line.len() <= WORD).map(str::to_owned));
            // Between two quotes in turn: texts and what is between them, which is of use too.
            let quoted = text.split('"').filter(|word| (2..=WORD).contains(&word.len()));
            words.extend(quoted.map(str::to_owned));
        }
    }
    let mut dictionary = String::new();
    for word in words.iter().filter(|word| !word.trim().is_empty()) {
        dictionary.push('"');
        for byte in word.bytes() {
            let _ = match byte {
                b' '..=b'~' if byte != b'"' && byte != b'\\' => write!(dictionary, "{}", char::from(byte)),
                other => write!(dictionary, "\\x{other:02X}"),
            };
        }
        dictionary.push_str("\"\n");
    }
    Ok(dictionary)
}

/// Every file below a folder, in order; nothing if there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(found) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
