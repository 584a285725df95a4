//! How long an idle session of a real CLI takes to wake. Measures and asserts no time; run by hand:
//!
//! ```sh
//! cargo test --release -p session-bridge-real-cli --test wakes
//! ```

#![expect(clippy::print_stdout, reason = "figures are the output")]

#[path = "bridge/bridge.rs"]
#[allow(dead_code, reason = "the cases of the bridge use the rest")]
mod bridge;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bridge::{Bridge, PATIENCE};
use session_bridge_mock_model::Turn;
use session_bridge_real_cli::{CaseResult, Suite, Tui, World};

/// How often each CLI is woken.
const TRIALS: usize = 15;
/// From one wake to the next sending: longer than the pause that the bridge keeps between two nudges, so that it delays
/// none of them.
const APART: Duration = Duration::from_secs(10);

/// From the moment when `send-message` returned to the moment when the body stands in a request to the model.
fn wakes(
    world: &World,
    bridge: &Bridge<'_>,
    tui: &Tui<'_>,
    label: &str,
) -> Result<Vec<Duration>, Box<dyn std::error::Error>> {
    world.model().script([Turn::text("FIRST-ANSWER")]);
    tui.prompt("PROMPT-ONE")?;
    tui.wait_for_answer("FIRST-ANSWER")?;
    bridge.session(label)?;
    let mut took = Vec::with_capacity(TRIALS);
    for trial in 0..TRIALS {
        sleep(APART);
        let (body, answer) = (format!("BODY-{trial}-{label}"), format!("ANSWER-{trial}-{label}"));
        world.model().script([Turn::text(&answer)]);
        let id = bridge.send(label, &body)?;
        let sent = Instant::now();
        let came = world.model().wait_for(PATIENCE, |steps| steps.iter().any(|step| step.contains(&body)));
        took.push(sent.elapsed());
        assert!(came, "trial {trial} started no turn: {}", tui.screen());
        bridge.wait_for_state(&id, "seen")?;
    }
    took.sort();
    Ok(took)
}

fn idle_sessions(world: &World) -> CaseResult {
    let bridge = Bridge::installed(world)?;
    let claude = world.claude().tui("claude")?;
    let of_claude = wakes(world, &bridge, &claude, "claude-project")?;
    claude.close()?;
    let codex = world.codex().tui("codex")?;
    let of_codex = wakes(world, &bridge, &codex, "codex-project")?;
    codex.close()?;
    println!("\n| idle session, {TRIALS} wakes each | median | fastest | slowest |\n|---|---|---|---|");
    for (name, took) in [("Claude Code", of_claude), ("Codex CLI", of_codex)] {
        let [median, least, most] = [took.len() / 2, 0, took.len() - 1].map(|at| took[at].as_millis());
        println!("| {name} | {median} ms | {least} ms | {most} ms |");
    }
    Ok(())
}

fn main() -> ExitCode {
    Suite::new(env!("CARGO_TARGET_TMPDIR"))
        .package("session-bridge")
        .case("idle_sessions", idle_sessions)
        .run()
}
