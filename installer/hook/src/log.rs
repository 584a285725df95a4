//! One line per failure, in one file that never grows without bound.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::time::{SystemTime, UNIX_EPOCH};

use session_bridge_core::frame;
use session_bridge_core::home::Home;

/// Size at which the log begins anew; the former one is kept beside it.
const ROTATE_BYTES: u64 = 1024 * 1024;

/// Writes one line; failing to log is silent.
pub(crate) fn line(home: &Home, provider: &str, event: &str, problem: &str) {
    let folder = home.log();
    let path = folder.join("hook.log");
    if fs::metadata(&path).is_ok_and(|meta| meta.len() > ROTATE_BYTES) {
        let _ = fs::rename(&path, folder.join("hook.log.1"));
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let problem = frame::printable(problem).replace('\n', " ");
    let text = format!("{seconds} {} {} {problem}\n", frame::quoted(provider), frame::quoted(event));
    let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    let open = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let _ = open.and_then(|mut file| file.write_all(text.as_bytes()));
}
