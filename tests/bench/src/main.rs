//! How fast the shipped programs are, as whole processes: `cargo run --release -p session-bridge-bench [messages]`.
//!
//! Every figure is taken in rounds that run all cases in turn, so that the ratio to the empty process holds when the
//! machine's speed drifts. Medians and the 99th percentile are printed; absolute times are those of this machine.

#![expect(clippy::print_stdout, reason = "figures are the output")]

mod cases;
mod measure;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use cases::World;
use measure::{Case, rounds};

/// Rounds per case.
const ROUNDS: usize = 400;

/// The programs that are measured.
pub(crate) struct Programs {
    pub(crate) noop: PathBuf,
    pub(crate) hook: PathBuf,
    pub(crate) main: PathBuf,
}

fn main() -> Result<()> {
    let messages = match std::env::args().nth(1) {
        Some(word) => word.parse().context("the argument is the number of stored messages")?,
        None => 100_000,
    };
    let programs = build()?;
    let small = World::new(&programs, 1_000)?;
    let large = World::new(&programs, messages)?;
    let guarded = format!("[ -x {0} ] || exit 0; {0} claude-code UserPromptSubmit", programs.hook.display());
    let shell = World::new(&programs, 1_000)?;
    let mut all = [
        Case::new("an empty static process", || programs.noop()),
        Case::new("hook, nothing waits, 1,000 stored messages", || small.prompt()),
        Case::new(format!("hook, nothing waits, {messages} stored messages"), || large.prompt()),
        Case::new("the same through `sh -c` with a guard", || shell.prompt_through(&guarded)),
        Case::new("hook that delivers one message", || small.deliver()),
        Case::new("`send-message`, durable", || small.send()),
        Case::new("`mcp`: start to `initialize` answered", || server::initialize(&programs, small.home())),
    ];
    rounds(&mut all, ROUNDS)?;
    measure::print(&all);
    let rate = cases::parallel_sends(&programs, 8, 400)?;
    println!("\n8 processes, one message each time: {rate:.0} durable messages per second");
    let idle = server::idle(&programs, small.home())?;
    println!(
        "idle MCP server: {:.1} MiB resident, {} voluntary context switches in 3 s",
        idle.mib, idle.switches
    );
    Ok(())
}

/// Builds what is measured with the shipped profile, and finds it beside this program.
fn build() -> Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages = ["--package", "session-bridge", "--package", "session-bridge-bench"];
    let built =
        Command::new(cargo).args(["build", "--release", "--quiet", "--bins"]).args(packages).status()?;
    if !built.success() {
        bail!("the programs cannot be built");
    }
    let me = std::env::current_exe()?;
    let folder = me.parent().unwrap_or(Path::new("."));
    let program = |name: &str| folder.join(name);
    Ok(Programs {
        noop: program("bench-noop"),
        hook: program("session-bridge-hook"),
        main: program("session-bridge"),
    })
}
