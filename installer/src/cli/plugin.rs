//! `plugin`: the bridge for the plugin managers of agent CLIs, as the other way than `init`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::host::{Host as _, RealHost};
use session_bridge_core::plugin::Programs;
use session_bridge_core::shell;

use super::Status;
use super::context::Context;
use crate::exit;
use crate::install::links::{self, LinkState};
use crate::plugin::{self, File};
use crate::report::Failure;
use crate::term::{put, style};

/// Let an agent CLI's own plugin manager install the bridge.
///
/// One of the two ways is enough: a plugin starts the same hooks and server that `init` configures. Only the CLI
/// takes a plugin out again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    EmitManifest(EmitArgs),
    Link(LinkArgs),
}

/// Write the marketplace folder that Claude Code and Codex install the plugin from.
///
/// It names `~/.session-bridge`; if `SESSION_BRIDGE_HOME` is elsewhere, it names that folder and is for this machine
/// alone.
#[derive(Debug, clap::Args)]
struct EmitArgs {
    /// Where to; `plugin/` in the bridge's home if this is not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Make the paths that the plugin names lead to this program.
///
/// `init` makes them too.
#[derive(Debug, clap::Args)]
struct LinkArgs {}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    match &args.command {
        Command::EmitManifest(args) => emit(args, context),
        Command::Link(_) => link(context),
    }
}

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    Created,
    Changed,
    Unchanged,
}

fn emit(args: &EmitArgs, context: &Context) -> Status {
    let dir = if let Some(dir) = &args.dir {
        std::path::absolute(dir).map_err(|error| Failure::file("find", dir, &error))?
    } else {
        fsx::private_dir(context.home.root())?;
        context.home.root().join("plugin")
    };
    refuse_foreign(&dir)?;
    let mut written = Vec::new();
    for file in plugin::files(&programs(&context.home)?) {
        let state = write(&dir, &file)?;
        written.push((dir.join(&file.path), state));
    }
    let mut steps = Vec::new();
    if links::wanted(&context.home)?.iter().any(|link| link.state == LinkState::Missing) {
        steps.push("session-bridge plugin link".to_owned());
    }
    let word = shell::word(&dir.to_string_lossy());
    for (_, host) in plugin::hosts() {
        steps.extend(host.install.iter().map(|step| step.replace("{}", &word)));
    }
    show(context, &dir, &written, &steps)
}

/// What is in `~/.session-bridge` is named so that the folder can be given to others.
fn programs(home: &Home) -> Result<Programs, Failure> {
    let usual = RealHost.home().map(|folder| folder.join(".session-bridge"));
    if usual.as_deref() == Some(home.root()) {
        return Ok(Programs::of_anybody());
    }
    if home.root().to_str().is_none() {
        return Err(Failure::usage(
            "home_not_text",
            format!("{} is not UTF-8", home.root().display()),
            "set SESSION_BRIDGE_HOME to a path that is",
        ));
    }
    Ok(Programs::at(home.root().to_owned()))
}

/// Only a folder that is new, empty or ours is written into.
fn refuse_foreign(dir: &Path) -> Result<(), Failure> {
    let marketplace = fsx::read(&dir.join(plugin::MARKETPLACE))?;
    if marketplace.is_some_and(|bytes| plugin::is_ours(&bytes)) || fsx::names(dir)?.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        "folder_in_use",
        exit::CLASH,
        format!("{} holds something else", dir.display()),
        "name a new folder with --dir; this one was left as it is",
    ))
}

fn write(dir: &Path, file: &File) -> Result<Written, Failure> {
    let path = dir.join(&file.path);
    let before = fsx::read(&path)?;
    if before.as_deref() == Some(file.text.as_bytes()) {
        return Ok(Written::Unchanged);
    }
    let folder = path.parent().unwrap_or(dir);
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    let temp = fsx::beside(&path);
    fsx::write_new(&temp, file.text.as_bytes(), 0o644, None)?;
    fsx::rename(&temp, &path)?;
    Ok(if before.is_some() { Written::Changed } else { Written::Created })
}

fn show(context: &Context, dir: &Path, written: &[(PathBuf, Written)], steps: &[String]) -> Status {
    if context.ui.json {
        let files: Vec<_> =
            written.iter().map(|(path, state)| json!({ "path": path, "state": state })).collect();
        context.ui.document(&json!({ "dir": dir, "files": files, "steps": steps }))?;
        return Ok(exit::OK);
    }
    let (good, strong) = (style::GOOD, style::STRONG);
    let count = written.iter().filter(|(_, state)| *state != Written::Unchanged).count();
    let mut text = match count {
        0 => format!("{} is up to date\n", dir.display()),
        count => format!("{good}✓{good:#} wrote {count} files in {}\n", dir.display()),
    };
    put!(text, "\n{strong}To install it, where you want it:{strong:#}\n");
    for step in steps {
        put!(text, "  {step}\n");
    }
    context.ui.say(&text)?;
    Ok(exit::OK)
}

fn link(context: &Context) -> Status {
    let made = links::make(&context.home)?;
    if context.ui.json {
        context.ui.document(&json!({ "links": made }))?;
        return Ok(exit::OK);
    }
    let good = style::GOOD;
    let mut text = String::new();
    for link in &made {
        put!(text, "{good}✓{good:#} {} → {}\n", link.path.display(), link.target.display());
    }
    if made.is_empty() {
        text.push_str("nothing to do: they lead here already\n");
    }
    context.ui.say(&text)?;
    Ok(exit::OK)
}
