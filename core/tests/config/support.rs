//! A machine in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use session_bridge_core::apply::{self, Applied, Disk};
use session_bridge_core::edit::ConfigError;
use session_bridge_core::plan::{
    Clash, ConfigEdit, DerivedKey, EditId, EditOp, Finding, Format, KeyPart, Match, OnRemove, Plan, State,
    Target, Test,
};
use tempfile::TempDir;

pub(crate) const HOOK: &str = "/home/u/.session-bridge/bin/session-bridge-hook";

pub(crate) struct Machine {
    dir: TempDir,
    pub(crate) disk: Disk,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().join("bridge"));
        Self { dir, disk }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("user").join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read(self.path(name)).ok().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn apply(&self, edits: Vec<ConfigEdit>) -> Result<Applied, ConfigError> {
        apply::apply(&plan(edits), &self.disk)
    }

    pub(crate) fn revert(&self) -> Result<Applied, ConfigError> {
        apply::revert("codex", &self.disk)
    }

    pub(crate) fn states(&self, edits: Vec<ConfigEdit>) -> Vec<State> {
        let findings = apply::check(&plan(edits), &self.disk).unwrap();
        findings.into_iter().map(|Finding { state, .. }| state).collect()
    }
}

pub(crate) fn plan(edits: Vec<ConfigEdit>) -> Plan {
    Plan { provider: "codex".to_owned(), edits }
}

pub(crate) fn edit(id: &'static str, path: &Path, format: Format, op: EditOp) -> ConfigEdit {
    ConfigEdit {
        id: id.into(),
        file: Target::new(path, format),
        op,
        derived: Vec::new(),
        why: "for a test".into(),
    }
}

/// Our group in a hooks array.
pub(crate) fn hook(path: &Path, format: Format, event: &str) -> ConfigEdit {
    let handler = json!({ "type": "command", "command": format!("{HOOK} codex"), "timeout": 10 });
    let op = EditOp::Item {
        at: ["hooks", event].into(),
        value: json!({ "hooks": [handler] }),
        ours: Match::field(&["hooks", "*", "command"], Test::Contains(HOOK.to_owned())),
        on_remove: OnRemove::Drop,
    };
    ConfigEdit { id: EditId::from(format!("hook/{event}")), ..edit("", path, format, op) }
}

/// Our permission, a plain string.
pub(crate) fn permission(path: &Path, format: Format) -> ConfigEdit {
    let op = EditOp::Item {
        at: ["permissions", "allow"].into(),
        value: json!("mcp__session-bridge"),
        ours: Match::scalar("mcp__session-bridge"),
        on_remove: OnRemove::Drop,
    };
    edit("permission", path, format, op)
}

/// Our MCP server.
pub(crate) fn server(path: &Path, format: Format) -> ConfigEdit {
    let table = if format == Format::Toml { "mcp_servers" } else { "mcpServers" };
    let value = json!({ "command": "/b/session-bridge", "args": ["mcp", "--client", "codex"], "env_vars": ["CODEX_HOME"] });
    let op = EditOp::Key { at: [table, "session-bridge"].into(), value, clash: Clash::Refuse };
    edit("server", path, format, op)
}

/// Codex's review of our hook, which its host writes into another file.
pub(crate) fn reviewed(mut hook: ConfigEdit, config: &Path) -> ConfigEdit {
    let prefix = format!("{}:session_start:", hook.file.path.display());
    hook.derived.push(DerivedKey {
        file: Target::new(config, Format::Toml),
        under: ["hooks", "state"].into(),
        starts_with: vec![KeyPart::Text(prefix), KeyPart::Index, KeyPart::Text(":".to_owned())],
    });
    let EditOp::Item { on_remove, .. } = &mut hook.op else { panic!("an item") };
    *on_remove = OnRemove::KeepPosition(json!({ "hooks": [] }));
    hook
}
