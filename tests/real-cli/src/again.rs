//! A second chance for a case that failed, and a loud word if it took it.
//!
//! The cases drive programs that we did not write, on machines that do other things meanwhile. One that fails and then
//! passes in a world of its own has met an accident, of the machine, of the CLI, or of ours: the run goes on, and its end
//! says so in full, because the third kind is a bug.

use std::env;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::Failed;

/// Set to `off`, this variable makes a first failure final.
const SWITCH: &str = "SESSION_BRIDGE_TEST_RETRY";

/// Which cases needed it.
pub(crate) struct SecondChances {
    given: bool,
    taken: Mutex<Vec<(String, String)>>,
}

impl SecondChances {
    /// Given, unless the environment says otherwise.
    pub(crate) fn from_environment() -> Self {
        Self::new(env::var_os(SWITCH).is_none_or(|value| value != "off"))
    }

    fn new(given: bool) -> Self {
        Self { given, taken: Mutex::default() }
    }

    /// Runs a case, and once more if it fails. Two failures are one, with both accounts.
    pub(crate) fn run(&self, name: &str, case: impl Fn() -> Result<(), String>) -> Result<(), Failed> {
        let Err(first) = case() else { return Ok(()) };
        if !self.given {
            return Err(first.into());
        }
        if let Err(second) = case() {
            return Err(format!("{first}\n\n=== and once more, in a fresh world ===\n{second}").into());
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), first));
        Ok(())
    }

    /// What the end of the run says of the cases that passed at the second attempt only.
    pub(crate) fn report(&self) -> Option<String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.is_empty() {
            return None;
        }
        let mut out = String::new();
        for (name, failure) in &*taken {
            let _ = writeln!(out, "---- FLAKY: {name}, first attempt ----\n{}\n", failure.trim_end());
        }
        let names: Vec<_> = taken.iter().map(|(name, _)| name.as_str()).collect();
        let _ = write!(
            out,
            "FLAKY: {} case(s) failed and passed when run once more: {}. Each is a bug until its reason is known; \
             {SWITCH}=off makes it fail the run.",
            names.len(),
            names.join(", ")
        );
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A case that fails `times` times.
    fn failing(times: usize) -> impl Fn() -> Result<(), String> {
        let left = Cell::new(times);
        move || match left.get() {
            0 => Ok(()),
            more => {
                left.set(more - 1);
                Err(format!("failure with {more} left"))
            }
        }
    }

    #[test]
    fn one_failure_is_flaky_and_two_are_a_failure() {
        let chances = SecondChances::new(true);
        assert!(chances.run("steady", failing(0)).is_ok());
        assert!(chances.report().is_none());
        assert!(chances.run("shaky", failing(1)).is_ok());
        let report = chances.report().unwrap();
        assert!(report.contains("FLAKY: shaky") && report.contains("failure with 1 left"), "{report}");
        assert!(report.contains("1 case(s)"), "{report}");
        let twice = chances.run("broken", failing(2)).unwrap_err();
        let text = twice.message().unwrap_or_default();
        assert!(text.contains("2 left") && text.contains("1 left"), "{text}");
        assert!(!chances.report().unwrap().contains("broken"));
    }

    #[test]
    fn without_second_chances_the_first_failure_counts() {
        let chances = SecondChances::new(false);
        assert!(chances.run("shaky", failing(1)).is_err());
        assert!(chances.report().is_none());
    }
}
