//! The test harness: installs, isolates, and gives every case its world.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::again::SecondChances;
use crate::install::Versions;
use crate::programs::Programs;
use crate::{Clis, DriverError, World, isolate, programs};

/// What a case returns. Assertions may simply panic.
pub type CaseResult = Result<(), Box<dyn Error>>;

type Case = Box<dyn Fn(&World) -> CaseResult + Send + Sync>;

/// The cases of one test binary.
pub struct Suite {
    target: PathBuf,
    packages: Vec<String>,
    cases: Vec<(String, Case)>,
    /// Run on the oldest versions, whatever the others run on.
    smoke: Vec<(String, Case)>,
}

impl Suite {
    /// A suite that keeps the CLIs in the target folder that holds `target_tmpdir`; pass
    /// `env!("CARGO_TARGET_TMPDIR")`.
    pub fn new(target_tmpdir: &str) -> Self {
        let tmp = Path::new(target_tmpdir);
        // Cargo tags its target folder, and below it the folder of each named build target.
        let tagged = tmp.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").is_file());
        let target = tagged.last().or(tmp.parent()).unwrap_or(tmp);
        Self { target: target.to_path_buf(), packages: Vec::new(), cases: Vec::new(), smoke: Vec::new() }
    }

    /// Builds the programs of a package of this workspace before the cases run; see [`World::built`].
    #[must_use]
    pub fn package(mut self, name: &str) -> Self {
        self.packages.push(name.to_owned());
        self
    }

    /// Adds a case. It runs in a world of its own, possibly beside others.
    #[must_use]
    pub fn case(mut self, name: &str, case: impl Fn(&World) -> CaseResult + Send + Sync + 'static) -> Self {
        self.cases.push((name.to_owned(), Box::new(case)));
        self
    }

    /// Adds a case that runs on the oldest versions of the CLIs, under a name that says so. It is left out where all cases
    /// do.
    #[must_use]
    pub fn on_oldest(
        mut self,
        name: &str,
        case: impl Fn(&World) -> CaseResult + Send + Sync + 'static,
    ) -> Self {
        self.smoke.push((format!("oldest::{name}"), Box::new(case)));
        self
    }

    /// Runs the cases that the command line asks for; takes the options of `cargo test`.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let chances = Arc::new(SecondChances::from_environment());
        match self.trials(arguments.list, &chances) {
            Ok(trials) => {
                let conclusion = libtest_mimic::run(&arguments, trials);
                if let Some(report) = chances.report() {
                    tell(&report);
                }
                conclusion.exit_code()
            }
            Err(error) => {
                tell(&format!("the real CLIs cannot be tested: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    fn trials(self, only_list: bool, chances: &Arc<SecondChances>) -> Result<Vec<Trial>, DriverError> {
        let wanted = Versions::wanted()?;
        let smoke = if wanted == Versions::Oldest { Vec::new() } else { self.smoke };
        let clis = Clis::under(&self.target, wanted)?;
        let oldest = Clis::under(&self.target, Versions::Oldest)?;
        if !only_list && !isolate::inside() {
            clis.ensure()?;
            if !smoke.is_empty() {
                oldest.ensure()?;
            }
            return Err(isolate::enter(&programs::build(&self.packages)?));
        }
        let trials = |clis, cases: Vec<(String, Case)>| {
            let kit = Arc::new(Kit { clis, programs: programs::handed_on() });
            let chances = Arc::clone(chances);
            cases.into_iter().map(move |(name, case)| {
                let (kit, chances, id) = (Arc::clone(&kit), Arc::clone(&chances), name.clone());
                Trial::test(name, move || chances.run(&id, || run_case(&kit, &*case)))
            })
        };
        Ok(trials(clis, self.cases).chain(trials(oldest, smoke)).collect())
    }
}

/// What all worlds of a suite share.
pub(crate) struct Kit {
    pub(crate) clis: Clis,
    pub(crate) programs: Programs,
}

/// Runs a case, clears its world away, and adds an account of the world to a failure.
fn run_case(kit: &Arc<Kit>, case: &(dyn Fn(&World) -> CaseResult + Send + Sync)) -> Result<(), String> {
    let mut world = World::new(kit).map_err(|error| error.to_string())?;
    let outcome = match catch_unwind(AssertUnwindSafe(|| case(&world))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(text.unwrap_or("the case panicked").to_owned())
        }
    };
    let account = outcome.as_ref().err().map(|_| world.account());
    let left = world.close();
    match (outcome, left.is_empty()) {
        (Ok(()), true) => Ok(()),
        (Ok(()), false) => Err(format!("processes survived the case: {left:?}")),
        (Err(text), _) => Err(format!("{text}\n{}", account.unwrap_or_default())),
    }
}

#[expect(clippy::print_stderr, reason = "a harness reports to its terminal")]
fn tell(text: &str) {
    eprintln!("{text}");
}
