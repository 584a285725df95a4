//! One run of a program of ours, and when it is killed.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::random::Random;
use super::world::Stop;
use crate::bounded;

/// How long a program that nobody kills may take before that is a finding. Not a figure: a limit for hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a run looks whether the person has had enough.
const LOOK: Duration = Duration::from_millis(50);

/// When `kill -9` comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kill {
    Never,
    After(Duration),
    /// As soon as anything was written.
    AtOutput,
}

/// What came of a run.
pub(super) struct Ended {
    /// Everything that it wrote, read to the end.
    pub(super) output: Vec<u8>,
    /// It died of our signal.
    pub(super) killed: bool,
    /// It did not end in any reasonable time.
    pub(super) hung: bool,
    pub(super) status: ExitStatus,
    pub(super) took: Duration,
}

/// Carries one out.
pub(super) fn carry_out(
    mut command: Command,
    input: &[u8],
    kill: Kill,
    stop: &Stop,
) -> Result<Ended, String> {
    let began = Instant::now();
    let mut child = bounded::start(command.stderr(Stdio::null())).map_err(|error| error.to_string())?;
    let pieces = bounded::pieces(child.stdout.take());
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever was killed, or needs no input, does not read it.
        drop(stdin.write_all(input));
    }
    let until = began
        + match kill {
            Kill::After(after) => after,
            Kill::Never | Kill::AtOutput => PATIENCE,
        };
    let mut output = Vec::new();
    let mut hung = false;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match pieces.recv_timeout(left.min(LOOK)) {
            Ok(piece) => {
                output.extend(piece);
                if matches!(kill, Kill::AtOutput) {
                    break;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                hung = !matches!(kill, Kill::After(_));
                break;
            }
            Err(RecvTimeoutError::Timeout) if stop.is_asked() => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    // One that has closed its output is about to end by itself.
    let closed = !hung && matches!(kill, Kill::Never) && !stop.is_asked();
    if !closed && matches!(child.try_wait(), Ok(None)) {
        // Gone in the meantime is as good.
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    output.extend(pieces.iter().flatten());
    let killed = status.signal() == Some(9);
    Ok(Ended { output, killed, hung, status, took: began.elapsed() })
}

/// How long programs of one sort take when nobody kills them, so that kills fall into all of their life on any machine.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<Duration>);

impl Pace {
    /// When to kill the next one: four times in five somewhere in its usual life, or shortly after.
    pub(super) fn kill(&self, random: &mut Random) -> Kill {
        match self.0 {
            Some(usual) if !random.one_in(5) => Kill::After(random.within(usual + usual / 4)),
            _ => Kill::Never,
        }
    }

    /// One came to its end.
    pub(super) fn learn(&mut self, took: Duration) {
        self.0 = Some(self.0.map_or(took, |usual| (usual * 3 + took) / 4));
    }
}
