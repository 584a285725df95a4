//! Codex runs a hook only after its user reviewed it. With the user's consent we note the review for our own hooks
//! alone, through Codex itself; uninstall takes the notes away again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};
use session_bridge_core::home::Home;
use session_bridge_core::provider::{Scope, Site};

use super::app_server::AppServer;
use crate::report::Failure;

/// The provider whose host asks for a review.
pub(crate) const PROVIDER: &str = "codex";

/// One of our hooks, as Codex sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hook {
    /// Codex's own name for it.
    pub(crate) key: String,
    /// The event that it runs at.
    pub(crate) event: String,
    /// What is run.
    pub(crate) command: String,
    /// `trusted`, `untrusted` or `modified`.
    pub(crate) status: String,
    #[serde(skip)]
    hash: String,
}

impl Hook {
    pub(crate) fn is_trusted(&self) -> bool {
        self.status == "trusted"
    }
}

/// Our hooks in the site's file, as the CLI lists them.
pub(crate) fn list(program: &Path, site: &Site, home: &Home) -> Result<Vec<Hook>, Failure> {
    Ok(ours(&mut AppServer::start(program)?, site, home)?)
}

/// Notes the review of those of our hooks that are not trusted yet, and says how they stand afterwards.
pub(crate) fn grant(program: &Path, site: &Site, home: &Home) -> Result<Vec<Hook>, Failure> {
    let mut server = AppServer::start(program)?;
    let hooks = ours(&mut server, site, home)?;
    let state: Map<String, Value> = hooks
        .iter()
        .filter(|hook| !hook.is_trusted())
        .map(|hook| (hook.key.clone(), json!({ "trusted_hash": hook.hash })))
        .collect();
    if state.is_empty() {
        return Ok(hooks);
    }
    let edit = json!({ "keyPath": "hooks.state", "mergeStrategy": "upsert", "value": state });
    server.call("config/batchWrite", &json!({ "edits": [edit] }))?;
    ours(&mut server, site, home)
}

fn ours(server: &mut AppServer, site: &Site, home: &Home) -> Result<Vec<Hook>, Failure> {
    let folder = match &site.scope {
        Scope::Project(folder) => folder.clone(),
        Scope::User => site.hooks_file.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let listed = server.call("hooks/list", &json!({ "cwds": [folder] }))?;
    Ok(read(&listed, &site.hooks_file, &home.hook_program()))
}

/// Hooks that run our program and stand in our file; nobody else's are ever touched.
fn read(listed: &Value, file: &Path, program: &Path) -> Vec<Hook> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (file, program) = (real(file), program.to_string_lossy().into_owned());
    let groups = listed["data"].as_array().into_iter().flatten();
    let mut found: Vec<Hook> = Vec::new();
    for hook in groups.flat_map(|group| group["hooks"].as_array().into_iter().flatten()) {
        let text = |key: &str| hook[key].as_str().map(str::to_owned);
        let (Some(key), Some(command), Some(source), Some(hash)) =
            (text("key"), text("command"), text("sourcePath"), text("currentHash"))
        else {
            continue;
        };
        let ours = command.contains(&program) && real(&PathBuf::from(source)) == file;
        if ours && !found.iter().any(|known| known.key == key) {
            let (event, status) =
                (text("eventName").unwrap_or_default(), text("trustStatus").unwrap_or_default());
            found.push(Hook { key, event, command, status, hash });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_program_in_our_file_counts() {
        let hook = |key: &str, command: &str, source: &str| {
            json!({ "key": key, "command": command, "sourcePath": source, "currentHash": "sha256:1",
                    "eventName": "stop", "trustStatus": "untrusted" })
        };
        let ours = "/h/bin/session-bridge-hook codex Stop";
        let listed = json!({ "data": [{ "hooks": [
            hook("a", ours, "/c/hooks.json"), hook("a", ours, "/c/hooks.json"),
            hook("b", ours, "/other/hooks.json"), hook("c", "/x/notify", "/c/hooks.json"), {"key": 7}
        ]}]});
        let found = read(&listed, Path::new("/c/hooks.json"), Path::new("/h/bin/session-bridge-hook"));
        assert_eq!(found.iter().map(|hook| hook.key.as_str()).collect::<Vec<_>>(), ["a"]);
        assert!(read(&Value::Null, Path::new("/c"), Path::new("/h")).is_empty());
    }
}
