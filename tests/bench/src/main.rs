//! How fast the shipped programs are: `cargo run --release -p session-bridge-bench [messages] [part…]`. Without parts,
//! the first three; the rows that it prints are those of `docs/benchmarks.md`, and `--write` puts them there:
//!
//! ```text
//! cargo run --release -p session-bridge-bench [1000000] [processes] [sends] [idle]
//! cargo run --release -p session-bridge-bench matrix [--rounds 300] [--write]
//! cargo run --release -p session-bridge-bench hot [--rounds 400] [--write]
//! ```
//!
//! Every figure is taken in rounds that run all cases in turn, so that the ratio to the empty process holds when the
//! machine's speed drifts. Medians and the 99th percentile are printed; absolute times are those of this machine.

#![expect(clippy::print_stdout, reason = "figures are the output")]

mod cases;
mod gc;
mod hot;
mod matrix;
mod measure;
mod page;
mod plot;
mod sends;
mod server;
mod soak;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use cases::World;
use measure::{Case, rounds};
use soak::host::Host;

/// What can be asked for alone.
const PARTS: [&str; 4] = ["processes", "sends", "idle", "gc"];
/// Tables that are made only when they are asked for, each with the rounds that it takes by itself.
const TABLES: [(&str, usize); 2] = [("matrix", 300), ("hot", 400)];
/// Rounds per case.
const ROUNDS: usize = 400;

/// The programs that are measured.
pub(crate) struct Programs {
    pub(crate) noop: PathBuf,
    pub(crate) hook: PathBuf,
    pub(crate) main: PathBuf,
}

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [Host::WORD] => soak::host::host()?,
        ["plots"] => plot::plots()?,
        ["pipeline", options @ ..] => return soak::pipeline::pipeline(options),
        ["soak", options @ ..] => return soak::soak(options),
        [name, ..] if let Some((name, rounds)) = TABLES.into_iter().find(|(table, _)| table == name) => {
            table(name, rounds, &words[1..])?;
        }
        _ => figures(&words)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The sections of the first tables.
fn figures(words: &[String]) -> Result<()> {
    let (numbers, parts): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.parse::<usize>().is_ok());
    let messages = numbers.first().map_or(Ok(100_000), |word| word.parse())?;
    if let Some(odd) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("`{odd}` is none of {PARTS:?}");
    }
    let wanted = |part| parts.is_empty() || parts.iter().any(|word| *word == part);
    let programs = build()?;
    if wanted("processes") {
        processes(&programs, messages)?;
    }
    if wanted("sends") {
        sends::print(&[
            sends::processes(&programs, 8, 400)?,
            sends::servers(&programs, 16, 1, 500)?,
            sends::servers(&programs, 16, 16, 2_000)?,
        ]);
        println!();
    }
    if parts.iter().any(|word| *word == "gc") {
        gc::print(&gc::clear(&programs, messages)?);
        println!();
    }
    if wanted("idle") {
        let idle = server::idle(&programs, World::new(&programs, 1_000)?.home())?;
        println!("| an idle MCP server | |\n|---|---|");
        println!("| resident memory | {:.1} MiB |", idle.mib);
        println!("| wake-ups in 3 s | {} |", idle.switches);
    }
    Ok(())
}

/// One table, printed and, if that is wanted, put in its place in the page.
fn table(name: &str, mut rounds: usize, options: &[String]) -> Result<()> {
    let (mut write, mut most) = (false, usize::MAX);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--write" => write = true,
            "--rounds" => rounds = options.next().context("how many rounds?")?.parse()?,
            "--most" => most = options.next().context("at most how many messages?")?.parse()?,
            odd => bail!("no option is called {odd}"),
        }
    }
    let programs = build()?;
    let text =
        if name == "matrix" { matrix::run(&programs, rounds, most)? } else { hot::run(&programs, rounds)? };
    println!("{text}");
    if write { page::put(name, &text) } else { Ok(()) }
}

/// Whole processes, from start to end.
fn processes(programs: &Programs, messages: usize) -> Result<()> {
    let small = World::new(programs, 1_000)?;
    let large = World::new(programs, messages)?;
    let shell = World::new(programs, 1_000)?;
    let hook = programs.hook.display();
    // As Codex runs an entry: its line in a shell, which gives its own process to the one command.
    let codex = format!("{hook} codex UserPromptSubmit");
    // As Gemini CLI does: its entry has a guard, which leaves the host as the program's parent.
    let gemini = format!(
        "[ -x {hook} ] || exit 0; shopt -s execfail; exec {hook} gemini-cli BeforeAgent 2>/dev/null; exit 0"
    );
    let mut all = [
        Case::new("an empty static process", || programs.noop()),
        Case::new("hook, nothing waits, 1,000 stored messages", || small.prompt()),
        Case::new(format!("hook, nothing waits, {messages} stored messages"), || large.prompt()),
        Case::new("the entry as Claude Code runs it (the program alone)", || small.prompt()),
        Case::new("the entry as Codex runs it (`bash -c`)", || shell.line(&codex, "prompt.json")),
        Case::new("the entry as Gemini CLI runs it (`bash -c`, guarded)", || {
            shell.line(&gemini, "before-agent.json")
        }),
        Case::new("hook that delivers one message", || small.deliver()),
        Case::new("`send-message`, durable", || small.send()),
        Case::new("`mcp`: start to `initialize` answered", || server::initialize(programs, small.home())),
    ];
    rounds(&mut all, ROUNDS)?;
    println!("{}", measure::table(&all));
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
