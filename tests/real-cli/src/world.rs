//! What one case has to itself: a home, a project, a model, a terminal.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use session_bridge_mock_model::MockModel;
use tempfile::TempDir;

use crate::suite::Kit;
use crate::{Claude, Clis, Codex, DriverError, Finished, Gemini, process, tui, wait_until};

/// A key that only the mock model sees. Claude Code asks once whether a key may be used, and remembers its end.
const KEY: &str = "key-for-the-mock-model-only";
const KEY_TAIL: usize = 20;
/// The model name that Codex is configured with, and shows in its status line.
pub(crate) const CODEX_MODEL: &str = "mock-model";
/// A model that Gemini CLI knows, so that it asks no other one which to take.
const GEMINI_MODEL: &str = "gemini-2.5-pro";
/// How long a headless run or one of our own commands may take.
const RUN_LIMIT: Duration = Duration::from_secs(90);

/// One case's machine. Everything it starts lives in its own HOME, and is ended with it.
pub struct World {
    root: TempDir,
    kit: Arc<Kit>,
    model: MockModel,
    extra: Mutex<Vec<(OsString, OsString)>>,
    closed: bool,
}

impl World {
    /// A fresh world: the CLIs configured for the mock model, their first-start questions answered, nothing else.
    ///
    /// # Errors
    /// If its folders cannot be written or the model cannot be started.
    pub(crate) fn new(kit: &Arc<Kit>) -> Result<Self, DriverError> {
        // Short on purpose: sockets live below it, and a socket's path has little more than 100 bytes.
        let root = tempfile::Builder::new().prefix("sb-").tempdir();
        let root = root.map_err(DriverError::io("create a folder in", &env::temp_dir()))?;
        let extra = Mutex::default();
        let world = Self { root, kit: Arc::clone(kit), model: MockModel::start()?, extra, closed: false };
        for folder in [world.claude_dir(), world.codex_dir(), world.gemini_dir(), world.tmp()] {
            fs::create_dir_all(&folder).map_err(DriverError::io("create", &folder))?;
        }
        let state = json!({
            "hasCompletedOnboarding": true,
            // A dialog that would cover the prompt of a terminal session in manual mode.
            "hasSeenAutoDefaultNudge": true,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [&KEY[KEY.len() - KEY_TAIL..]], "rejected": []},
            "projects": {},
        });
        world.write_json(&world.claude_state(), &state)?;
        let settings = json!({"permissions": {"defaultMode": "default"}});
        world.write_json(&world.claude_dir().join("settings.json"), &settings)?;
        let config = format!(
            "model = \"{CODEX_MODEL}\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n\n\
             [model_providers.mock]\nname = \"mock\"\nbase_url = \"{}/v1\"\nwire_api = \"responses\"\n\
             env_key = \"MOCK_KEY\"\n\n[analytics]\nenabled = false\n\n[feedback]\nenabled = false\n",
            world.model.base_url()
        );
        world.write(&world.codex_config(), config.as_bytes())?;
        let settings = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false},
            "privacy": {"usageStatisticsEnabled": false},
            "telemetry": {"enabled": false},
            // Asks nothing of a model of its own for each prompt.
            "model": {"name": GEMINI_MODEL},
        });
        world.write_json(&world.gemini_settings(), &settings)?;
        world.add_project("project")?;
        Ok(world)
    }

    /// The model that all CLIs talk to.
    pub fn model(&self) -> &MockModel {
        &self.model
    }

    /// The installed CLIs.
    pub fn clis(&self) -> &Clis {
        &self.kit.clis
    }

    /// The path of a program that [`Suite::package`](crate::Suite::package) had built.
    ///
    /// # Errors
    /// [`DriverError::Missing`] if no such package was named.
    pub fn built(&self, name: &str) -> Result<PathBuf, DriverError> {
        let what = "the package of a program to be named with Suite::package";
        self.kit
            .programs
            .get(name)
            .cloned()
            .ok_or_else(|| DriverError::Missing { what, detail: name.to_owned() })
    }

    /// Another world, with nothing in common with this one but the installed programs: for control runs.
    ///
    /// # Errors
    /// As for any world: if its folders cannot be written or its model cannot be started.
    pub fn fresh(&self) -> Result<Self, DriverError> {
        Self::new(&self.kit)
    }

    /// HOME of everything that runs here.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The project folder in which sessions start unless told otherwise; the CLIs trust it.
    pub fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// TMPDIR of everything that runs here.
    pub fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// `~/.claude`, with `settings.json`.
    pub fn claude_dir(&self) -> PathBuf {
        self.home().join(".claude")
    }

    /// `~/.claude.json`, with the MCP servers of the user.
    pub fn claude_state(&self) -> PathBuf {
        self.home().join(".claude.json")
    }

    /// `~/.codex`, with `hooks.json`.
    pub fn codex_dir(&self) -> PathBuf {
        self.home().join(".codex")
    }

    /// `~/.codex/config.toml`.
    pub fn codex_config(&self) -> PathBuf {
        self.codex_dir().join("config.toml")
    }

    /// `~/.gemini`, with `settings.json` and `trustedFolders.json`.
    pub fn gemini_dir(&self) -> PathBuf {
        self.home().join(".gemini")
    }

    /// `~/.gemini/settings.json`, with hooks and MCP servers.
    pub fn gemini_settings(&self) -> PathBuf {
        self.gemini_dir().join("settings.json")
    }

    /// Creates another project folder that the CLIs trust.
    ///
    /// # Errors
    /// If the folder or the configurations cannot be written.
    pub fn add_project(&self, name: &str) -> Result<PathBuf, DriverError> {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder).map_err(DriverError::io("create", &folder))?;
        let key = folder.display().to_string();
        self.edit_json(&self.claude_state(), |state| {
            state["projects"][&key] = json!({"hasTrustDialogAccepted": true});
        })?;
        let config = self.codex_config();
        let mut text = fs::read_to_string(&config).map_err(DriverError::io("read", &config))?;
        let _ = write!(text, "\n[projects.\"{key}\"]\ntrust_level = \"trusted\"\n");
        self.write(&config, text.as_bytes())?;
        self.edit_json(&self.gemini_dir().join("trustedFolders.json"), |folders| {
            folders[&key] = json!("TRUST_FOLDER");
        })?;
        Ok(folder)
    }

    /// Changes a JSON file in place; a missing one starts as an empty object.
    ///
    /// # Errors
    /// If it cannot be read as JSON or written.
    pub fn edit_json(&self, path: &Path, edit: impl FnOnce(&mut Value)) -> Result<(), DriverError> {
        let mut value = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| DriverError::Content { path: path.into(), detail: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({}),
            Err(error) => return Err(DriverError::io("read", path)(error)),
        };
        edit(&mut value);
        self.write_json(path, &value)
    }

    /// Adds an MCP server to the user's configuration of the CLIs, as their manuals say, and lets them call its tools
    /// unasked.
    ///
    /// # Errors
    /// If a configuration cannot be changed.
    pub fn add_mcp_server(&self, name: &str, program: &str) -> Result<(), DriverError> {
        self.edit_json(&self.claude_state(), |state| {
            state["mcpServers"][name] =
                json!({"type": "stdio", "command": program, "args": [], "env": {}, "alwaysLoad": true});
        })?;
        self.edit_json(&self.claude_dir().join("settings.json"), |settings| {
            settings["permissions"]["allow"] = json!([format!("mcp__{name}")]);
        })?;
        self.edit_json(&self.gemini_settings(), |settings| {
            settings["mcpServers"][name] = json!({"command": program, "trust": true});
        })?;
        let config = self.codex_config();
        let mut text = fs::read_to_string(&config).map_err(DriverError::io("read", &config))?;
        let _ = write!(
            text,
            "\n[mcp_servers.{name}]\ncommand = \"{program}\"\ndefault_tools_approval_mode = \"approve\"\n"
        );
        self.write(&config, text.as_bytes())
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set_env(&self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).push((name.into(), value.into()));
    }

    /// The whole environment of this world; nothing is inherited but where node and the system's tools are.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut path = vec![self.clis().bin().to_path_buf()];
        path.extend(
            env::split_paths(&env::var_os("PATH").unwrap_or_default())
                .filter(|dir| dir.join("node").is_file())
                .take(1),
        );
        path.extend(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        let path = env::join_paths(path).unwrap_or_default();
        let base_url = self.model.base_url();
        let home = self.home();
        let tmp = self.tmp();
        let pairs: [(&str, &OsStr); 22] = [
            ("HOME", home.as_os_str()),
            ("TMPDIR", tmp.as_os_str()),
            ("PATH", &path),
            ("TERM", OsStr::new("xterm-256color")),
            ("LANG", OsStr::new("C.UTF-8")),
            ("SHELL", OsStr::new("/bin/sh")),
            ("USER", OsStr::new("tester")),
            ("LOGNAME", OsStr::new("tester")),
            // Claude Code
            ("ANTHROPIC_BASE_URL", OsStr::new(&base_url)),
            ("ANTHROPIC_API_KEY", OsStr::new(KEY)),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", OsStr::new("1")),
            ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", OsStr::new("1")),
            ("DISABLE_TELEMETRY", OsStr::new("1")),
            ("DISABLE_ERROR_REPORTING", OsStr::new("1")),
            ("DISABLE_AUTOUPDATER", OsStr::new("1")),
            ("DO_NOT_TRACK", OsStr::new("1")),
            // Codex
            ("MOCK_KEY", OsStr::new(KEY)),
            // Gemini CLI
            ("GOOGLE_GEMINI_BASE_URL", OsStr::new(&base_url)),
            ("GEMINI_API_KEY", OsStr::new(KEY)),
            // No proxy of the machine's is asked for a loopback address.
            ("NO_PROXY", OsStr::new("127.0.0.1,localhost")),
            ("no_proxy", OsStr::new("127.0.0.1,localhost")),
            ("NO_COLOR", OsStr::new("1")),
        ];
        let mut all: Vec<_> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.to_owned())).collect();
        all.extend(self.extra.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        all
    }

    /// A program that will run in this world's environment and project, for example one of ours.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).current_dir(self.project());
        command
    }

    /// Runs such a program to its end, with `input` on its standard input.
    ///
    /// # Errors
    /// If it cannot be started or takes longer than 90 seconds. Its exit status is for the caller to judge.
    pub fn run(&self, command: &mut Command, input: &[u8]) -> Result<Finished, DriverError> {
        process::run(command, input, RUN_LIMIT)
    }

    /// Claude Code, to be started here.
    pub fn claude(&self) -> Claude<'_> {
        Claude::new(self)
    }

    /// Codex, to be started here.
    pub fn codex(&self) -> Codex<'_> {
        Codex::new(self)
    }

    /// Gemini CLI, to be started here.
    pub fn gemini(&self) -> Gemini<'_> {
        Gemini::new(self)
    }

    /// The processes that live in this world, with their command lines.
    pub fn processes(&self) -> Vec<(i32, String)> {
        process::living_in(&self.home())
    }

    /// Kills the daemon that Codex's windows of this world share, as a crash would, and its helper.
    ///
    /// # Errors
    /// [`DriverError::Timeout`] if none runs, or it does not go.
    pub fn kill_codex_daemon(&self) -> Result<(), DriverError> {
        let daemon = |line: &str| line.contains("--managed-daemon") || line.contains("app-server daemon");
        let killed = process::kill_where(&self.home(), daemon);
        wait_until("the end of Codex's daemon", Duration::from_secs(5), || {
            let gone = !self.processes().iter().any(|(_, line)| daemon(line));
            (killed > 0 && gone).then_some(())
        })
    }

    /// What can be told about this world now: requests, screens, processes, log files.
    pub fn account(&self) -> String {
        let mut out = format!("--- requests ---\n{}", self.model.dump());
        for (name, screen) in tui::screens(self) {
            let _ = writeln!(out, "--- screen of {name} ---\n{}", screen.trim_end());
        }
        let _ = writeln!(out, "--- processes ---");
        for (pid, line) in self.processes() {
            let _ = writeln!(out, "{pid} {line}");
        }
        let log = self.codex_dir().join("app-server-daemon/daemon.stderr.log");
        if let Ok(text) = fs::read_to_string(log) {
            let _ = writeln!(out, "--- codex daemon ---\n{text}");
        }
        out
    }

    /// Ends everything that lives here and returns what would not go.
    pub(crate) fn close(&mut self) -> Vec<(i32, String)> {
        self.closed = true;
        process::evict(&self.home(), Duration::from_secs(5))
    }

    pub(crate) fn tmux_socket(&self) -> PathBuf {
        self.tmp().join("tmux")
    }

    fn write_json(&self, path: &Path, value: &Value) -> Result<(), DriverError> {
        self.write(path, format!("{value:#}\n").as_bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), DriverError> {
        debug_assert!(path.starts_with(self.root.path()), "a world writes in its own folder");
        fs::write(path, bytes).map_err(DriverError::io("write", path))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.closed {
            self.close();
        }
    }
}
