//! Which process hosts us: the nearest ancestor that is not a guard shell.

use serde::{Deserialize, Serialize};

/// A process of this boot: its id and its start time in the kernel's own unit, so that a reused id is another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id.
    pub pid: u32,
    /// Start time: clock ticks since boot on Linux, a hash of the start date elsewhere.
    pub start: u64,
}

/// What the process table says of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its key.
    pub key: ProcessKey,
    /// Its parent's id.
    pub parent: u32,
    /// Its short command name.
    pub name: String,
}

/// Shells that stand between a host and our hook, by configuration of ours or of the host.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox", "env", "timeout"];

/// Looks one process up; `None` if it is gone or not readable.
pub fn look(pid: u32) -> Option<Process> {
    platform::look(pid)
}

/// Whether exactly this process still runs.
pub fn is_alive(key: ProcessKey) -> bool {
    look(key.pid).is_some_and(|found| found.key == key)
}

/// The process that hosts us: our parent, or the first ancestor behind guard shells.
pub fn host_process() -> Option<Process> {
    let mut pid = rustix::process::getppid()?.as_raw_nonzero().get().unsigned_abs();
    // A guard is one or two shells deep; the bound only ends a loop in a corrupted process table.
    for _ in 0..8 {
        let process = look(pid)?;
        if !is_shell(&process.name) || process.parent <= 1 {
            return Some(process);
        }
        pid = process.parent;
    }
    None
}

/// Ancestors from the host process outwards, at most `limit`.
pub fn ancestors(limit: usize) -> Vec<Process> {
    let mut found = Vec::new();
    let mut next = host_process();
    while let Some(process) = next {
        next = (process.parent > 1 && found.len() + 1 < limit).then(|| look(process.parent)).flatten();
        found.push(process);
    }
    found
}

fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name.trim_start_matches('-'))
}

#[cfg(target_os = "linux")]
mod platform {
    use std::io::Read as _;

    use super::{Process, ProcessKey};

    /// Longer than any such line is: a name of 64 bytes and 51 numbers. Whole in one read, where a buffer that grows would
    /// take six.
    const LINE: usize = 2048;

    /// Reads `/proc/<pid>/stat`: fields 1 id, 2 name in parentheses (which may hold anything), 3 state, 4 parent, 22 start.
    pub(super) fn look(pid: u32) -> Option<Process> {
        let mut line = [0; LINE];
        let length = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
        parse(pid, &String::from_utf8_lossy(&line[..length]))
    }

    pub(super) fn parse(pid: u32, stat: &str) -> Option<Process> {
        let open = stat.find('(')?;
        let close = stat.rfind(')')?;
        let name = stat.get(open + 1..close)?.to_owned();
        let mut rest = stat.get(close + 1..)?.split_ascii_whitespace();
        // A process that has ended stays in the table until its parent asks how: it hosts nothing any more.
        if matches!(rest.next()?, "Z" | "X" | "x") {
            return None;
        }
        let parent = rest.next()?.parse().ok()?;
        let start = rest.nth(17)?.parse().ok()?;
        Some(Process { key: ProcessKey { pid, start }, parent, name })
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::{Process, ProcessKey};

    /// Asks `ps`, since there is no file to read and system calls for it would need unsafe code.
    pub(super) fn look(pid: u32) -> Option<Process> {
        let out = std::process::Command::new("ps")
            .args(["-o", "ppid=,lstart=,comm=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        let line = String::from_utf8(out.stdout).ok()?;
        let mut words = line.split_ascii_whitespace();
        let parent = words.next()?.parse().ok()?;
        let started: Vec<&str> = words.by_ref().take(5).collect();
        let path = words.collect::<Vec<_>>().join(" ");
        let name = path.rsplit('/').next()?.to_owned();
        let start = started.join(" ").bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Some(Process { key: ProcessKey { pid, start }, parent, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_its_key_is_stable() {
        let me = look(std::process::id()).unwrap();
        assert!(is_alive(me.key));
        assert!(!is_alive(ProcessKey { pid: me.key.pid, start: me.key.start + 1 }));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a ) b (c) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1 1";
        let found = platform::parse(7, stat).unwrap();
        assert_eq!((found.parent, found.key.start, found.name.as_str()), (3, 4242, "a ) b (c"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_nobody_has_reaped_is_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let ended = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.contains(") Z ")
        };
        while !ended() {
            std::thread::yield_now();
        }
        assert_eq!(look(pid), None);
        child.wait().unwrap();
    }
}
