//! `init`: puts the bridge into the configuration of agent CLIs.

mod choose;
mod consent;
mod outcome;

pub(super) use choose::unknown_provider;

use std::path::PathBuf;

use clap::ValueEnum;
use session_bridge_core::apply::{self, Disk};
use session_bridge_core::host::Host as _;
use session_bridge_core::name::Name;
use session_bridge_core::plan::Plan;
use session_bridge_core::preview;
use session_bridge_core::provider::Scope;
use session_bridge_core::settings::Defaults;
use session_bridge_store::Store;

use super::Status;
use super::context::Context;
use crate::exit;
use crate::install::defaults::{self, Asked};
use crate::install::links::{self, LinkState};
use crate::install::{Target, look_alike, namesake, trust};
use crate::report::Failure;
use consent::Consent;
use outcome::{Outcome, Report, State};

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
    if args.dry_run {
        return dry_run(args, context, &choice, &asked);
    }
    if !choose::confirmed(args, context, &choice)? {
        context.ui.note("nothing was changed\n")?;
        return Ok(exit::NOT_WELL);
    }
    let mut consents = Vec::with_capacity(choice.targets.len());
    for target in &choice.targets {
        consents.push(consent::ask(args, context, target)?);
    }

    let had_links = links::wanted(&context.home)?.iter().any(|link| link.state != LinkState::Missing);
    let made = links::make(&context.home)?;
    let mut outcomes = Vec::with_capacity(choice.targets.len());
    for (target, consent) in choice.targets.iter().zip(&consents) {
        outcomes.push(install(context, target, *consent, &asked));
    }
    let nothing_installed = outcomes.iter().all(|outcome| outcome.state == State::Failed);
    if nothing_installed && !had_links && crate::install::ledgers(&context.home)?.is_empty() {
        links::remove(&context.home)?;
    }
    let report = Report { dry_run: false, outcomes, absent: &choice.absent, links: made };
    report.show(context)?;
    Ok(report.exit())
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
fn install(context: &Context, target: &Target, consent: Consent, asked: &Asked) -> Outcome {
    let mut outcome = Outcome::new(target, consent);
    if let Err(failure) = try_install(context, target, consent, asked, &mut outcome) {
        outcome.state = State::Failed;
        outcome.failure = Some(failure);
    }
    outcome
}

fn try_install(
    context: &Context,
    target: &Target,
    consent: Consent,
    asked: &Asked,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    namesake::refuse(target)?;
    let disk = Disk::new(context.home.root());
    let plan = target.plan(&context.home, &context.host, consent.allow_tools);
    let before = apply::preview(&plan, &disk)?;
    outcome.take_files(&plan, &before);
    let applied = apply::apply(&plan, &disk)?;
    let renamed = defaults::set(&context.home, target.id(), asked)?;
    outcome.overtaken.clone_from(&applied.overtaken);
    if !applied.written.is_empty() || renamed {
        outcome.state = State::Installed;
    }
    outcome.settings = renamed;
    if consent.trust_hooks {
        trust_hooks(context, target, outcome)?;
    }
    Ok(())
}

/// Shows each command, then notes the review. What could not be noted stays a step for the person.
fn trust_hooks(context: &Context, target: &Target, outcome: &mut Outcome) -> Result<(), Failure> {
    let Some(program) = &target.site.program else {
        outcome.trust_failure = Some(Failure::new(
            "codex_not_found",
            exit::NOT_WELL,
            "the program `codex` is not on PATH, so the review could not be noted",
            "review the hooks in Codex itself: start `codex` and open /hooks",
        ));
        return Ok(());
    };
    match trust::list(program, &target.site, &context.home) {
        Ok(hooks) => {
            for hook in hooks.iter().filter(|hook| !hook.is_trusted()) {
                context.ui.note(&format!(
                    "trusting {}: {}\n",
                    hook.event,
                    session_bridge_core::frame::printable(&hook.command)
                ))?;
            }
            match trust::grant(program, &target.site, &context.home) {
                Ok(after) => {
                    if after != hooks {
                        outcome.state = State::Installed;
                    }
                    outcome.trust = after;
                }
                Err(failure) => outcome.trust_failure = Some(failure),
            }
        }
        Err(failure) => outcome.trust_failure = Some(failure),
    }
    Ok(())
}

fn dry_run(args: &Args, context: &Context, choice: &choose::Choice, asked: &Asked) -> Status {
    let disk = Disk::new(context.home.root());
    let links: Vec<_> =
        links::wanted(&context.home)?.into_iter().filter(|link| link.state != LinkState::Ok).collect();
    let mut outcomes = Vec::new();
    for target in &choice.targets {
        let allowed = args.allow_tools || target.is_allowed(&context.home, &context.host)?;
        let consent = Consent {
            allow_tools: allowed,
            trust_hooks: args.trust_codex_hooks && target.id() == trust::PROVIDER,
        };
        let mut outcome = Outcome::new(target, consent);
        let plan: Plan = target.plan(&context.home, &context.host, allowed);
        match apply::preview(&plan, &disk) {
            Ok(files) => {
                outcome.take_files(&plan, &files);
                outcome.diff = preview::unified_diff(&files);
                if let Some(error) = files.files.into_iter().find_map(|file| file.after.err()) {
                    outcome.state = State::Failed;
                    outcome.failure = Some(error.into());
                } else if !outcome.diff.is_empty() {
                    outcome.state = State::Installed;
                }
            }
            Err(error) => {
                outcome.state = State::Failed;
                outcome.failure = Some(error.into());
            }
        }
        if let Err(failure) = namesake::refuse(target) {
            outcome.state = State::Failed;
            outcome.failure = Some(failure);
        }
        outcome.settings = defaults::would_change(&context.home, target.id(), asked)?;
        outcomes.push(outcome);
    }
    let report = Report { dry_run: true, outcomes, absent: &choice.absent, links };
    report.show(context)?;
    Ok(report.exit())
}

/// The files of a target, for people who decide.
fn files(target: &Target) -> Vec<&PathBuf> {
    let mut files = vec![&target.site.hooks_file];
    if target.site.mcp_file != target.site.hooks_file {
        files.push(&target.site.mcp_file);
    }
    files
}
