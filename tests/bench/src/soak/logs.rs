//! What hooks and servers noted in their logs, line by line as it comes.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use session_bridge_core::home::Home;
use session_bridge_core::log::Log;

/// Both logs, and how far they were read.
pub(crate) struct Logs([(PathBuf, u64); 2]);

impl Logs {
    pub(crate) fn of(home: &Home) -> Self {
        Self([Log::Hook, Log::Server].map(|log| (log.path(home), 0)))
    }

    /// The lines since this was last asked.
    pub(crate) fn news(&mut self) -> Vec<String> {
        let mut text = String::new();
        for (path, at) in &mut self.0 {
            let size = path.metadata().map_or(0, |data| data.len());
            if size < *at {
                // It was full and was moved aside; what came last stands there.
                let former = PathBuf::from(format!("{}.1", path.display()));
                read(&former, at, &mut text);
                *at = 0;
            }
            read(path, at, &mut text);
        }
        text.lines().map(str::to_owned).collect()
    }
}

fn read(path: &Path, at: &mut u64, text: &mut String) {
    let Ok(mut file) = File::open(path) else { return };
    if file.seek(SeekFrom::Start(*at)).is_ok() {
        *at += file.read_to_string(text).unwrap_or(0) as u64;
    }
}
