//! What went wrong in hooks and servers, one line per entry, in two files that never grow without bound.
//!
//! ```text
//! 2026-11-21T15:36:16Z 4711 failed codex 01a1fd7b-84dd Stop: the store is busy
//! time, process, level, provider, session (`-` where unknown), what happened
//! ```
//!
//! No entry holds a message's text or a token. Each is one appending write, so that writers do not need one another;
//! only who finds a file full takes its lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::environment;
use crate::frame;
use crate::home::Home;
use crate::host::Host;

/// Size in bytes at which a log begins anew; the former one is kept beside it.
const ROTATE_BYTES: u64 = 1024 * 1024;
/// Longest text of an entry, in characters.
const LONGEST: usize = 2000;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Hooks: `hook.log`.
    Hook,
    /// MCP servers: `server.log`.
    Server,
}

/// Why something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It did not do what it is there for.
    Failed,
    /// Somebody asked to see everything.
    Debug,
}

/// Who an entry is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The provider's id.
    pub provider: Option<&'a str>,
    /// The session's id: the bridge's, or the host's where that is all that is known.
    pub session: Option<&'a str>,
}

/// Failures of a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: usize,
    /// The latest of them, as it stands in its file.
    pub last: Option<String>,
}

impl Log {
    const ALL: [Self; 2] = [Self::Hook, Self::Server];

    const fn name(self) -> &'static str {
        match self {
            Self::Hook => "hook.log",
            Self::Server => "server.log",
        }
    }

    /// Where it is.
    pub fn path(self, home: &Home) -> PathBuf {
        home.log().join(self.name())
    }

    fn former(self, home: &Home) -> PathBuf {
        home.log().join(format!("{}.1", self.name()))
    }

    /// Writes one entry. Failing to log is silent: whoever logs has a failure of its own to end with.
    pub fn write(self, home: &Home, level: Level, about: About<'_>, what: &str) {
        let word = match level {
            Level::Failed => "failed",
            Level::Debug => "debug",
        };
        let field = |text: Option<&str>| match text.map(|text| frame::quoted(text).replace(' ', "_")) {
            Some(text) if !text.is_empty() => text.chars().take(100).collect(),
            _ => "-".to_owned(),
        };
        let what: String = frame::printable(what).replace('\n', " ").chars().take(LONGEST).collect();
        let (time, pid) = (stamp(SystemTime::now()), std::process::id());
        let (provider, session) = (field(about.provider), field(about.session));
        let line = format!("{time} {pid} {word} {provider} {session} {what}\n");
        // Nobody is left to be told.
        drop(self.open(home).and_then(|mut file| file.write_all(line.as_bytes())));
    }

    fn open(self, home: &Home) -> io::Result<File> {
        let path = self.path(home);
        let file = match append(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(home.log())?;
                append(&path)?
            }
            other => other?,
        };
        if file.metadata()?.len() <= ROTATE_BYTES {
            return Ok(file);
        }
        // The lock is that of the full file: who gets it later finds that the path leads to another one by now, and
        // must not move that aside as well. Who does not get it writes to the full one, which is kept.
        if file.try_lock().is_ok() && leads_to(&path, &file)? {
            fs::rename(&path, self.former(home))?;
        }
        append(&path)
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let (there, here) = (fs::metadata(path)?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

/// Whether somebody asked to see everything.
pub fn is_verbose(host: &dyn Host) -> bool {
    host.env(environment::LOG.name).is_some_and(|level| level == "debug")
}

/// The failures in all logs that are not older than `age`.
pub fn failures(home: &Home, age: Duration) -> Failures {
    let since = SystemTime::now().checked_sub(age).unwrap_or(UNIX_EPOCH);
    let since = stamp(since);
    let mut found = Failures::default();
    for path in Log::ALL.iter().flat_map(|log| [log.former(home), log.path(home)]) {
        let text = fs::read(&path).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let mut words = line.split(' ');
            let (time, level) = (words.next().unwrap_or_default(), words.nth(1));
            // Times of this form sort as text.
            if level == Some("failed") && time >= since.as_str() {
                found.count += 1;
                found.last = found.last.take().max(Some(line.to_owned()));
            }
        }
    }
    found
}

/// A time in UTC, as ISO 8601 writes it.
fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ABOUT: About<'static> = About { provider: Some("codex"), session: Some("s-1") };

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z", "2100 is no leap year");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59Z");
    }

    #[test]
    fn an_entry_is_one_private_line_whatever_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let about = About { provider: Some("a b\n"), session: Some("") };
        Log::Hook.write(&home, Level::Failed, about, "one\ntwo\u{1b}[31m");
        let path = Log::Hook.path(&home);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with(" failed a_b_ - one two[31m\n"), "{text:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(home.log()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn recent_failures_are_counted_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        assert_eq!(failures(&home, Duration::from_secs(60)), Failures::default());
        Log::Server.write(&home, Level::Debug, ABOUT, "done");
        Log::Server.write(&home, Level::Failed, ABOUT, "first");
        let old = "2001-01-01T00:00:00Z 1 failed codex s long ago\nnoise\n";
        fs::write(Log::Hook.former(&home), old).unwrap();
        let found = failures(&home, Duration::from_secs(60));
        assert_eq!(found.count, 1);
        assert!(found.last.unwrap().ends_with("failed codex s-1 first"));
    }

    #[test]
    fn many_writers_lose_at_most_what_is_two_files_old() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        fs::create_dir_all(home.log()).unwrap();
        let path = Log::Server.path(&home);
        fs::write(&path, "x\n".repeat(usize::try_from(ROTATE_BYTES).unwrap())).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let home = &home;
                scope.spawn(move || {
                    for n in 0..50 {
                        Log::Server.write(home, Level::Debug, ABOUT, &format!("entry {writer}/{n}"));
                    }
                });
            }
        });
        let mut kept = fs::read_to_string(&path).unwrap();
        let former = fs::read_to_string(Log::Server.former(&home)).unwrap();
        assert!(former.starts_with("x\nx\n"), "the full file was moved aside once");
        kept.push_str(&former);
        for writer in 0..8 {
            for n in 0..50 {
                assert_eq!(kept.matches(&format!("entry {writer}/{n}\n")).count(), 1);
            }
        }
    }
}
