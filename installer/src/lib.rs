//! Running agent CLI sessions message one another.
