//! `doctor --selftest`: ten seconds of trying to break the bridge, on the person's own disk and with the programs that are
//! installed. `tests/chaos` does the same at full size and with captured events; here sessions are made up.

mod bar;
mod claim;
mod crashes;
mod ground;
mod program;
mod random;
mod receipts;
mod session;
mod speed;
mod verdict;
mod world;

use std::time::{Duration, Instant};

use session_bridge_core::host::Host as _;

use crate::cli::Status;
use crate::cli::context::Context;
use crate::exit;
use crate::report::Failure;
use crate::term;
use bar::Bar;
use ground::Ground;
use verdict::Verdict;
use world::{Stop, World};

pub(super) use ground::clear_stale;

/// Of ten parts of the time, those of each part.
const SHARES: [u32; 3] = [4, 3, 3];

/// Options of the self-test.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Try for ten seconds to break the bridge on this disk: kill programs, compare receipts, measure. In a temporary
    /// home; nothing of yours is read or changed.
    #[arg(long, conflicts_with_all = ["fix", "provider"])]
    selftest: bool,
    /// How long the self-test takes.
    #[arg(long, value_name = "N", requires = "selftest", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// What decides what is random in the self-test, as an earlier one printed it. Where a kill falls is also a matter of
    /// the machine.
    #[arg(long, value_name = "N", requires = "selftest")]
    seed: Option<u64>,
}

impl Options {
    pub(super) fn is_wanted(&self) -> bool {
        self.selftest
    }
}

pub(super) fn run(args: &Options, context: &Context) -> Status {
    let stop = Stop::listen()?;
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()) ^ context.ui.now.unsigned_abs());
    // A number that is easily typed again.
    let seed = if args.seed.is_some() { seed } else { seed % 1_000_000 };
    let ground = Ground::make(&context.home)?;
    let whole = Duration::from_secs(args.seconds);
    let bar = Bar::begin(whole, context.ui.json);
    let part = |name: &'static str, share: u32| -> Result<World, Failure> {
        bar.part(name);
        let until = Instant::now() + whole * share / SHARES.iter().sum();
        World::new(&ground, name, &stop, until, seed)
    };
    let tell = |what: String| bar.say(what);

    let [for_crashes, for_receipts, for_speed] = SHARES;
    let world = part("crashes", for_crashes)?;
    let crashes = crashes::run(&world, tell)?;
    world.clear();
    let world = part("receipts", for_receipts)?;
    let receipts = receipts::run(&world, tell)?;
    world.clear();
    let world = part("speed", for_speed)?;
    let speed = speed::run(&world, tell)?;
    world.clear();
    drop(bar);
    if stop.is_asked() {
        context.ui.note("interrupted: the temporary home is removed, and nothing was changed\n")?;
        return Ok(exit::INTERRUPTED);
    }

    let mut verdict = Verdict { seed, seconds: args.seconds, kept: None, crashes, receipts, speed };
    if !verdict.is_well() {
        verdict.kept = Some(ground.keep());
    }
    if context.ui.json {
        context.ui.document(&verdict.document())?;
    } else {
        context.ui.say(&verdict.text(context.host.home().as_deref(), term::width()))?;
    }
    Ok(if verdict.is_well() { exit::OK } else { exit::NOT_WELL })
}
