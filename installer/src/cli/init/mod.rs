//! `init`: puts the bridge into the configuration of agent CLIs.

mod choose;
mod consent;
mod listing;
mod outcome;
mod survey;

pub(super) use choose::unknown_provider;

use clap::ValueEnum;
use session_bridge_core::apply::{self, Disk};
use session_bridge_core::host::Host as _;
use session_bridge_core::name::Name;
use session_bridge_core::preview;
use session_bridge_core::provider::{Card, Scope};
use session_bridge_core::settings::Defaults;
use session_bridge_store::Store;

use super::Status;
use super::context::Context;
use crate::exit;
use crate::install::defaults::{self, Asked};
use crate::install::links::{self, LinkState};
use crate::install::{Target, look_alike, namesake, trust};
use crate::report::Failure;
use choose::Decision;
use consent::Agreed;
use outcome::{Outcome, Report, State};
use survey::Found;

/// Put the bridge into the agent CLIs of this machine.
///
/// Without --provider or --all: finds the agent CLIs that are here, says what it would do, and asks once. What it adds
/// is written down, so that `session-bridge uninstall` takes out that and nothing else. Running it again changes
/// nothing, or brings the entries up to date.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Install into this one; may be given several times. See `list-providers`.
    #[arg(long, value_name = "PROVIDER", conflicts_with = "all")]
    provider: Vec<String>,
    /// Install into every supported agent CLI that is on this machine.
    #[arg(long)]
    all: bool,
    /// Do not ask whether to install. Consents have flags of their own.
    #[arg(long, short)]
    yes: bool,
    /// Show what would be changed, and change nothing: a diff, or with --json RFC 6902 operations per file.
    #[arg(long)]
    dry_run: bool,
    /// The label of new sessions: the first live one in a room answers to it, further ones to LABEL-2, LABEL-3, ….
    #[arg(long)]
    label: Option<Name>,
    /// A role that new sessions answer to; may be given several times.
    #[arg(long)]
    role: Vec<Name>,
    /// The room that new sessions join.
    #[arg(long)]
    room: Option<Name>,
    /// Whose configuration: yours, or that of the project in the current folder.
    #[arg(long, value_enum, default_value_t)]
    scope: ScopeArg,
    /// Consent: let the agent CLI run the bridge's tools without asking (Claude Code: `permissions.allow`).
    #[arg(long)]
    allow_tools: bool,
    /// Consent: note in Codex that you reviewed the bridge's hooks. Shows each command.
    #[arg(long)]
    trust_codex_hooks: bool,
}

/// [`Scope`] as an option's value.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ScopeArg {
    /// Your own configuration, for every folder.
    #[default]
    User,
    /// The configuration of the project in the current folder.
    Project,
}

pub(super) fn run(args: &Args, context: &Context) -> Status {
    expect_usable_home(context)?;
    let scope = scope(args.scope, context)?;
    let choice = choose::choose(args, &scope, context)?;
    let asked =
        Asked(Defaults { label: args.label.clone(), roles: args.role.clone(), room: args.room.clone() });
    let names: Vec<&Name> = args.label.iter().chain(&args.role).collect();
    look_alike::refuse(&context.home, &names)?;
    if args.trust_codex_hooks && !choice.targets.iter().any(|target| target.id() == trust::PROVIDER) {
        context.ui.note(
            "note: --trust-codex-hooks does nothing here: Codex CLI is not among what is installed\n",
        )?;
    }
    let mut found = survey::look(args, context, choice.targets, &asked)?;
    if args.dry_run {
        return dry_run(context, &found, &choice.absent);
    }
    let links_stand = links::wanted(&context.home)?.iter().all(|link| link.state == LinkState::Ok);
    let mut report = Report::new(context, &choice.absent);
    if links_stand && found.iter().all(Found::is_done) {
        report.outcomes = found.iter().map(Outcome::of).collect();
        return report.nothing_to_change();
    }
    survey::ask_versions(&mut found, context)?;
    let decision = choose::decide(args, context, &found, &choice.absent)?;
    if decision == Decision::No {
        context.ui.note("nothing was changed\n")?;
        return Ok(exit::NOT_WELL);
    }

    let had_links = links::wanted(&context.home)?.iter().any(|link| link.state != LinkState::Missing);
    report.linked(links::make(&context.home)?)?;
    for found in &found {
        let more = if decision == Decision::YesToAll { found.open.as_slice() } else { &[] };
        report.add(install(context, found, found.agreed.and(more), &asked))?;
    }
    let nothing_installed = report.outcomes.iter().all(|outcome| outcome.state == State::Failed);
    if nothing_installed && !had_links && crate::install::ledgers(&context.home)?.is_empty() {
        links::remove(&context.home)?;
    }
    report.end()
}

/// Configuration names paths of the home, and is UTF-8.
fn expect_usable_home(context: &Context) -> Result<(), Failure> {
    Store::refuse_foreign_layout(&context.home)?;
    if context.home.root().to_str().is_none() {
        return Err(Failure::usage(
            "home_not_text",
            format!("the path of the bridge's home is not UTF-8: {}", context.home.root().display()),
            "set SESSION_BRIDGE_HOME to another folder: agent CLIs could not be told this one",
        ));
    }
    Ok(())
}

fn scope(arg: ScopeArg, context: &Context) -> Result<Scope, Failure> {
    match arg {
        ScopeArg::User => Ok(Scope::User),
        ScopeArg::Project => {
            let missing = || {
                Failure::usage(
                    "no_folder",
                    "the current folder cannot be told",
                    "change into the project's folder",
                )
            };
            Ok(Scope::Project(context.host.cwd().ok_or_else(missing)?))
        }
    }
}

/// One provider: its files, then what its new sessions start with, then what was consented to. A failure here leaves
/// the other providers alone.
fn install(context: &Context, found: &Found, agreed: Agreed, asked: &Asked) -> Outcome {
    let mut outcome = Outcome::of(found);
    outcome.agreed = agreed;
    if let Err(failure) = try_install(context, &found.target, asked, &mut outcome) {
        outcome.state = State::Failed;
        outcome.failure = Some(failure);
    }
    outcome
}

fn try_install(
    context: &Context,
    target: &Target,
    asked: &Asked,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    namesake::refuse(&context.host, target)?;
    let disk = Disk::new(context.home.root());
    // Others may have written since anybody looked, and more may have been agreed to.
    let plan = target.plan(&context.home, &context.host, outcome.agreed.allow_tools);
    outcome.take_files(&plan, &apply::preview(&plan, &disk)?);
    let applied = apply::apply(&plan, &disk)?;
    let renamed = defaults::set(&context.home, target.id(), asked)?;
    outcome.overtaken.clone_from(&applied.overtaken);
    if !applied.written.is_empty() || renamed {
        outcome.state = State::Installed;
    }
    outcome.settings = renamed;
    if outcome.agreed.trust_hooks {
        trust_hooks(context, target, outcome);
    }
    Ok(())
}

/// Notes the review; each command is shown. What could not be noted stays a step for the person.
fn trust_hooks(context: &Context, target: &Target, outcome: &mut Outcome) {
    let Some(program) = &target.site.program else {
        outcome.trust_failure = Some(Failure::new(
            "codex_not_found",
            exit::NOT_WELL,
            "the program `codex` is not on PATH, so the review could not be noted",
            "review the hooks in Codex itself: start `codex` and open /hooks",
        ));
        return;
    };
    let noted = trust::list(program, &target.site, &context.home)
        .and_then(|before| Ok((before, trust::grant(program, &target.site, &context.home)?)));
    match noted {
        Ok((before, after)) => {
            if after != before {
                outcome.state = State::Installed;
            }
            outcome.trust = after;
        }
        Err(failure) => outcome.trust_failure = Some(failure),
    }
}

fn dry_run(context: &Context, found: &[Found], absent: &[&'static Card]) -> Status {
    let mut report = Report::new(context, absent);
    report.dry_run = true;
    let links = links::wanted(&context.home)?.into_iter().filter(|link| link.state != LinkState::Ok);
    report.linked(links.collect())?;
    for found in found {
        let mut outcome = Outcome::of(found);
        if let Ok(preview) = &found.preview {
            outcome.take_files(&found.plan, preview);
            outcome.diff = preview::unified_diff(preview);
        }
        outcome.failure = found.trouble();
        if outcome.failure.is_some() {
            outcome.state = State::Failed;
        } else if !outcome.diff.is_empty() {
            outcome.state = State::Installed;
        }
        outcome.settings = found.settings;
        report.add(outcome)?;
    }
    report.end()
}
