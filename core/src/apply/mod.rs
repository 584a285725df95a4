//! Carrying a plan out, looking at how it stands, and undoing it.
//!
//! A write goes: lock (in our home) → read → compute → back up → note the intent in the ledger → temporary file in
//! the same folder → compare the target with what was read → rename → flush the folder → note it as done. A host's
//! file therefore always has its old content or its new one, and after a crash its hash tells which.

mod disk;
mod job;
mod preview;
mod write;

use std::path::PathBuf;

pub use disk::Disk;
pub use preview::{FileChange, Preview};

use crate::edit::{ConfigError, Fault, ops};
use crate::fsx;
use crate::ledger::Ledger;
use crate::plan::{ConfigEdit, Finding, Plan, State};

/// What [`apply`] and [`revert`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files that have another content than before, as the plan names them.
    pub written: Vec<PathBuf>,
    /// Files that another program wrote directly after us: `check` tells whether our entries are still there.
    pub overtaken: Vec<PathBuf>,
    /// Files of ours that stay, because someone has made them their own.
    pub kept: Vec<PathBuf>,
    /// Whether the ledger had to be repaired after a crash.
    pub repaired: bool,
}

/// What [`apply`] would do, without doing it. Succeeds also where single files are in the way; see
/// [`FileChange::after`].
pub fn preview(plan: &Plan, disk: &Disk) -> Result<Preview, ConfigError> {
    let mut ledger = Ledger::load(disk.home(), &plan.provider)?;
    preview::of(&plan.edits, &mut ledger, disk)
}

/// What [`revert`] would do, without doing it.
pub fn preview_revert(provider: &str, disk: &Disk) -> Result<Preview, ConfigError> {
    let mut ledger = Ledger::load(disk.home(), provider)?;
    preview::of(&[], &mut ledger, disk)
}

/// Makes the plan true. Edits that an earlier plan made and this one does not know are undone. If any file is in the
/// way, nothing is written at all.
pub fn apply(plan: &Plan, disk: &Disk) -> Result<Applied, ConfigError> {
    run(&plan.provider, &plan.edits, disk)
}

/// Takes out what the ledger says is ours, and nothing else. A file that nobody else has written since is afterwards
/// what it was before, byte for byte.
pub fn revert(provider: &str, disk: &Disk) -> Result<Applied, ConfigError> {
    if Ledger::load(disk.home(), provider)?.files.is_empty() {
        // Nothing is ours, and no folder need be made to say so.
        return Ok(Applied::default());
    }
    run(provider, &[], disk)
}

fn run(provider: &str, wants: &[ConfigEdit], disk: &Disk) -> Result<Applied, ConfigError> {
    disk.prepare()?;
    let _provider = disk.lock_provider(provider)?;
    let mut ledger = Ledger::load(disk.home(), provider)?;
    ledger.writable(disk.home())?;
    let mut applied = Applied { repaired: ledger.recover()?, ..Applied::default() };
    if applied.repaired {
        ledger.save(disk.home())?;
    }
    let mut backups = ledger.backups();
    let jobs = job::jobs(wants, &ledger, disk)?;
    let mut made: Vec<PathBuf> = ledger.files.iter().flat_map(|record| record.done.made.clone()).collect();
    // Every file is tried before the first is written.
    for job in &jobs {
        let target = fsx::resolve(&job.target.path)?;
        let current = fsx::read(&target)?;
        if job.compute(current.as_deref())?.after != current {
            fsx::replaceable(&target)?;
        }
    }
    let mut left = Vec::new();
    for job in &jobs {
        let outcome = write::swap(job, disk, &mut ledger)?;
        if outcome.written {
            applied.written.push(job.target.path.clone());
        }
        if outcome.kept {
            applied.kept.push(job.target.path.clone());
        }
        backups.extend(outcome.before);
        left.push((job, outcome.post));
    }
    if wants.is_empty() {
        // A folder that was made for one file may have held those of the next.
        made.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
        for folder in &made {
            fsx::remove_if_empty(folder);
        }
    }
    for (job, post) in left {
        if fsx::read(&fsx::resolve(&job.target.path)?)?.as_deref().map(fsx::hash) != post {
            applied.overtaken.push(job.target.path.clone());
        }
    }
    crate::ledger::forget(disk.home(), backups);
    Ok(applied)
}

/// How every edit of the plan stands, and which edits of the ledger the plan no longer knows.
pub fn check(plan: &Plan, disk: &Disk) -> Result<Vec<Finding>, ConfigError> {
    let ledger = Ledger::load(disk.home(), &plan.provider)?;
    let mut findings = Vec::with_capacity(plan.edits.len());
    let finding = |edit: &ConfigEdit, state| Finding {
        edit: edit.id.clone(),
        file: edit.file.path.clone(),
        why: edit.why.clone().into_owned(),
        state,
    };
    for edit in &plan.edits {
        let owned = ledger.edits().find(|old| old.id == edit.id && old.file.path == edit.file.path);
        let read = fsx::resolve(&edit.file.path).and_then(|target| fsx::read(&target));
        let state = read.and_then(|content| {
            ops::state(content.as_deref(), edit, owned).map_err(|fault: Fault| fault.in_file(&edit.file.path))
        });
        let state = state
            .unwrap_or_else(|error| State::Unreadable { code: error.code(), problem: error.to_string() });
        findings.push(finding(edit, state));
    }
    let orphans = ledger.edits().filter(|old| !plan.edits.iter().any(|new| ops::same_place(old, new)));
    findings.extend(orphans.map(|edit| finding(edit, State::Orphaned)));
    Ok(findings)
}
