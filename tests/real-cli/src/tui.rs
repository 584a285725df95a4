//! A CLI's terminal interface inside tmux.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{DriverError, World, wait_until};

/// How long a screen may take to show something.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long an input box may take to show what was typed or sent, before it is typed or sent again.
const AGAIN: Duration = Duration::from_secs(2);

/// One terminal session. It ends with its world, or earlier by [`Tui::close`].
pub struct Tui<'w> {
    world: &'w World,
    name: String,
    /// What an empty input box says, where Enter may be taken for a part of the text.
    empty_box: Option<&'static str>,
    /// What stands before an answer of the model.
    bullets: &'static [&'static str],
}

impl<'w> Tui<'w> {
    /// Starts `command` in a terminal of its own, 150 columns by 50 rows.
    pub(crate) fn start(
        world: &'w World,
        name: &str,
        folder: &Path,
        command: &[impl AsRef<OsStr>],
    ) -> Result<Self, DriverError> {
        let mut tmux = tmux(world);
        tmux.args(["new-session", "-d", "-x", "150", "-y", "50", "-s", name, "-c"]).arg(folder);
        // `env -i` because tmux adds variables of its own, which would tell a CLI that it runs in tmux.
        tmux.args(["env", "-i"]);
        for (key, value) in world.environment() {
            let mut pair = key;
            pair.push("=");
            pair.push(value);
            tmux.arg(pair);
        }
        tmux.args(command);
        succeed(tmux)?;
        Ok(Self { world, name: name.to_owned(), empty_box: None, bullets: &["● ", "• ", "✦ ", "* "] })
    }

    /// The same terminal; a prompt counts as sent only once its input box says `text` again.
    pub(crate) fn empty_box(mut self, text: &'static str) -> Self {
        self.empty_box = Some(text);
        self
    }

    /// The same terminal, where `bullet` stands before an answer, and before nothing that was typed.
    pub(crate) fn bullet(mut self, bullet: &'static [&'static str]) -> Self {
        self.bullets = bullet;
        self
    }

    /// What the terminal shows, without colours and empty lines.
    pub fn screen(&self) -> String {
        capture(self.world, &self.name)
    }

    /// Whether the terminal shows `text`.
    pub fn shows(&self, text: &str) -> bool {
        self.screen().contains(text)
    }

    /// Waits until the terminal shows `text`. What was typed is on the screen too: look for an answer with the bullet
    /// of its CLI in front, see [`Tui::wait_for_answer`].
    ///
    /// # Errors
    /// [`DriverError::Timeout`] with the screen.
    pub fn wait_for(&self, text: &str) -> Result<(), DriverError> {
        self.wait_for_any(&[text]).map(drop)
    }

    /// Waits until the terminal shows one of `texts`, and says which.
    ///
    /// # Errors
    /// [`DriverError::Timeout`] with the screen.
    pub fn wait_for_any(&self, texts: &[&str]) -> Result<usize, DriverError> {
        let look = || {
            let screen = self.screen();
            texts.iter().position(|text| screen.contains(text))
        };
        wait_until(&format!("{texts:?} on the screen of {}", self.name), PATIENCE, look).map_err(|error| {
            match error {
                DriverError::Timeout { what, limit, .. } => {
                    DriverError::Timeout { what, limit, state: self.screen() }
                }
                other => other,
            }
        })
    }

    /// Waits until the model's answer `text` stands on the screen: behind its CLI's bullet.
    ///
    /// # Errors
    /// [`DriverError::Timeout`] with the screen.
    pub fn wait_for_answer(&self, text: &str) -> Result<(), DriverError> {
        let answers: Vec<_> = self.bullets.iter().map(|bullet| format!("{bullet}{text}")).collect();
        let answers: Vec<_> = answers.iter().map(String::as_str).collect();
        self.wait_for_any(&answers).map(drop)
    }

    /// Types `text` as a person would, and sends it with Enter once it stands on the screen.
    ///
    /// # Errors
    /// If tmux fails or the text does not appear.
    pub fn prompt(&self, text: &str) -> Result<(), DriverError> {
        self.type_text(text)?;
        if let Some(empty) = self.empty_box {
            wait_until("the text in the input box", PATIENCE, || {
                let typed = wait_until("text", AGAIN, || (!self.shows(empty)).then_some(())).is_ok();
                // What comes while a command still clears the screen is lost with it.
                (typed || self.type_text(text).is_err()).then_some(())
            })?;
        }
        // The end of a long line may be wrapped; its last word is not.
        if let Some(word) = text.split_whitespace().last() {
            self.wait_for(word)?;
        }
        // The CLIs take an Enter that comes with the text for part of a paste.
        std::thread::sleep(Duration::from_millis(300));
        self.press("Enter")?;
        let Some(empty) = self.empty_box else { return Ok(()) };
        wait_until("the prompt to be sent", PATIENCE, || {
            let sent = || self.shows(empty) || !self.is_open();
            let found = wait_until("an empty input box", AGAIN, || sent().then_some(())).is_ok();
            // A prompt of nothing but white space is none: an Enter too many does nothing.
            (found || self.press("Enter").is_err()).then_some(())
        })
    }

    /// Types `text` and nothing after it.
    ///
    /// # Errors
    /// If tmux fails.
    pub fn type_text(&self, text: &str) -> Result<(), DriverError> {
        let mut command = tmux(self.world);
        command.args(["send-keys", "-t", &self.name, "-l", text]);
        succeed(command)
    }

    /// Presses a key by its tmux name: `Enter`, `Escape`, `C-c`, `Down`, ...
    ///
    /// # Errors
    /// If tmux fails.
    pub fn press(&self, key: &str) -> Result<(), DriverError> {
        let mut command = tmux(self.world);
        command.args(["send-keys", "-t", &self.name, key]);
        succeed(command)
    }

    /// Whether the program in the terminal still runs.
    pub fn is_open(&self) -> bool {
        let mut command = tmux(self.world);
        command.args(["has-session", "-t", &self.name]);
        succeed(command).is_ok()
    }

    /// Waits until the program in the terminal has ended by itself, for example after `/exit`.
    ///
    /// # Errors
    /// [`DriverError::Timeout`] with the screen.
    pub fn wait_closed(&self) -> Result<(), DriverError> {
        wait_until(&format!("the end of {}", self.name), PATIENCE, || (!self.is_open()).then_some(()))
    }

    /// Ends the terminal at once, as closing its window would.
    ///
    /// # Errors
    /// If tmux fails.
    pub fn close(self) -> Result<(), DriverError> {
        let mut command = tmux(self.world);
        command.args(["kill-session", "-t", &self.name]);
        succeed(command)
    }
}

/// The screens of all terminals of a world, with their names.
pub(crate) fn screens(world: &World) -> Vec<(String, String)> {
    let mut command = tmux(world);
    let Ok(output) = command.args(["list-sessions", "-F", "#{session_name}"]).output() else {
        return Vec::new();
    };
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    names.lines().map(|name| (name.to_owned(), capture(world, name))).collect()
}

fn capture(world: &World, name: &str) -> String {
    let mut command = tmux(world);
    let output = command.args(["capture-pane", "-p", "-t", name]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // Most of a screen is empty; reports are read by people.
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

/// tmux with this world's own server and no configuration of the user's.
fn tmux(world: &World) -> Command {
    let mut command = world.command("tmux");
    command.arg("-S").arg(world.tmux_socket()).args(["-f", "/dev/null"]);
    command
}

fn succeed(mut command: Command) -> Result<(), DriverError> {
    let output = command.output().map_err(DriverError::program("tmux"))?;
    if output.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(DriverError::Failed { program: "tmux".into(), status: output.status.to_string(), detail })
}
