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

use crate::launch::CLIS;
use crate::suite::Kit;
use crate::{Clis, DriverError, Finished, process, tui};

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
        for folder in [world.home(), world.tmp()] {
            fs::create_dir_all(&folder).map_err(DriverError::io("create", &folder))?;
        }
        for cli in CLIS {
            (cli.prepare)(&world)?;
        }
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

    /// Creates another project folder that the CLIs trust.
    ///
    /// # Errors
    /// If the folder or the configurations cannot be written.
    pub fn add_project(&self, name: &str) -> Result<PathBuf, DriverError> {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder).map_err(DriverError::io("create", &folder))?;
        CLIS.iter().filter_map(|cli| cli.trust).try_for_each(|trust| trust(self, &folder))?;
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
        CLIS.iter().try_for_each(|cli| (cli.add_mcp_server)(self, name, program))
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set_env(&self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).push((name.into(), value.into()));
    }

    /// The whole environment of this world; nothing is inherited but where node and the system's tools are.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut path: Vec<_> = self.clis().path().collect();
        path.extend(
            env::split_paths(&env::var_os("PATH").unwrap_or_default())
                .filter(|dir| dir.join("node").is_file())
                .take(1),
        );
        path.extend(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        let path = env::join_paths(path).unwrap_or_default();
        let home = self.home();
        let tmp = self.tmp();
        let pairs: [(&str, &OsStr); 14] = [
            ("HOME", home.as_os_str()),
            ("TMPDIR", tmp.as_os_str()),
            ("PATH", &path),
            ("TERM", OsStr::new("xterm-256color")),
            ("LANG", OsStr::new("C.UTF-8")),
            ("SHELL", OsStr::new("/bin/sh")),
            ("USER", OsStr::new("tester")),
            ("LOGNAME", OsStr::new("tester")),
            // Wishes that several CLIs honour.
            ("DISABLE_TELEMETRY", OsStr::new("1")),
            ("DISABLE_ERROR_REPORTING", OsStr::new("1")),
            ("DO_NOT_TRACK", OsStr::new("1")),
            // No proxy of the machine's is asked for a loopback address.
            ("NO_PROXY", OsStr::new("127.0.0.1,localhost")),
            ("no_proxy", OsStr::new("127.0.0.1,localhost")),
            ("NO_COLOR", OsStr::new("1")),
        ];
        let mut all: Vec<(OsString, OsString)> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.to_owned())).collect();
        let theirs = CLIS.iter().flat_map(|cli| (cli.environment)(self));
        all.extend(theirs.map(|(name, value)| (name.into(), value.into())));
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

    /// The processes that live in this world, with their command lines.
    pub fn processes(&self) -> Vec<(i32, String)> {
        process::living_in(&self.home())
    }

    /// What can be told about this world now: log files, screens, processes, and the requests, which are long.
    pub fn account(&self) -> String {
        let mut out = String::new();
        for name in ["hook.log", "server.log"] {
            if let Ok(text) = fs::read_to_string(self.home().join(".session-bridge/log").join(name)) {
                let _ = writeln!(out, "--- {name} ---\n{}", text.trim_end());
            }
        }
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
        let _ = write!(out, "--- requests ---\n{}", self.model.dump());
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

    /// Changes a text file in place; a missing one starts empty.
    pub(crate) fn edit_text(&self, path: &Path, edit: impl FnOnce(&mut String)) -> Result<(), DriverError> {
        let mut text = match fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(DriverError::io("read", path))?,
        };
        edit(&mut text);
        self.write(path, text.as_bytes())
    }

    pub(crate) fn write_json(&self, path: &Path, value: &Value) -> Result<(), DriverError> {
        self.write(path, format!("{value:#}\n").as_bytes())
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), DriverError> {
        debug_assert!(path.starts_with(self.root.path()), "a world writes in its own folder");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(DriverError::io("create", folder))?;
        }
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
