//! A user's home with generated configuration.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use session_bridge_core::apply::Disk;
use session_bridge_core::plan::{ConfigEdit, EditOp, Format, Plan};
use tempfile::TempDir;

use super::text;
use crate::random::Random;

/// Everything in a home but the bridge's own folder.
pub(crate) type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// A temporary home.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new() -> Result<Self> {
        let memory = Path::new("/dev/shm");
        Ok(Self(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? }))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn disk(&self) -> Disk {
        Disk::new(self.path().join(".session-bridge"))
    }

    /// Writes the files of a plan: always the one of this format, of the others now and then none.
    pub(super) fn fill(plan: &Plan, format: Format, random: &mut Random) -> Result<()> {
        for (path, edits) in edited(plan) {
            let this = edits[0].file.format;
            if this != format && random.one_in(5) {
                continue;
            }
            fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
            fs::write(path, text::of(this, &edits, random))?;
        }
        Ok(())
    }

    pub(super) fn tree(&self) -> Result<Tree> {
        tree(self.path())
    }

    /// Makes the files what a tree says, without the bridge knowing of it.
    pub(super) fn restore(&self, tree: &Tree) -> Result<()> {
        for path in self.tree()?.into_keys().filter(|path| !tree.contains_key(path)) {
            fs::remove_file(self.path().join(path))?;
        }
        for (path, bytes) in tree {
            let path = self.path().join(path);
            fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

/// What stands in a home now.
pub(crate) fn tree(home: &Path) -> Result<Tree> {
    let mut found = Tree::new();
    let mut todo = vec![home.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.ends_with(".session-bridge") {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(path.strip_prefix(home)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// The files that a plan edits in place, each with its edits, in the plan's order.
pub(super) fn edited(plan: &Plan) -> Vec<(&Path, Vec<&ConfigEdit>)> {
    let mut files: Vec<(&Path, Vec<&ConfigEdit>)> = Vec::new();
    for edit in plan.edits.iter().filter(|edit| !matches!(edit.op, EditOp::File { .. })) {
        match files.iter_mut().find(|(path, _)| *path == edit.file.path) {
            Some((_, edits)) => edits.push(edit),
            None => files.push((&edit.file.path, vec![edit])),
        }
    }
    files
}
