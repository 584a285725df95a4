//! The bridge as a plugin: a folder that a person gives to a CLI's own plugin manager.
//!
//! The bridge writes that folder and nothing else: the CLI copies it, and only the CLI takes it out again. All CLIs read
//! the same skills; what starts our programs stands in files of each CLI's own, so that every entry says which CLI it
//! was made for.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::environment;
use crate::host::Host;
use crate::provider::{Card, Site};
use crate::shell;

/// The plugin's name, and that of the marketplace that holds it.
pub const NAME: &str = "session-bridge";
/// How a CLI's plugin manager names it: plugin and marketplace.
pub const ID: &str = "session-bridge@session-bridge";

/// How one CLI takes the bridge as a plugin.
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    /// What this CLI alone reads in the plugin's folder: its manifest without what is the same for all, its hooks, its
    /// server.
    pub files: fn(&Card, &Programs) -> Vec<PluginFile>,
    /// Whether the CLI's own configuration has the plugin switched on.
    pub is_on: fn(&dyn Host, &Site) -> bool,
    /// The commands that install it; `{}` stands for the marketplace's folder.
    pub install: &'static [&'static str],
    /// The commands that take it out.
    pub remove: &'static [&'static str],
    /// What a person types in front of a command of the skill `bridge`.
    pub call: &'static str,
}

/// One file of the plugin's folder.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginFile {
    /// Below the plugin's folder.
    pub path: &'static str,
    /// Its content.
    pub content: Value,
    /// It is the manifest: name, version and description are added to it.
    pub manifest: bool,
}

impl PluginFile {
    /// A file.
    pub const fn new(path: &'static str, content: Value) -> Self {
        Self { path, content, manifest: false }
    }

    /// The manifest, without what is the same for all.
    pub const fn manifest(path: &'static str, content: Value) -> Self {
        Self { path, content, manifest: true }
    }
}

/// Where a plugin finds our programs: in `bin/` of the bridge's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    home: Option<PathBuf>,
}

impl Programs {
    /// In `~/.session-bridge`, whosever home that is: such a plugin can be given to others.
    pub const fn of_anybody() -> Self {
        Self { home: None }
    }

    /// In a home that is elsewhere: such a plugin is for this machine alone.
    pub const fn at(home: PathBuf) -> Self {
        Self { home: Some(home) }
    }

    /// The home, if it is not the usual one.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// A program's path for a host that puts in `${HOME}` itself.
    pub fn path(&self, program: &str) -> String {
        match &self.home {
            None => format!("${{HOME}}/.session-bridge/bin/{program}"),
            Some(home) => home.join("bin").join(program).to_string_lossy().into_owned(),
        }
    }

    /// A shell's line that becomes the hook, with the host as its parent, and that ends in silence where there is none.
    pub fn hook_line(&self, card: &Card, event: &str) -> String {
        let word = self.word("session-bridge-hook");
        format!("[ -x {word} ] || exit 0; {}exec {word} {} {event}", self.assignment(), card.id)
    }

    /// A shell's line that becomes the server. Without a program it fails, and the host shows that.
    pub fn server_line(&self, card: &Card) -> String {
        format!("{}exec {} mcp --client {}", self.assignment(), self.word("session-bridge"), card.id)
    }

    fn word(&self, program: &str) -> String {
        match &self.home {
            None => format!("\"$HOME/.session-bridge/bin/{program}\""),
            Some(home) => shell::word(&home.join("bin").join(program).to_string_lossy()),
        }
    }

    fn assignment(&self) -> String {
        self.home.as_ref().map_or_else(String::new, |home| {
            format!("{}={} ", environment::HOME.name, shell::word(&home.to_string_lossy()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybodys_plugin_names_nobodys_home() {
        let programs = Programs::of_anybody();
        assert_eq!(programs.path("x"), "${HOME}/.session-bridge/bin/x");
        assert_eq!(programs.word("x"), "\"$HOME/.session-bridge/bin/x\"");
        assert_eq!(programs.assignment(), "");
    }

    #[test]
    fn another_home_is_quoted_and_handed_on() {
        let programs = Programs::at("/it's here".into());
        assert_eq!(programs.path("x"), "/it's here/bin/x");
        assert_eq!(programs.word("x"), r"'/it'\''s here/bin/x'");
        assert_eq!(programs.assignment(), r"SESSION_BRIDGE_HOME='/it'\''s here' ");
    }
}
