//! Programs with a time limit, and the end of those that outlive it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::DriverError;

/// A program that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// Its exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Finished {
    /// Itself, if its exit status was 0.
    ///
    /// # Errors
    /// [`DriverError::Failed`] with everything it printed.
    pub fn success(self) -> Result<Self, DriverError> {
        if self.status == Some(0) {
            return Ok(self);
        }
        let detail = format!("stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        Err(DriverError::Failed {
            program: "the program".into(),
            status: format!("{:?}", self.status),
            detail,
        })
    }
}

/// Runs `command` to its end with `input` on standard input; kills it after `limit`.
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Duration) -> Result<Finished, DriverError> {
    let program = format!("{command:?}");
    let started = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(DriverError::program(&program))?;
    let out = drain(child.stdout.take());
    let err = drain(child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input is not an error here.
        drop(stdin.write_all(input));
    }
    let status = loop {
        if let Some(status) = child.try_wait().map_err(DriverError::program(&program))? {
            break status;
        }
        if started.elapsed() > limit {
            end(&mut child);
            let state = format!("stdout:\n{}\nstderr:\n{}", text(out), text(err));
            return Err(DriverError::Timeout { what: format!("the end of {program}"), limit, state });
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok(Finished { status: status.code(), stdout: text(out), stderr: text(err), took: started.elapsed() })
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// Reads a pipe to its end on a thread of its own, so that no full pipe blocks the program.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            drop(pipe.read_to_end(&mut bytes));
        }
        bytes
    })
}

/// What was read. A background process may hold the pipe open after the program's end: then only what a short while
/// yields would be known, and waiting for ever would hang the test, so nothing is returned.
fn text(reader: JoinHandle<Vec<u8>>) -> String {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !reader.is_finished() {
        if Instant::now() > deadline {
            return "(a background process still holds this pipe)".into();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

/// The processes whose environment says that `home` is their HOME: the CLIs of one world and all they started,
/// daemons included, whoever their parent is by now.
pub(crate) fn living_in(home: &Path) -> Vec<(i32, String)> {
    let mark = format!("HOME={}", home.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

/// Kills the processes that live in `home` and whose command line is meant, and says how many these were.
pub(crate) fn kill_where(home: &Path, meant: impl Fn(&str) -> bool) -> usize {
    let found = living_in(home).into_iter().filter(|(_, line)| meant(line));
    let pids = found.filter_map(|(pid, _)| Pid::from_raw(pid));
    pids.filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count()
}

/// Ends every process that lives in `home`, and returns those that are still there after `limit`.
pub(crate) fn evict(home: &Path, limit: Duration) -> Vec<(i32, String)> {
    let deadline = Instant::now() + limit;
    loop {
        let alive = living_in(home);
        if alive.is_empty() || Instant::now() > deadline {
            return alive;
        }
        for (pid, _) in &alive {
            if let Some(pid) = Pid::from_raw(*pid) {
                // It may have ended by itself in the meantime.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_of_a_home_are_found_and_ended() {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        // The shell ends at once; what it left in the background belongs to nobody.
        command.args(["-c", "sleep 300 >/dev/null 2>&1 & exit 0"]).env("HOME", home.path());
        run(&mut command, b"", Duration::from_secs(5)).unwrap();
        assert_eq!(living_in(home.path()).len(), 1);
        assert!(evict(home.path(), Duration::from_secs(5)).is_empty());
        assert!(living_in(home.path()).is_empty());
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let hung = run(Command::new("sleep").arg("300"), b"", Duration::from_millis(50));
        assert!(matches!(hung, Err(DriverError::Timeout { .. })));
    }

    #[test]
    fn input_and_status_pass_through() {
        let run =
            run(Command::new("sh").args(["-c", "cat; exit 3"]), b"hello", Duration::from_secs(5)).unwrap();
        assert_eq!((run.status, run.stdout.as_str()), (Some(3), "hello"));
        assert!(run.success().is_err());
    }
}
