//! `note`: what the last holder of the lease managed to write.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use session_bridge_core::id::AttemptId;

use super::{Lease, RunFolder, private};
use crate::error::StoreError;

/// What a lease holder noted about its one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The write began.
    Writing(AttemptId),
    /// The write ended.
    Written {
        /// The attempt.
        attempt: AttemptId,
        /// Whether it was whole and in time: within half of the host's limit.
        in_time: bool,
    },
}

impl Note {
    fn encode(self) -> String {
        match self {
            Self::Writing(attempt) => format!("writing {attempt}\n"),
            Self::Written { attempt, in_time: true } => format!("written {attempt}\n"),
            Self::Written { attempt, in_time: false } => format!("late {attempt}\n"),
        }
    }
}

fn decode(text: &str) -> Option<Note> {
    let (word, attempt) = text.trim_end().split_once(' ')?;
    let attempt = attempt.parse().ok()?;
    match word {
        "writing" => Some(Note::Writing(attempt)),
        "written" => Some(Note::Written { attempt, in_time: true }),
        "late" => Some(Note::Written { attempt, in_time: false }),
        _ => None,
    }
}

/// Makes `writing` of the same attempt `written`, which is as long: in place, without another file.
fn finish_note(path: &Path, attempt: AttemptId) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut text = [0; 64];
    let length = file.read(&mut text)?;
    if text[..length] != *Note::Writing(attempt).encode().as_bytes() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.rewind()?;
    file.write_all(Note::Written { attempt, in_time: true }.encode().as_bytes())
}

impl RunFolder {
    /// Notes how far a write got. The lease must be held. Who reads meanwhile sees the old note or the new one; a note
    /// that was killed half-way reads as none, which is what it says: nothing was put out yet.
    pub fn set_note(&self, note: Note, _lease: &Lease) -> Result<(), StoreError> {
        let text = note.encode();
        let path = self.file("note");
        let short_cut = match note {
            // The usual case: the last one was cleared.
            Note::Writing(_) => private()
                .write(true)
                .create_new(true)
                .open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes())),
            Note::Written { attempt, in_time: true } => finish_note(&path, attempt),
            Note::Written { .. } => Err(io::ErrorKind::Unsupported.into()),
        };
        if short_cut.is_ok() {
            return Ok(());
        }
        let fresh = self.file(".note");
        private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(StoreError::io("write", &path))
    }

    /// The last holder's note. That it cannot be read does not mean that there is none, and that nothing was put out.
    pub(crate) fn note(&self) -> Result<Option<Note>, StoreError> {
        let path = self.file("note");
        match fs::read(&path) {
            Ok(bytes) => Ok(decode(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Forgets the note once its content is in the store.
    pub(crate) fn clear_note(&self) {
        let _ = fs::remove_file(self.file("note"));
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_core::id::SessionId;

    use super::super::tests::folders;
    use super::*;

    #[test]
    fn a_note_says_what_was_noted_last() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        let lease = folder.try_lease().unwrap().unwrap();
        let (one, two) = (AttemptId::generate(), AttemptId::generate());
        let written = |attempt, in_time| Note::Written { attempt, in_time };
        for note in [
            written(one, true),
            Note::Writing(one),
            written(one, true),
            Note::Writing(two),
            written(one, true),
            written(two, false),
            written(two, true),
        ] {
            folder.set_note(note, &lease).unwrap();
            assert_eq!(folder.note().unwrap(), Some(note));
        }
        folder.clear_note();
        assert_eq!(folder.note().unwrap(), None);
        folder.set_note(Note::Writing(two), &lease).unwrap();
        assert_eq!(folder.note().unwrap(), Some(Note::Writing(two)));
    }

    #[test]
    fn a_note_that_cannot_be_read_is_not_the_same_as_none() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        folder.create().unwrap();
        assert_eq!(folder.note().unwrap(), None);
        fs::create_dir(folder.file("note")).unwrap();
        assert_eq!(folder.note().unwrap_err().code(), "store_io");
    }
}
