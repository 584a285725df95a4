//! The one place where a host's file gets another content.

use super::disk::Disk;
use super::job::Job;
use crate::edit::ConfigError;
use crate::fsx;
use crate::ledger::{Done, Intent, Ledger, back_up};

/// How often we start over when the host writes while we do.
const TRIES: usize = 3;

/// What became of a file.
#[derive(Debug)]
pub(super) struct Swapped {
    pub(super) written: bool,
    /// A file that should have gone stays with what others put into it.
    pub(super) kept: bool,
    /// Hash of the content that we left; `None` if there is no file.
    pub(super) post: Option<String>,
    /// SHA-256 of the file before, of which a copy may have been kept.
    pub(super) before: Option<String>,
}

/// Gives a file the content that its job computes, and the ledger the record of it.
pub(super) fn swap(job: &Job, disk: &Disk, ledger: &mut Ledger) -> Result<Swapped, ConfigError> {
    let target = fsx::resolve(&job.target.path)?;
    let _target = disk.lock_target(&target)?;
    disk.step("locked");
    for _ in 0..TRIES {
        let current = fsx::read(&target)?;
        disk.step("read");
        let before = current.as_deref().map(fsx::hash);
        let outcome = job.compute(current.as_deref())?;
        disk.step("computed");

        let known = job.record.as_ref();
        let mut then = Done {
            base: None,
            post: outcome.after.as_deref().map(fsx::hash),
            edits: outcome.edits,
            // Not the job's own record: a file that went before this one may have left a folder to it.
            made: ledger.made_for(&job.target.path).to_vec(),
        };
        let leaving = then.edits.is_empty();
        let kept =
            leaving && known.is_some_and(|record| record.done.base.is_none()) && outcome.after.is_some();
        if !leaving {
            then.base = outcome.base.as_deref().map(|bytes| back_up(disk.home(), bytes)).transpose()?;
        }
        if outcome.after == current {
            record(job, disk, ledger, then.clone())?;
            return Ok(Swapped { written: false, kept, post: then.post, before });
        }
        fsx::replaceable(&target)?;
        if let Some(bytes) = &current {
            back_up(disk.home(), bytes)?;
        }
        disk.step("backed-up");

        let folders = fsx::missing_parents(&target);
        then.made
            .extend(folders.iter().filter(|folder| !then.made.contains(folder)).cloned().collect::<Vec<_>>());
        let temp = fsx::beside(&target);
        let intent = Intent { before: before.clone(), temp: temp.clone(), then: then.clone() };
        ledger.file_mut(&job.target.path, job.format()).intent = Some(intent);
        ledger.save(disk.home())?;
        disk.step("intended");

        let staged = match &outcome.after {
            None => Ok(()),
            Some(bytes) => folders.iter().try_for_each(|folder| fsx::make_dir(folder)).and_then(|()| {
                fsx::write_new(&temp, bytes, job.target.mode, current.is_some().then_some(&*target))
            }),
        };
        disk.step("temp-written");
        let fresh = staged.and_then(|()| Ok(fsx::read(&target)?.as_deref().map(fsx::hash) == before));
        disk.step("compared");
        let swapped = match (&fresh, &outcome.after) {
            (Ok(true), Some(_)) => fsx::rename(&temp, &target),
            (Ok(true), None) => fsx::remove(&target),
            _ => Ok(()),
        };
        if !matches!((&fresh, &swapped), (Ok(true), Ok(()))) {
            // Not written: the intent goes, and with it what was made for it.
            ledger.abandon(&job.target.path)?;
            ledger.save(disk.home())?;
            fresh?;
            swapped?;
            continue;
        }
        disk.step("renamed");
        fsx::sync_parent(&target)?;
        disk.step("flushed");
        if outcome.after.is_none() {
            let left = then.made.iter().rev().skip_while(|folder| fsx::remove_if_empty(folder));
            ledger.hand_on(&job.target.path, left);
        }
        record(job, disk, ledger, then.clone())?;
        disk.step("recorded");
        return Ok(Swapped { written: true, kept, post: then.post, before });
    }
    Err(ConfigError::Busy { path: job.target.path.clone() })
}

/// Notes what is in force; a file without edits of ours is no business of the ledger.
fn record(job: &Job, disk: &Disk, ledger: &mut Ledger, done: Done) -> Result<(), ConfigError> {
    let before = ledger.clone();
    if done.edits.is_empty() {
        ledger.files.retain(|record| record.path != job.target.path);
    } else {
        let record = ledger.file_mut(&job.target.path, job.format());
        record.done = done;
        record.intent = None;
    }
    if *ledger == before { Ok(()) } else { ledger.save(disk.home()) }
}
