//! The laws that every provider obeys.
//!
//! A provider's `tests/conformance.rs` is one line, [`suite!`]. It runs every law on every fixture of the provider's
//! folder, each as a test of its own:
//!
//! * `fixtures/<version>/<event>.json`: payloads captured from the real CLI of that version;
//! * `fixtures/config/<case>/before/`: a home folder as it was before `init`; with a file `refused` beside it that
//!   names the stable code of the error, if `init` must leave it alone;
//! * `fixtures/snapshots/`: what the provider makes of them.

#![expect(clippy::unwrap_used, reason = "a broken law is a panic; the harness reports it")]

mod edits;
mod fixtures;
mod home;
mod laws;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use session_bridge_core::provider::Provider;

use crate::fixtures::Payload;

/// Runs the whole suite for a provider's unit struct. Goes into a test target with `harness = false`.
#[macro_export]
macro_rules! suite {
    ($provider:expr) => {
        fn main() -> std::process::ExitCode {
            $crate::run(&$provider, env!("CARGO_MANIFEST_DIR"))
        }
    };
}

/// The provider under test, and its folder.
#[derive(Clone, Copy)]
struct Subject {
    provider: &'static dyn Provider,
    folder: &'static str,
}

impl Subject {
    fn fixtures(self) -> PathBuf {
        Path::new(self.folder).join("fixtures")
    }

    /// Compares with `fixtures/snapshots/<name>.snap`.
    fn snapshot(self, name: &str, value: &str) {
        insta::with_settings!({
            snapshot_path => self.fixtures().join("snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, value);
        });
    }
}

/// Runs the laws; what [`suite!`] calls.
pub fn run(provider: &'static dyn Provider, folder: &'static str) -> ExitCode {
    let subject = Subject { provider, folder };
    if let Some(done) = laws::denied::inside(subject) {
        return done;
    }
    let payloads: &'static [Payload] = Payload::all(&subject.fixtures()).leak();
    let mut trials = Vec::new();
    laws::card::add(&mut trials, subject, payloads);
    laws::decode::add(&mut trials, subject, payloads);
    laws::identity::add(&mut trials, subject, payloads);
    laws::encode::add(&mut trials, subject, payloads);
    laws::plan::add(&mut trials, subject);
    laws::probe::add(&mut trials, subject);
    laws::config::add(&mut trials, subject);
    laws::denied::add(&mut trials, subject);
    laws::at_once::add(&mut trials, subject);
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// One named test.
fn trial(trials: &mut Vec<Trial>, name: impl Into<String>, law: impl FnOnce() + Send + 'static) {
    trials.push(Trial::test(name, move || {
        law();
        Ok(())
    }));
}
