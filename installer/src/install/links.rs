//! `bin/` in the bridge's home: the constant paths that config entries name, leading to the installed programs.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::Serialize;
use session_bridge_core::fsx;
use session_bridge_core::home::Home;

use crate::exit;
use crate::report::Failure;

/// The slim hook's file name.
const HOOK: &str = "session-bridge-hook";

/// One constant path and where it has to lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub(crate) path: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) state: LinkState,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkState {
    /// It leads where it should.
    Ok,
    /// It is not there.
    Missing,
    /// It leads elsewhere, to a program that runs.
    Elsewhere,
    /// It leads nowhere.
    Dangling,
    /// It is no link; somebody put a file there.
    Foreign,
}

/// The links that this program would make. A slim hook beside it is used; without one, the program itself is the hook.
pub(crate) fn wanted(home: &Home) -> Result<Vec<Link>, Failure> {
    let here = std::env::current_exe()
        .and_then(fs::canonicalize)
        .map_err(|error| Failure::file("find", Path::new("the path of this program"), &error))?;
    let slim = here.with_file_name(HOOK);
    let hook = if slim.is_file() { slim } else { here.clone() };
    Ok([(home.main_program(), here), (home.hook_program(), hook)]
        .into_iter()
        .map(|(path, target)| Link { state: state(&path, &target), path, target })
        .collect())
}

fn state(path: &Path, target: &Path) -> LinkState {
    match fs::read_link(path) {
        Ok(to) if to == target => {
            if target.exists() {
                LinkState::Ok
            } else {
                LinkState::Dangling
            }
        }
        Ok(_) if path.exists() => LinkState::Elsewhere,
        Ok(_) => LinkState::Dangling,
        // The program may have been put there itself.
        Err(_) if path == target => LinkState::Ok,
        Err(error) if error.kind() == io::ErrorKind::NotFound => LinkState::Missing,
        Err(_) => LinkState::Foreign,
    }
}

/// Makes the links that do not stand yet; says which they were. A link that is replaced is never missing in between.
pub(crate) fn make(home: &Home) -> Result<Vec<Link>, Failure> {
    let links = wanted(home)?;
    if let Some(link) = links.iter().find(|link| link.state == LinkState::Foreign) {
        return Err(Failure::new(
            "bin_clash",
            exit::CLASH,
            format!("{} is not a link of ours", link.path.display()),
            "move that file away and run the command again; it was left as it is",
        ));
    }
    fsx::private_dir(home.root())?;
    fsx::private_dir(&home.root().join("bin"))?;
    let todo: Vec<Link> = links.into_iter().filter(|link| link.state != LinkState::Ok).collect();
    for link in &todo {
        let temp = fsx::beside(&link.path);
        symlink(&link.target, &temp).map_err(|error| Failure::file("create", &temp, &error))?;
        fsx::rename(&temp, &link.path)?;
    }
    Ok(todo)
}

/// Takes the links away, and the folder if nothing else is in it. Files that are no links stay.
pub(crate) fn remove(home: &Home) -> Result<Vec<PathBuf>, Failure> {
    let mut removed = Vec::new();
    for path in [home.main_program(), home.hook_program()] {
        if fs::read_link(&path).is_ok() {
            fsx::remove(&path)?;
            removed.push(path);
        }
    }
    fsx::remove_if_empty(&home.root().join("bin"));
    Ok(removed)
}
