//! The pinned CLIs, installed from npm once per target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::DriverError;

/// The one place that says which versions the tests run.
const VERSIONS: &str = include_str!("../versions.toml");
const CLAUDE: &str = "@anthropic-ai/claude-code";
const CODEX: &str = "@openai/codex";
const GEMINI: &str = "@google/gemini-cli";

/// The installed CLIs.
#[derive(Debug, Clone)]
pub struct Clis {
    bin: PathBuf,
    claude_version: String,
    codex_version: String,
    gemini_version: String,
}

impl Clis {
    /// The folder that holds `claude`, `codex` and `gemini`; first in every world's `PATH`.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The pinned version of Claude Code.
    pub fn claude_version(&self) -> &str {
        &self.claude_version
    }

    /// The pinned version of Codex.
    pub fn codex_version(&self) -> &str {
        &self.codex_version
    }

    /// The pinned version of Gemini CLI.
    pub fn gemini_version(&self) -> &str {
        &self.gemini_version
    }

    /// Where the pinned CLIs belong under `target`, the build's target folder.
    pub(crate) fn under(target: &Path) -> Result<Self, DriverError> {
        let versions: toml_edit::DocumentMut = VERSIONS.parse().map_err(|error: toml_edit::TomlError| {
            DriverError::Content { path: "versions.toml".into(), detail: error.to_string() }
        })?;
        let pinned = |package: &str| {
            let version = versions["npm"].get(package).and_then(|item| item.as_str());
            version.map(str::to_owned).ok_or_else(|| DriverError::Content {
                path: "versions.toml".into(),
                detail: format!("[npm] names no version of {package}"),
            })
        };
        let [claude_version, codex_version, gemini_version] =
            [pinned(CLAUDE)?, pinned(CODEX)?, pinned(GEMINI)?];
        let folder =
            format!("claude-code-{claude_version}_codex-{codex_version}_gemini-cli-{gemini_version}");
        let bin = target.join("real-cli/npm").join(folder).join("node_modules/.bin");
        Ok(Self { bin, claude_version, codex_version, gemini_version })
    }

    /// Installs what is missing. Test binaries that start together take turns.
    ///
    /// # Errors
    /// If npm is missing or fails, or what it installed is not what was asked for: a CLI that cannot be installed
    /// fails the run.
    pub(crate) fn ensure(&self) -> Result<(), DriverError> {
        let root = self.root();
        fs::create_dir_all(root).map_err(DriverError::io("create", root))?;
        let lock = root.join("install.lock");
        let file = File::create(&lock).map_err(DriverError::io("create", &lock))?;
        file.lock().map_err(DriverError::io("lock", &lock))?;
        let done = root.join("installed");
        if done.exists() {
            return Ok(());
        }
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(root)
            .args(self.packages().map(|(package, version)| format!("{package}@{version}")))
            .output()
            .map_err(DriverError::program("npm"))?;
        if !output.status.success() {
            let detail = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(DriverError::Failed {
                program: "npm".into(),
                status: output.status.to_string(),
                detail,
            });
        }
        for (package, version) in self.packages() {
            self.check(package, version)?;
        }
        fs::write(&done, b"").map_err(DriverError::io("write", &done))
    }

    fn packages(&self) -> [(&'static str, &str); 3] {
        [(CLAUDE, &self.claude_version), (CODEX, &self.codex_version), (GEMINI, &self.gemini_version)]
    }

    fn root(&self) -> &Path {
        self.bin.parent().and_then(Path::parent).unwrap_or(&self.bin)
    }

    fn check(&self, package: &str, wanted: &str) -> Result<(), DriverError> {
        let path = self.root().join("node_modules").join(package).join("package.json");
        let text = fs::read_to_string(&path).map_err(DriverError::io("read", &path))?;
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if manifest["version"] == wanted {
            return Ok(());
        }
        Err(DriverError::Content { path, detail: format!("is {}, not {wanted}", manifest["version"]) })
    }
}
