//! How each CLI is started, headless and in a terminal.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::world::CODEX_MODEL;
use crate::{DriverError, Finished, Tui, World};

/// What Claude Code and Codex have at the bottom of their screens when they wait for a prompt.
const READY: &str = "for shortcuts";

/// Claude Code, about to be started.
pub struct Claude<'w> {
    world: &'w World,
    folder: PathBuf,
    arguments: Vec<OsString>,
    ready: &'static str,
}

impl<'w> Claude<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, folder: world.project(), arguments: Vec::new(), ready: READY }
    }

    /// Starts it in `folder` instead of the world's project.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// What its terminal shows when it waits for a prompt, where that is not the usual line.
    #[must_use]
    pub fn ready(mut self, text: &'static str) -> Self {
        self.ready = text;
        self
    }

    /// Adds a command line argument, such as `--resume`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// `claude -p`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        let mut command = self.world.command(self.world.clis().bin().join("claude"));
        command.arg("-p").arg(prompt).args(&self.arguments).current_dir(&self.folder);
        self.world.run(&mut command, b"")
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let mut line = vec![self.world.clis().bin().join("claude").into_os_string()];
        line.extend(self.arguments);
        let tui = Tui::start(self.world, name, &self.folder, &line)?;
        tui.wait_for(self.ready)?;
        Ok(tui)
    }
}

/// Codex, about to be started.
pub struct Codex<'w> {
    world: &'w World,
    folder: PathBuf,
    arguments: Vec<OsString>,
}

impl<'w> Codex<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, folder: world.project(), arguments: Vec::new() }
    }

    /// Starts it in `folder` instead of the world's project.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

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
        let mut command = self.world.command(self.world.clis().bin().join("codex"));
        command.args(verb).arg("--skip-git-repo-check").args(&self.arguments).arg(prompt);
        command.current_dir(&self.folder);
        self.world.run(&mut command, b"")
    }

    /// The terminal interface, up to where it waits for a prompt, or for the review of new hooks: then call
    /// [`Tui::trust_hooks`] or [`Tui::refuse_hooks`].
    ///
    /// # Errors
    /// If it cannot be started or asks something else first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let mut line = vec![self.world.clis().bin().join("codex").into_os_string()];
        line.extend(self.arguments);
        let tui = Tui::start(self.world, name, &self.folder, &line)?;
        // The status line names the model once the thread is there; before that, nothing typed is safe.
        tui.wait_for_any(&[REVIEW, &format!("{CODEX_MODEL} default")])?;
        Ok(tui)
    }
}

/// Gemini CLI, about to be started.
pub struct Gemini<'w> {
    world: &'w World,
    folder: PathBuf,
    arguments: Vec<OsString>,
}

impl<'w> Gemini<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self { world, folder: world.project(), arguments: Vec::new() }
    }

    /// Starts it in `folder` instead of the world's project.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Lets it run every tool unasked, shell commands included.
    #[must_use]
    pub fn unasked(self) -> Self {
        self.arg("--approval-mode").arg("yolo")
    }

    /// `gemini -p`: one prompt, to the end of its turn.
    ///
    /// # Errors
    /// If it cannot be started or hangs.
    pub fn print(self, prompt: &str) -> Result<Finished, DriverError> {
        let mut command = self.world.command(self.world.clis().bin().join("gemini"));
        command.args(&self.arguments).arg("-p").arg(prompt).current_dir(&self.folder);
        self.world.run(&mut command, b"")
    }

    /// The terminal interface, up to where it waits for a prompt. `name` is for reports and unique in its world.
    ///
    /// # Errors
    /// If it cannot be started or asks something first.
    pub fn tui(self, name: &str) -> Result<Tui<'w>, DriverError> {
        let mut line = vec![self.world.clis().bin().join("gemini").into_os_string()];
        line.extend(self.arguments);
        let tui = Tui::start(self.world, name, &self.folder, &line)?.empty_box(GEMINI_READY);
        tui.wait_for(GEMINI_READY)?;
        Ok(tui)
    }
}

/// What Gemini CLI's empty input box says.
const GEMINI_READY: &str = "Type your message";

/// The heading of Codex's question about new or changed hooks.
const REVIEW: &str = "Hooks need review";

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
        let ready = format!("{CODEX_MODEL} default");
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
