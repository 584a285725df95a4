//! Watching files of a session's run folder.

use std::path::Path;
use std::sync::Arc;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// A watch on some files of one folder. Arm first, then look (rule B2).
pub(crate) struct Watch {
    changed: Arc<Notify>,
    /// None if the system refused to watch.
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Arms a watch on the files of these names, whether they exist or not.
    pub(crate) fn arm(folder: &Path, names: &'static [&'static str]) -> Self {
        let changed = Arc::new(Notify::new());
        let tell = Arc::clone(&changed);
        let heard = move |event: notify::Result<notify::Event>| {
            // The folder's other files change with every event of the session. After an overflow anything may have.
            let matters = event.map_or(true, |event| {
                let named =
                    |path: &Path| names.iter().any(|name| path.file_name().is_some_and(|n| n == *name));
                // To read a file is no change; otherwise looking would cause the next look.
                event.need_rescan() || (!event.kind.is_access() && event.paths.iter().any(|path| named(path)))
            });
            if matters {
                tell.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(heard).and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        Self { changed, watcher: watcher.ok() }
    }

    /// Waits for a change since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether the system watches; if not, somebody has to look now and then.
    pub(crate) fn is_armed(&self) -> bool {
        self.watcher.is_some()
    }
}
