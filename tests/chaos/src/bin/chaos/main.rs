//! Runs a harness at any size, and goes on where it was interrupted:
//!
//! ```text
//! cargo run --release -p session-bridge-chaos -- identity [--messages 100000] [--per-round 5000] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- crashes [--kills 10000] [--per-round 250] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- faults [--faults 1000] [--rows 40] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- remount
//! cargo run -p session-bridge-chaos -- loops [--companies 300] [--seed 1] [--minutes M] [--results FILE]
//! cargo run -p session-bridge-chaos -- install [--configs 10000] [--seed 1] [--minutes M] [--results FILE]
//! ```
//!
//! Each round is a row of the results, `docs/results/crashes.json`, `faults.json`, `identity.json` or `install.json`. The status is 0 if nothing was found that must
//! not be. A seed decides what is sent, when somebody is to be killed and which configuration is written; where in a program a
//! kill falls is also a matter of the machine.

#![expect(clippy::print_stdout, reason = "the summary is the output")]

mod full;
mod options;

use std::process::ExitCode;

use anyhow::{Result, bail};
use session_bridge_chaos::crashes::{play, remount, remount_apart};
use session_bridge_chaos::identity;
use session_bridge_chaos::launch::{Host, host};
use session_bridge_chaos::programs::{self, Programs};

use self::options::Options;

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [Host::WORD] => host()?,
        ["round", plan, folder] => {
            println!("{}", serde_json::to_string(&play(&serde_json::from_str(plan)?, folder.as_ref())?)?);
        }
        ["remounted", main, hook, folder] => {
            let programs = Programs { main: main.into(), hook: hook.into() };
            println!("{}", serde_json::to_string(&remount(&programs, folder.as_ref())?)?);
        }
        ["remount"] => {
            let findings = remount_apart(&std::env::current_exe()?, &programs::build()?)?;
            for finding in &findings {
                println!("{finding}");
            }
            println!("a disk became read-only below open servers: {} findings", findings.len());
            return Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ["identity-round", plan, folder] => {
            let plan = serde_json::from_str(plan)?;
            println!("{}", serde_json::to_string(&identity::play(&plan, folder.as_ref())?)?);
        }
        ["crashes", options @ ..] => return full::crashes(&Options::read("crashes", options)?),
        ["faults", options @ ..] => return full::faults(&Options::read("faults", options)?),
        ["install", options @ ..] => return full::install(&Options::read("install", options)?),
        ["identity", options @ ..] => return full::identity(&Options::read("identity", options)?),
        ["loops", options @ ..] => return full::loops(&Options::read("loops", options)?),
        _ => bail!(
            "crashes, faults, remount, identity, loops or install; the head of tests/chaos/src/bin/chaos/main.rs has their options"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
