//! `heard`: which event the session's hooks heard last, so that the hook of another installation leaves it alone.

use std::fs;
use std::io::Write as _;

use super::{Lease, RunFolder, private};
use crate::error::StoreError;

impl RunFolder {
    /// Whether the last event that was heard had this fingerprint.
    pub fn has_heard(&self, event: u64) -> bool {
        fs::read(self.file("heard")).is_ok_and(|text| text == line(event).as_bytes())
    }

    /// Notes the event that was heard. All lines have the same length; half of one is no event's.
    pub fn set_heard(&self, event: u64, _lease: &Lease) -> Result<(), StoreError> {
        let path = self.file("heard");
        private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .and_then(|mut file| file.write_all(line(event).as_bytes()))
            .map_err(StoreError::io("write", &path))
    }
}

fn line(event: u64) -> String {
    format!("{event:016x}\n")
}

#[cfg(test)]
mod tests {
    use session_bridge_core::id::SessionId;

    use super::super::tests::folders;

    #[test]
    fn the_last_event_is_known_again() {
        let (_dir, folders) = folders();
        let folder = folders.session(SessionId::generate());
        assert!(!folder.has_heard(7), "nothing yet");
        folder.create().unwrap();
        let lease = folder.try_lease().unwrap().unwrap();
        folder.set_heard(7, &lease).unwrap();
        assert!(folder.has_heard(7) && !folder.has_heard(8));
        folder.set_heard(u64::MAX, &lease).unwrap();
        assert!(folder.has_heard(u64::MAX) && !folder.has_heard(7));
    }
}
