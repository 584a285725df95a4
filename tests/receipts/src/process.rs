//! Processes that host sessions. A thread has an entry of its own in the process table, with an id and a start time, and costs
//! less than a program: it is alive for the bridge until it ends.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use session_bridge_core::process::{ProcessKey, is_alive, look};

/// One that runs.
pub(crate) struct Process {
    /// What the bridge knows it by.
    pub(crate) key: ProcessKey,
    life: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start() -> Result<Self> {
        let (life, ended) = channel::<()>();
        let (tell, told) = channel();
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            let _ = tell.send(std::fs::read_link("/proc/thread-self"));
            let _ = ended.recv();
        })?;
        let link = told.recv()??;
        let id = Path::new(&link).file_name().and_then(|name| name.to_str()?.parse().ok());
        let key = look(id.context("a thread has an id")?).context("a thread has an entry")?.key;
        Ok(Self { key, life: Some(life), thread: Some(thread) })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.life.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // The kernel takes its entry away a moment later.
        while is_alive(self.key) {
            std::thread::yield_now();
        }
    }
}
