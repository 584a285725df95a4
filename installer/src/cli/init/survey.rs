//! What is on this machine and what would change, looked at before anybody is asked. Nothing is written here.

use std::path::PathBuf;

use session_bridge_core::apply::{self, Disk, Preview};
use session_bridge_core::plan::Plan;
use session_bridge_core::provider::{Card, Consent};

use super::Args;
use super::consent::Agreed;
use crate::cli::changes::{self, Change};
use crate::cli::context::Context;
use crate::install::defaults::{self, Asked};
use crate::install::version::{self, Standing, Told};
use crate::install::{Target, namesake};
use crate::report::Failure;
use crate::term::wide;

/// One provider that is to be installed into.
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) agreed: Agreed,
    /// What the person may be asked to agree to as well.
    pub(super) open: Vec<Consent>,
    /// None where there is no program.
    pub(super) version: Option<Told>,
    pub(super) plan: Plan,
    pub(super) preview: Result<Preview, Failure>,
    /// Whether what new sessions start with would change.
    pub(super) settings: bool,
}

impl Found {
    pub(super) fn card(&self) -> &'static Card {
        self.target.card()
    }

    /// Why it cannot be installed, if so.
    pub(super) fn trouble(&self) -> Option<Failure> {
        match &self.preview {
            Ok(preview) => {
                let error = preview.files.iter().find_map(|file| file.after.as_ref().err());
                error.map(Failure::from)
            }
            Err(failure) => Some(failure.clone()),
        }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.preview.as_ref().map(|preview| changes::of(&self.plan, preview)).unwrap_or_default()
    }

    /// Whether everything is there already, and nothing is in the way.
    pub(super) fn is_done(&self) -> bool {
        !self.settings && !self.agreed.trust_hooks && self.preview.as_ref().is_ok_and(Preview::is_empty)
    }

    /// The version as people read it, and how it stands to the verified ones.
    pub(super) fn version(&self) -> (Option<&str>, Remark) {
        match &self.version {
            None => (None, Remark::Doubt("no program on PATH".to_owned())),
            Some(Err(_)) => (None, Remark::Doubt("does not tell its version".to_owned())),
            Some(Ok(version)) => {
                let known = self.card().verified;
                let (oldest, newest) = (known.first().map(|v| v.version), known.last().map(|v| v.version));
                let remark = match version::standing(self.card(), version) {
                    Standing::Verified => Remark::Fine("verified"),
                    Standing::Older => Remark::Doubt(than("older", oldest)),
                    Standing::Newer => Remark::Doubt(than("newer", newest)),
                    Standing::Between | Standing::Unknown => {
                        Remark::Doubt(format!("not verified, as {} is", newest.unwrap_or_default()))
                    }
                };
                (Some(version), remark)
            }
        }
    }
}

fn than(word: &str, version: Option<&str>) -> String {
    format!("{word} than the verified {}", version.unwrap_or_default())
}

/// How much is known of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// It was run against.
    Fine(&'static str),
    /// It was not.
    Doubt(String),
}

/// Looks at every target.
pub(super) fn look(
    args: &Args,
    context: &Context,
    targets: Vec<Target>,
    asked: &Asked,
) -> Result<Vec<Found>, Failure> {
    let disk = Disk::new(context.home.root());
    let mut all = Vec::with_capacity(targets.len());
    for target in targets {
        let agreed = Agreed::before(args, context, &target)?;
        let plan = target.plan(&context.home, &context.host, agreed.allow_tools);
        let preview = namesake::refuse(&context.host, &target)
            .and_then(|()| apply::preview(&plan, &disk).map_err(Failure::from));
        let open = agreed.open(context, &target)?;
        let settings = defaults::would_change(&context.home, target.id(), asked)?;
        let version = target.site.program.as_deref().map(|program| {
            let told = version::packaged(&context.host, target.card(), program);
            told.ok_or_else(|| "its package does not tell".to_owned())
        });
        all.push(Found { target, agreed, open, version, plan, preview, settings });
    }
    Ok(all)
}

/// Asks the programs whose package does not tell their version, all at once. Some of them write files on that occasion.
pub(super) fn ask_versions(found: &mut [Found], context: &Context) -> Result<(), Failure> {
    let is_mute = |found: &&mut Found| matches!(found.version, Some(Err(_)));
    let mut mute: Vec<&mut Found> = found.iter_mut().filter(is_mute).collect();
    let programs: Vec<PathBuf> = mute.iter().filter_map(|found| found.target.site.program.clone()).collect();
    if programs.is_empty() {
        return Ok(());
    }
    // A few seconds may pass: whoever looks is told, and the line goes again.
    let note = "asking agent CLIs for their versions …";
    if context.ui.is_interactive() {
        context.ui.note(note)?;
    }
    let told = version::asked_together(&programs);
    if context.ui.is_interactive() {
        context.ui.note(&format!("\r{}\r", " ".repeat(wide(note))))?;
    }
    for (found, told) in mute.iter_mut().zip(told) {
        found.version = Some(told);
    }
    Ok(())
}
