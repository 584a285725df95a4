//! A folder for a round trip: a bridge's home, and a session's folder. Nothing that is tried there touches the user's own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use session_bridge_core::environment;
use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::host::{Host as _, RealHost};
use session_bridge_core::id::AttemptId;
use session_bridge_core::probe::{self, Launch};

/// Variables that programs are given. What names a session, or tells a host, stays away: `doctor` may itself run inside one.
const KEPT: [&str; 7] = ["HOME", "PATH", "TMPDIR", "LANG", "USER", "LOGNAME", "SHELL"];

/// A folder that goes when it is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("session-bridge-doctor-{}", AttemptId::generate()));
        let scratch = Self(path);
        for folder in [scratch.home().root().to_owned(), scratch.folder()] {
            fsx::private_dir(&folder).map_err(|error| error.to_string())?;
        }
        Ok(scratch)
    }

    /// The bridge's home.
    pub(super) fn home(&self) -> Home {
        Home::at(self.0.join("bridge"))
    }

    /// The session's folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.0.join("project")
    }

    /// What stands in an entry, ready to be started as the host starts it, but for the home.
    pub(super) fn command(&self, launch: &Launch) -> Command {
        let mut command = match &launch.command {
            probe::Command::Words(words) => {
                let mut command = Command::new(words.first().map_or("", String::as_str));
                command.args(words.iter().skip(1));
                command
            }
            probe::Command::Line(line) => {
                // The hosts use bash where there is one.
                let shell = RealHost.which("bash").unwrap_or_else(|| {
                    let usual = PathBuf::from("/bin/bash");
                    if usual.exists() { usual } else { PathBuf::from("/bin/sh") }
                });
                let mut command = Command::new(shell);
                command.args(["-c", line]);
                command
            }
        };
        let kept = KEPT.iter().filter_map(|name| Some((*name, RealHost.env(name)?)));
        command.env_clear().envs(kept).envs(launch.env.iter().map(|(name, value)| (name, value)));
        command.env(environment::HOME.name, self.home().root()).current_dir(self.folder());
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that stays in the temporary one does no harm.
        drop(fs::remove_dir_all(&self.0));
    }
}
