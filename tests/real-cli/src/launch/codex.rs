//! Codex.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Cli, KEY, Launch, MODEL};
use crate::{DriverError, Finished, Tui, World, process, wait_until};

pub(super) const CLI: Cli = Cli {
    id: "codex",
    command: "codex",
    install_home: None,
    prepare,
    environment,
    trust: Some(trust),
    add_mcp_server,
};

/// The heading of its question about new or changed hooks.
const REVIEW: &str = "Hooks need review";

fn prepare(world: &World) -> Result<(), DriverError> {
    let config = format!(
        "model = \"{MODEL}\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n\n\
         [model_providers.mock]\nname = \"mock\"\nbase_url = \"{}/v1\"\nwire_api = \"responses\"\n\
         env_key = \"MOCK_KEY\"\n\n[analytics]\nenabled = false\n\n[feedback]\nenabled = false\n",
        world.model().base_url()
    );
    world.write(&world.codex_config(), config.as_bytes())
}

fn environment(_: &World) -> Vec<(&'static str, String)> {
    vec![("MOCK_KEY", KEY.into())]
}

fn trust(world: &World, folder: &Path) -> Result<(), DriverError> {
    world.edit_text(&world.codex_config(), |text| {
        let _ = write!(text, "\n[projects.\"{}\"]\ntrust_level = \"trusted\"\n", folder.display());
    })
}

fn add_mcp_server(world: &World, name: &str, program: &str) -> Result<(), DriverError> {
    world.edit_text(&world.codex_config(), |text| {
        let _ = write!(
            text,
            "\n[mcp_servers.{name}]\ncommand = \"{program}\"\ndefault_tools_approval_mode = \"approve\"\n"
        );
    })
}

impl World {
    /// Codex, to be started here.
    pub fn codex(&self) -> Codex<'_> {
        Launch::new(self, CodexCli)
    }

    /// `~/.codex`, with `hooks.json`.
    pub fn codex_dir(&self) -> PathBuf {
        self.home().join(".codex")
    }

    /// `~/.codex/config.toml`.
    pub fn codex_config(&self) -> PathBuf {
        self.codex_dir().join("config.toml")
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
}

/// Codex, about to be started.
pub type Codex<'w> = Launch<'w, CodexCli>;

/// What only Codex has.
#[derive(Debug)]
pub struct CodexCli;

impl<'w> Codex<'w> {
    /// Runs hooks that nobody has reviewed, for this one start.
    #[must_use]
    pub fn unreviewed_hooks(self) -> Self {
        self.arg("--dangerously-bypass-hook-trust")
    }

    /// `codex exec`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn exec(self, prompt: &str) -> Result<Finished, DriverError> {
        self.headless(&["exec"], prompt)
    }

    /// `codex exec resume`: one more prompt in the stored thread `thread`.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn resume(self, thread: &str, prompt: &str) -> Result<Finished, DriverError> {
        self.headless(&["exec", "resume", thread], prompt)
    }

    /// `codex exec fork`: one prompt in a copy of the stored thread `thread`.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn fork(self, thread: &str, prompt: &str) -> Result<Finished, DriverError> {
        self.headless(&["exec", "fork", thread], prompt)
    }

    fn headless(self, verb: &[&str], prompt: &str) -> Result<Finished, DriverError> {
        let mut command = self.program(&CLI);
        command.args(verb).arg("--skip-git-repo-check").args(&self.arguments).arg(prompt);
        self.finish(&mut command)
    }

    /// The terminal interface, up to where it waits for a prompt, or for the review of new hooks: then call
    /// [`Tui::trust_hooks`] or [`Tui::refuse_hooks`].
    ///
    /// # Errors
    /// If it cannot be started or asks something else first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let tui = self.terminal(&CLI, name)?;
        // The status line names the model once the thread is there; before that, nothing typed is safe.
        tui.wait_for_any(&[REVIEW, &format!("{MODEL} default")])?;
        Ok(tui)
    }
}

impl Tui<'_> {
    /// Whether Codex asks about new or changed hooks.
    pub fn asks_about_hooks(&self) -> bool {
        self.shows(REVIEW)
    }

    /// Answers Codex's question about hooks with "Trust all and continue".
    ///
    /// # Errors
    /// If the question is not there or does not go away.
    pub fn trust_hooks(&self) -> Result<(), DriverError> {
        self.answer_review("2")
    }

    /// Answers Codex's question about hooks with "Continue without trusting".
    ///
    /// # Errors
    /// If the question is not there or does not go away.
    pub fn refuse_hooks(&self) -> Result<(), DriverError> {
        self.answer_review("3")
    }

    /// A key that comes just when the question appears may get lost, and Enter would then take the first choice: so
    /// Enter is pressed only with the wanted choice marked.
    fn answer_review(&self, choice: &str) -> Result<(), DriverError> {
        self.wait_for(REVIEW)?;
        let marked = format!("› {choice}.");
        let ready = format!("{MODEL} default");
        for _ in 0..20 {
            let key = if self.shows(&marked) { "Enter" } else { choice };
            if !self.asks_about_hooks() {
                break;
            }
            self.press(key)?;
            std::thread::sleep(Duration::from_millis(300));
        }
        self.wait_for(&ready)
    }
}
