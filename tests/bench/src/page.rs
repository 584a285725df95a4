//! The page that the tables are for. Each stands between two marks there, so that a run can write it anew.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// A file of the project.
pub(crate) fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Puts a table in the place of the one that stands between the marks of this name.
pub(crate) fn put(name: &str, table: &str) -> Result<()> {
    let path = file("docs/benchmarks.md");
    let page = fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- bench: {name} -->\n"), format!("<!-- end of {name} -->"));
    let place = || {
        let from = page.find(&begin)? + begin.len();
        Some((from, from + page[from..].find(&end)?))
    };
    let (from, to) = place().with_context(|| format!("{} has no marks of {name}", path.display()))?;
    Ok(fs::write(path, format!("{}{}\n{}", &page[..from], table.trim_end(), &page[to..]))?)
}

/// Kernel and processors, as the results name them.
pub(crate) fn machine() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Linux {} {}, {processors} processors", kernel.trim(), std::env::consts::ARCH)
}
