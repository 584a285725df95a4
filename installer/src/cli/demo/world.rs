//! A temporary machine: a home with both hosts' files as a user might have them, and our own commands in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::Failure;

/// What a user had before, comments and other tools' hooks included.
const FILES: [(&str, &str); 4] = [
    (
        ".claude/settings.json",
        "{\n  \"permissions\": { \"allow\": [\"Bash(cargo test:*)\"] },\n  \"hooks\": {\n    \"Stop\": [\n      \
         { \"hooks\": [{ \"type\": \"command\", \"command\": \"true # another tool's\" }] }\n    ]\n  }\n}\n",
    ),
    (".claude.json", "{\n  \"theme\": \"dark\",\n  \"mcpServers\": {}\n}"),
    (
        ".codex/config.toml",
        "# my settings\r\nmodel = \"gpt\"   # the usual one\r\n\r\n[tui]\r\nnotifications = true\r\n",
    ),
    (".codex/hooks.json", "{\"hooks\":{}}\n"),
];

/// The temporary home.
pub(super) struct World {
    root: PathBuf,
    keep: bool,
}

impl World {
    pub(super) fn new(keep: bool) -> Result<Self, Failure> {
        let root = std::env::temp_dir().join(format!("session-bridge-demo-{}", ulid::Ulid::generate()));
        let world = Self { root, keep };
        for (name, text) in FILES {
            world.write(&world.home().join(name), text)?;
        }
        for project in ["web", "api"] {
            let folder = world.project(project);
            fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
        }
        Ok(world)
    }

    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub(super) fn project(&self, name: &str) -> PathBuf {
        self.root.join("home/shop").join(name)
    }

    pub(super) fn file(&self, name: &str) -> Result<String, Failure> {
        let path = self.home().join(name);
        fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
    }

    /// The user's files that differ from what they were, by name; a missing file differs.
    pub(super) fn changed_files(&self) -> Vec<&'static str> {
        let same =
            |name: &str, text: &str| fs::read(self.home().join(name)).is_ok_and(|now| now == text.as_bytes());
        FILES.iter().filter(|(name, text)| !same(name, text)).map(|(name, _)| *name).collect()
    }

    /// How many files are compared.
    pub(super) fn file_count() -> usize {
        FILES.len()
    }

    /// A program in this world: its home and nothing of the user's environment but where programs are.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("HOME", self.home()).env("PATH", path).current_dir(self.home());
        command
    }

    /// Runs `session-bridge` with these words and returns what it printed.
    pub(super) fn bridge(&self, words: &[&str]) -> Result<String, Failure> {
        let me = std::env::current_exe()
            .map_err(|error| Failure::file("find", Path::new("session-bridge"), &error))?;
        let out = self.command(&me).args(words).stdin(Stdio::null()).output()?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            return Err(failed(format!("`session-bridge {}` failed", words.join(" "))).because(said));
        }
        Ok(String::from_utf8_lossy(&out.stdout).replace(&self.home().display().to_string(), "~"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.keep {
            // A temporary folder that stays is a nuisance, not a failure.
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// The demo did not go as it should: that is a bug, or a machine that stops programs from running.
pub(super) fn failed(message: impl Into<String>) -> Failure {
    Failure::new(
        "demo_failed",
        crate::exit::NOT_WELL,
        message,
        "run `session-bridge demo --keep` and look at its home",
    )
}
