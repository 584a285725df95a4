//! Home folders made from fixtures, as temporary trees.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use session_bridge_core::apply::Disk;
use session_bridge_core::host::FakeHost;
use session_bridge_core::plan::Plan;
use session_bridge_core::provider::Scope;
use tempfile::TempDir;

use crate::Subject;
use crate::fixtures::sorted;
use crate::laws::plan::want;

/// A user's home with a CLI's configuration in it, and the bridge's own home beside that.
pub(crate) struct TestHome {
    folder: TempDir,
}

/// What a path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File { mode: u32, text: String },
    Link(PathBuf),
}

/// Everything under a home but the bridge's own folder.
pub(crate) type Tree = BTreeMap<PathBuf, Entry>;

/// How the files of a fixture are written, for what no editor may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    AsIs,
    Crlf,
    Bom,
    Tabs,
    NoFinalNewline,
    Symlinked,
    Private,
}

impl Style {
    pub(crate) const ALL: [Self; 7] =
        [Self::AsIs, Self::Crlf, Self::Bom, Self::Tabs, Self::NoFinalNewline, Self::Symlinked, Self::Private];

    fn write(self, text: &str) -> String {
        match self {
            Self::AsIs | Self::Symlinked | Self::Private => text.to_owned(),
            Self::Crlf => text.replace('\n', "\r\n"),
            Self::Bom => format!("\u{feff}{text}"),
            Self::NoFinalNewline => text.trim_end_matches('\n').to_owned(),
            Self::Tabs => {
                let line = |line: &str| {
                    let rest = line.trim_start_matches("  ");
                    format!("{}{rest}", "\t".repeat((line.len() - rest.len()) / 2))
                };
                text.split('\n').map(line).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl TestHome {
    /// A home without anything.
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::with_prefix("session-bridge-").unwrap() }
    }

    /// A copy of a fixture's `before`. `$HOME` in a file stands for this home.
    pub(crate) fn of(before: &Path, style: Style) -> Self {
        let home = Self::empty();
        home.copy(before, Path::new(""), style);
        home
    }

    fn copy(&self, from: &Path, at: &Path, style: Style) {
        for path in sorted(from) {
            let at = at.join(path.file_name().unwrap());
            if path.is_dir() {
                fs::create_dir_all(self.path().join(&at)).unwrap();
                self.copy(&path, &at, style);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().replace("$HOME", self.path().to_str().unwrap());
            self.write(&at, &style.write(&text));
            if style == Style::Private {
                set_mode(&self.path().join(&at), 0o640);
            }
            if style == Style::Symlinked {
                let target = Path::new("dotfiles").join(at.to_string_lossy().replace('/', "-"));
                fs::create_dir_all(self.path().join("dotfiles")).unwrap();
                fs::rename(self.path().join(&at), self.path().join(&target)).unwrap();
                link(&self.path().join(&target), &self.path().join(&at));
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the home, and its folders.
    pub(crate) fn write(&self, at: &Path, text: &str) {
        let path = self.path().join(at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn disk(&self) -> Disk {
        Disk::new(self.path().join(".session-bridge"))
    }

    /// The user's own installation in this home, with every consent.
    pub(crate) fn plan(&self, subject: Subject) -> Plan {
        let host = FakeHost::at(self.path());
        let site = subject.provider.locate(&host, &Scope::User).unwrap();
        subject.provider.plan(&site, &want(&self.path().join(".session-bridge"), true))
    }

    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.walk(self.path(), &mut tree);
        tree
    }

    fn walk(&self, folder: &Path, tree: &mut Tree) {
        for path in sorted(folder) {
            let at = path.strip_prefix(self.path()).unwrap().to_owned();
            if at == Path::new(".session-bridge") {
                continue;
            }
            if path.is_symlink() {
                tree.insert(at, Entry::Link(fs::read_link(&path).unwrap()));
            } else if path.is_dir() {
                tree.insert(at, Entry::Folder);
                self.walk(&path, tree);
            } else {
                let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
                tree.insert(at, Entry::File { mode: mode(&path), text });
            }
        }
    }

    /// The files of a tree for people, with this home as `$HOME`.
    pub(crate) fn show(&self, tree: &Tree) -> String {
        let mut out = String::new();
        for (path, entry) in tree {
            if let Entry::File { text, .. } = entry {
                let text = text.replace(self.path().to_str().unwrap(), "$HOME");
                let _ = write!(out, "==> {}\n{text}\n", path.display());
            }
        }
        out
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) {
    std::os::unix::fs::symlink(target, at).unwrap();
}
