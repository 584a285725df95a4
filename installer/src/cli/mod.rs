//! One file per command. A command reads its arguments, asks the store or the installation, and shows the result;
//! [`run`] alone turns failures into text and an exit status.

mod ask;
mod broadcast;
mod cancel;
mod changes;
mod codes;
mod completions;
mod context;
mod decline;
mod demo;
mod doctor;
mod duration;
mod follow;
mod gc;
mod inbox;
mod init;
mod inspect;
mod list_providers;
mod list_sessions;
mod mcp;
mod pause;
mod plugin;
mod read;
mod receipts;
mod reply;
mod rules;
mod send_message;
mod show;
mod tail_inbox;
mod uninstall;
mod version;
mod watch;
mod whoami;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use codes::{CODES, Code, TOOL_CODES};

use clap::{CommandFactory as _, Parser, Subcommand};
use session_bridge_core::frame::printable;

use crate::door;
use crate::exit;
use crate::report::{self, Failure};
use crate::term::Ui;
use context::Context;

/// The name under which the program is the hook.
const HOOK_NAME: &str = "session-bridge-hook";
/// The command that is the hook, too.
const HOOK_WORD: &str = "hook";

/// Running sessions of agent CLIs message one another.
///
/// `session-bridge init` puts the bridge into the agent CLIs of this machine, `doctor` checks that it works, and
/// `uninstall` takes it out again. The other commands are for people and scripts that want to take part.
#[derive(Debug, Parser)]
#[command(name = "session-bridge", version, propagate_version = false, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    /// Print one JSON document instead of text for people.
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Uninstall(uninstall::Args),
    Doctor(doctor::Args),
    ListProviders(list_providers::Args),
    SendMessage(send_message::Args),
    Broadcast(broadcast::Args),
    Ask(ask::Args),
    Reply(reply::Args),
    Inbox(inbox::Args),
    Read(read::Args),
    TailInbox(tail_inbox::Args),
    ListSessions(list_sessions::Args),
    Receipts(receipts::Args),
    Cancel(cancel::Args),
    Decline(decline::Args),
    Off(pause::OffArgs),
    On(pause::OnArgs),
    Mute(rules::MuteArgs),
    Unmute(rules::UnmuteArgs),
    Block(rules::BlockArgs),
    Unblock(rules::UnblockArgs),
    Inspect(inspect::Args),
    Whoami(whoami::Args),
    Watch(watch::Args),
    Gc(gc::Args),
    Plugin(plugin::Args),
    Demo(demo::Args),
    Mcp(mcp::Args),
    Completions(completions::Args),
    Version(version::Args),
}

/// How a command that did its work ends: [`exit::OK`], or what it found.
type Status = Result<u8, Failure>;

/// The command's definition, for generated pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with its whole command line.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Before anything that a hook does not need. The word is not in the help: hosts alone use it.
    let name = arguments.first().and_then(|first| Path::new(first).file_name());
    if name.is_some_and(|name| name == HOOK_NAME) {
        return session_bridge_hook::run(arguments.into_iter());
    }
    if arguments.get(1).is_some_and(|word| word == HOOK_WORD) {
        let mut words = arguments.into_iter();
        let program = words.next();
        return session_bridge_hook::run(program.into_iter().chain(words.skip(1)));
    }
    // Nor is this one: senders start it beside themselves.
    if arguments.get(1).is_some_and(|word| word == door::WORD) {
        return door::run(&arguments);
    }
    report::install_panic_hook();
    let json = arguments.iter().any(|argument| argument == "--json");
    let plain = arguments.iter().all(|argument| {
        let text = argument.to_string_lossy();
        printable(&text) == text
    });
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, json, plain),
    };
    let ui = Ui::new(cli.json);
    let done = match &cli.command {
        // The server finds its home by the path that it was started by.
        Command::Mcp(args) => mcp::run(args),
        Command::Demo(args) => demo::run(args, ui),
        _ => Context::new(ui).and_then(|context| dispatch(cli.command, &context)),
    };
    ExitCode::from(done.unwrap_or_else(|failure| tell(ui, &failure)))
}

fn dispatch(command: Command, context: &Context) -> Status {
    match command {
        Command::Init(args) => init::run(&args, context),
        Command::Uninstall(args) => uninstall::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::ListProviders(args) => list_providers::run(&args, context),
        Command::SendMessage(args) => send_message::run(&args, context),
        Command::Broadcast(args) => broadcast::run(&args, context),
        Command::Ask(args) => ask::run(&args, context),
        Command::Reply(args) => reply::run(&args, context),
        Command::Inbox(args) => inbox::run(&args, context),
        Command::Read(args) => read::run(&args, context),
        Command::TailInbox(args) => tail_inbox::run(&args, context),
        Command::ListSessions(args) => list_sessions::run(&args, context),
        Command::Receipts(args) => receipts::run(&args, context),
        Command::Cancel(args) => cancel::run(&args, context),
        Command::Decline(args) => decline::run(&args, context),
        Command::Off(args) => pause::off(&args, context),
        Command::On(args) => pause::on(&args, context),
        Command::Mute(args) => rules::mute(&args, context),
        Command::Unmute(args) => rules::unmute(&args, context),
        Command::Block(args) => rules::block(&args, context),
        Command::Unblock(args) => rules::unblock(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Whoami(args) => whoami::run(&args, context),
        Command::Watch(args) => watch::run(&args, context),
        Command::Gc(args) => gc::run(&args, context),
        Command::Mcp(args) => mcp::run(&args),
        Command::Plugin(args) => plugin::run(&args, context),
        Command::Demo(args) => demo::run(&args, context.ui),
        Command::Completions(args) => completions::run(&args, context),
        Command::Version(args) => version::run(&args, context),
    }
}

/// Shows a failure: with `--json` as the one document on standard output, else as text on standard error.
fn tell(ui: Ui, failure: &Failure) -> u8 {
    if failure.silent {
        return failure.exit;
    }
    let told = if ui.json { ui.document(&failure.document()) } else { ui.note(&failure.text()) };
    // Nobody is left to be told that telling failed.
    drop(told);
    failure.exit
}

/// What clap says: help and version are results, the rest is wrong usage. `plain`: the command line holds nothing that a
/// terminal would obey.
fn refuse(error: &clap::Error, json: bool, plain: bool) -> ExitCode {
    if !error.use_stderr() {
        let shown = error.print();
        return ExitCode::from(shown.map_or_else(|error| Failure::from(error).exit, |()| exit::OK));
    }
    if json {
        let text = error.render().to_string();
        let mut parts = text.trim_start_matches("error: ").splitn(2, "\n\n");
        let message = parts.next().unwrap_or_default().trim().to_owned();
        let failure = Failure::usage("usage", message, "run the command with --help");
        return ExitCode::from(tell(Ui::new(true), &failure));
    }
    // The only colours are ours: where what is repeated might bring its own, there are none.
    let text = error.render();
    let text = if plain { text.ansi().to_string() } else { printable(&text.to_string()) };
    let text = text.replacen("error:", "error[usage]:", 1);
    // Nobody is left to be told that telling failed.
    drop(Ui::new(false).note(&text));
    ExitCode::from(exit::USAGE)
}
