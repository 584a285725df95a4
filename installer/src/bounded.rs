//! Other programs, run for a limited time. They get a process group of their own, so that one which overstays goes with
//! everything that it started.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// What is read of any program's output.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How long a process that is left behind may hold the output of one that has ended.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// What a program did.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Starts a program whose input and output are ours.
pub(crate) fn start(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn()
}

/// Runs a program to its end, or ends it when its time is over.
pub(crate) fn run(mut command: Command, stdin: &[u8], limit: Duration) -> Result<Ran, String> {
    let mut child = start(command.stderr(Stdio::piped())).map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input is no fault.
        drop(input.write_all(stdin));
    }
    let stdout = pieces(child.stdout.take());
    let stderr = pieces(child.stderr.take());
    let status =
        wait(&mut child, limit).ok_or_else(|| format!("it did not end within {} s", limit.as_secs()))?;
    let until = Instant::now() + LEFT_BEHIND;
    let ran = Ran { status, stdout: collect(&stdout, until), stderr: collect(&stderr, until) };
    if Instant::now() >= until {
        end_group(&child);
    }
    Ok(ran)
}

/// Reads an output to its end, beside the program, and hands on what comes.
pub(crate) fn pieces(output: Option<impl std::io::Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(output) = output else { return };
        let (mut output, mut piece) = (output.take(MAX_OUTPUT), [0; 4096]);
        // Whoever waited may have gone.
        while let Ok(read @ 1..) = output.read(&mut piece)
            && send.send(piece[..read].to_vec()).is_ok()
        {}
    });
    receive
}

/// What came until the output was closed, or until then: a process that is left behind may hold it for longer.
fn collect(pieces: &mpsc::Receiver<Vec<u8>>, until: Instant) -> Vec<u8> {
    let left = || until.saturating_duration_since(Instant::now());
    std::iter::from_fn(|| pieces.recv_timeout(left()).ok()).flatten().collect()
}

/// Waits for the end; a child that overstays is killed with all that it started, and has no status.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                end_group(child);
                // Gone in the meantime is as good.
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
}

fn end_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Nobody left in it is as good.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn a_program_that_overstays_goes_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let line = format!("sleep 600 & echo $! > '{}'; wait", pid.display());
        let told = run(shell(&line), b"", Duration::from_millis(500)).err().unwrap();
        assert_eq!(told, "it did not end within 0 s");
        let started: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let runs = || {
            let found = session_bridge_core::process::look(started.unsigned_abs());
            found.is_some_and(|process| process.name == "sleep")
        };
        while runs() {
            assert!(Instant::now() < until, "it still runs");
            std::thread::yield_now();
        }
    }

    #[test]
    fn one_that_is_left_behind_does_not_hold_us_up() {
        let began = Instant::now();
        let ran = run(shell("echo x; echo why >&2; sleep 600 &"), b"", Duration::from_secs(60)).unwrap();
        assert!(ran.status.success() && began.elapsed() < Duration::from_secs(60));
        assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"x\n"[..], &b"why\n"[..]));
        let ran = run(shell("cat; echo why >&2"), b"in", Duration::from_secs(60)).unwrap();
        assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"in"[..], &b"why\n"[..]));
    }
}
