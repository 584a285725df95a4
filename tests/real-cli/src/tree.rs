//! A folder's content, to be compared with what it is later.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::DriverError;

/// Every file, folder and link below a folder, with content and mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree(BTreeMap<PathBuf, Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder,
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Link(PathBuf),
    /// Sockets and pipes.
    Other,
}

impl Tree {
    /// Reads `root`, which may be a file, or missing: then the tree is empty.
    ///
    /// # Errors
    /// If something below it cannot be read.
    pub fn read(root: &Path) -> Result<Self, DriverError> {
        let mut entries = BTreeMap::new();
        if fs::symlink_metadata(root).is_ok() {
            collect(root, Path::new(""), &mut entries)?;
        }
        Ok(Self(entries))
    }

    /// What is different from an `older` tree, one line per path; empty if nothing is.
    pub fn changes_since(&self, older: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, entry) in &self.0 {
            match older.0.get(path) {
                None => lines.push(format!("new: {}", path.display())),
                Some(before) if before != entry => lines.push(format!("changed: {}", path.display())),
                Some(_) => {}
            }
        }
        let gone = older.0.keys().filter(|path| !self.0.contains_key(*path));
        lines.extend(gone.map(|path| format!("gone: {}", path.display())));
        lines
    }
}

fn collect(root: &Path, relative: &Path, entries: &mut BTreeMap<PathBuf, Entry>) -> Result<(), DriverError> {
    let path = if relative.as_os_str().is_empty() { root.to_path_buf() } else { root.join(relative) };
    let about = fs::symlink_metadata(&path).map_err(DriverError::io("look at", &path))?;
    let entry = if about.is_symlink() {
        Entry::Link(fs::read_link(&path).map_err(DriverError::io("read the link", &path))?)
    } else if about.is_dir() {
        for child in fs::read_dir(&path).map_err(DriverError::io("list", &path))? {
            let child = child.map_err(DriverError::io("list", &path))?;
            collect(root, &relative.join(child.file_name()), entries)?;
        }
        Entry::Folder
    } else if about.is_file() {
        let bytes = fs::read(&path).map_err(DriverError::io("read", &path))?;
        Entry::File { bytes, mode: about.permissions().mode() & 0o7777 }
    } else {
        Entry::Other
    };
    entries.insert(relative.to_path_buf(), entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "1").unwrap();
        fs::write(folder.path().join("b"), "1").unwrap();
        let before = Tree::read(folder.path()).unwrap();
        assert!(Tree::read(folder.path()).unwrap().changes_since(&before).is_empty());
        fs::write(&file, "2").unwrap();
        fs::remove_file(folder.path().join("b")).unwrap();
        fs::create_dir(folder.path().join("c")).unwrap();
        let after = Tree::read(folder.path()).unwrap();
        assert_eq!(after.changes_since(&before), ["changed: a", "new: c", "gone: b"]);
        assert_eq!(Tree::read(&folder.path().join("none")).unwrap().changes_since(&before).len(), 3);
    }
}
