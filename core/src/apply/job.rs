//! What is to become of each file, computed without touching any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use crate::edit::ConfigError;
use crate::edit::ops::{self, Content, Removal};
use crate::fsx;
use crate::ledger::{Done, FileRecord, Ledger, backed_up};
use crate::plan::{ConfigEdit, Create, EditOp, Format, KeyPart, KeyPath, Target};

/// The work on one file.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) target: Target,
    pub(super) wants: Vec<ConfigEdit>,
    pub(super) record: Option<FileRecord>,
    /// The file without us, as the record remembers it; `None` if nobody knows.
    base: Option<Content>,
    /// Keys derived from edits that go.
    derived_gone: Vec<(KeyPath, String)>,
    /// Keys derived from any edit of ours.
    derived: Vec<(KeyPath, String)>,
}

/// What a job makes of a file.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) after: Content,
    /// The file as it would be without us.
    pub(super) base: Content,
    pub(super) edits: Vec<ConfigEdit>,
}

/// The jobs that lead from what the ledger says to `wants`. Files that only lose something come first, while the
/// positions that derived keys are named after can still be read; they are read here.
pub(super) fn jobs(wants: &[ConfigEdit], ledger: &Ledger, disk: &Disk) -> Result<Vec<Job>, ConfigError> {
    let mut seen: BTreeMap<PathBuf, Content> = BTreeMap::new();
    let mut targets: Vec<Target> = Vec::new();
    let add = |targets: &mut Vec<Target>, target: &Target| {
        if targets.iter().all(|known| known.path != target.path) {
            targets.push(target.clone());
        }
    };
    let planned = |path: &Path| wants.iter().any(|edit| edit.file.path == path);
    for edit in ledger.edits() {
        for key in &edit.derived {
            add(&mut targets, &Target { create: Create::No, ..key.file.clone() });
        }
    }
    // In the order that undoes: the file whose folder was made for it goes last of those in it.
    for record in ledger.files.iter().rev() {
        if !planned(&record.path) {
            add(&mut targets, &Target { create: Create::No, ..Target::new(&record.path, record.format) });
        }
    }
    targets.retain(|target| !planned(&target.path));
    for edit in wants {
        add(&mut targets, &edit.file);
    }

    let mut derived: Vec<(PathBuf, bool, KeyPath, String)> = Vec::new();
    for edit in ledger.edits() {
        if edit.derived.is_empty() {
            continue;
        }
        if !seen.contains_key(&edit.file.path) {
            seen.insert(edit.file.path.clone(), fsx::read(&fsx::resolve(&edit.file.path)?)?);
        }
        let index = seen[&edit.file.path].as_deref().and_then(|bytes| ops::position(bytes, edit));
        let gone = !wants.iter().any(|want| ops::same_place(edit, want));
        for key in &edit.derived {
            if let Some(prefix) = prefix(&key.starts_with, index) {
                derived.push((key.file.path.clone(), gone, key.under.clone(), prefix));
            }
        }
    }

    targets
        .into_iter()
        .map(|target| {
            let record = ledger.file(&target.path).cloned();
            let base = match &record {
                None => None,
                Some(FileRecord { done: Done { base: None, .. }, .. }) => Some(None),
                Some(FileRecord { done: Done { base: Some(hash), .. }, .. }) => {
                    backed_up(disk.home(), hash)?.map(Some)
                }
            };
            let pick = |only_gone: bool| {
                derived
                    .iter()
                    .filter(|(path, gone, ..)| *path == target.path && (*gone || !only_gone))
                    .map(|(_, _, under, prefix)| (under.clone(), prefix.clone()))
                    .collect()
            };
            let (derived_gone, derived) = (pick(true), pick(false));
            let wants = wants.iter().filter(|edit| edit.file.path == target.path).cloned().collect();
            Ok(Job { target, wants, record, base, derived_gone, derived })
        })
        .collect()
}

fn prefix(parts: &[KeyPart], index: Option<usize>) -> Option<String> {
    let text = |part: &KeyPart| match part {
        KeyPart::Text(text) => Some(text.clone()),
        KeyPart::Index => index.map(|index| index.to_string()),
    };
    // An empty beginning would be every key there is.
    parts.iter().map(text).collect::<Option<String>>().filter(|prefix| !prefix.is_empty())
}

impl Job {
    fn owned(&self) -> &[ConfigEdit] {
        self.record.as_ref().map(|record| record.done.edits.as_slice()).unwrap_or_default()
    }

    /// Whether the whole file is ours and stays so: what others wrote into it is not put back later.
    fn overwrites(&self) -> bool {
        let whole = |edits: &[ConfigEdit]| edits.iter().any(|edit| matches!(edit.op, EditOp::File { .. }));
        whole(self.owned()) && whole(&self.wants)
    }

    /// What becomes of the file with this content. Pure.
    pub(super) fn compute(&self, current: Option<&[u8]>) -> Result<Outcome, ConfigError> {
        let format = self.format();
        let fault = |fault: crate::edit::Fault| fault.in_file(&self.target.path);
        let unchanged = self.record.as_ref().is_some_and(|record| record.done.post == current.map(fsx::hash));
        let base = match (&self.base, &self.record) {
            (Some(base), Some(_)) if unchanged || self.overwrites() => base.clone(),
            (_, Some(_)) => {
                let (edits, derived) = (self.owned().iter().collect(), self.derived.clone());
                let removal = Removal { edits, derived, base: self.base.clone() };
                ops::strip(current, format, &removal).map_err(fault)?
            }
            // Entries of ours that no ledger knows were left by an installation whose ledger was lost.
            (_, None) if !self.wants.is_empty() => {
                let removal = Removal { edits: self.wants.iter().collect(), ..Removal::default() };
                match ops::strip(current, format, &removal) {
                    Ok(base) => base,
                    Err(crate::edit::Fault::Clash { .. }) => current.map(<[u8]>::to_vec),
                    Err(other) => return Err(fault(other)),
                }
            }
            (_, None) => {
                let removal = Removal { derived: self.derived.clone(), ..Removal::default() };
                ops::strip(current, format, &removal).map_err(fault)?
            }
        };
        // What the host derives from edits that stay is to stay, too.
        let all_goes = self.derived_gone.len() == self.derived.len();
        if (self.wants.is_empty() && all_goes) || (current.is_none() && self.target.create == Create::No) {
            return Ok(Outcome { after: base.clone(), base, edits: Vec::new() });
        }
        let gone: Vec<&ConfigEdit> = self
            .owned()
            .iter()
            .filter(|old| !self.wants.iter().any(|want| ops::same_place(old, want)))
            .collect();
        let mut current = current.map(<[u8]>::to_vec);
        if !gone.is_empty() || !self.derived_gone.is_empty() {
            let removal =
                Removal { edits: gone, derived: self.derived_gone.clone(), base: self.base.clone() };
            current = ops::strip(current.as_deref(), format, &removal).map_err(fault)?;
        }
        let wants: Vec<&ConfigEdit> = self.wants.iter().collect();
        let after = ops::ensure(current.as_deref(), format, &wants, self.owned()).map_err(fault)?;
        Ok(Outcome { after, base, edits: self.wants.clone() })
    }

    pub(super) fn format(&self) -> Format {
        self.target.format
    }
}
