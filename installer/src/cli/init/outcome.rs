//! What became of each provider, for people and programs.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use session_bridge_core::apply::Preview;
use session_bridge_core::host::Host as _;
use session_bridge_core::plan::Plan;
use session_bridge_core::preview;
use session_bridge_core::provider::{Card, Consent, Step};

use super::consent::Agreed;
use super::survey::Found;
use crate::cli::Status;
use crate::cli::changes::{self, Change, Columns, Line, named};
use crate::cli::context::Context;
use crate::exit;
use crate::install::links::Link;
use crate::install::trust::Hook;
use crate::install::{ledgers, provider_of, scope_text};
use crate::report::Failure;
use crate::term::{folder, put, result_width, style, tilde, wrapped};

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Something is other than before; in a dry run: would be.
    Installed,
    /// Everything was there already.
    Unchanged,
    /// Nothing of this provider was changed.
    Failed,
}

/// One provider.
pub(super) struct Outcome {
    card: &'static Card,
    scope: String,
    version: Option<String>,
    pub(super) agreed: Agreed,
    pub(super) state: State,
    pub(super) failure: Option<Failure>,
    /// Per changed file: its path, what happens to it, and its RFC 6902 operations.
    patch: Vec<Value>,
    changes: Vec<Change>,
    pub(super) diff: String,
    pub(super) settings: bool,
    pub(super) overtaken: Vec<PathBuf>,
    pub(super) trust: Vec<Hook>,
    pub(super) trust_failure: Option<Failure>,
}

impl Outcome {
    /// Nothing is done yet.
    pub(super) fn of(found: &Found) -> Self {
        Self {
            card: found.card(),
            scope: scope_text(&found.target.site.scope),
            version: found.version().0.map(str::to_owned),
            agreed: found.agreed,
            state: State::Unchanged,
            failure: None,
            patch: Vec::new(),
            changes: Vec::new(),
            diff: String::new(),
            settings: false,
            overtaken: Vec::new(),
            trust: Vec::new(),
            trust_failure: None,
        }
    }

    pub(super) fn take_files(&mut self, plan: &Plan, files: &Preview) {
        self.patch = preview::patch(files).as_array().cloned().unwrap_or_default();
        self.changes = changes::of(plan, files);
    }

    fn is_trusted(&self) -> bool {
        !self.trust.is_empty() && self.trust.iter().all(Hook::is_trusted)
    }

    /// What only the person can do, less what was consented to.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let settled = |step: &Step| match step.settled_by() {
            Some(Consent::AllowTools) => self.agreed.allow_tools,
            Some(Consent::TrustHooks) => self.is_trusted(),
            None => false,
        };
        let all = if self.state == State::Failed { &[] } else { self.card.human_steps };
        all.iter().filter(move |step| !settled(step)).copied()
    }

    fn document(&self) -> Value {
        json!({
            "provider": self.card.id,
            "name": self.card.name,
            "scope": self.scope,
            "version": self.version,
            "state": self.state,
            "files": self.patch,
            "settings_changed": self.settings,
            "overtaken": self.overtaken,
            "consents": { "allow_tools": self.agreed.allow_tools, "trust_hooks": self.agreed.trust_hooks },
            "trust": self.trust,
            "trust_error": self.trust_failure.as_ref().map(|failure| failure.document()["error"].clone()),
            "steps": self.steps().map(|step| step.text(self.card.name)).collect::<Vec<_>>(),
            "error": self.failure.as_ref().map(|failure| failure.document()["error"].clone()),
        })
    }

    /// A mark and the name; below them what was done.
    fn text(&self, dry_run: bool, home: Option<&Path>) -> String {
        let (strong, good, dim, warn) = (style::STRONG, style::GOOD, style::DIM, style::WARN);
        let bad = style::BAD;
        let mut out = match self.state {
            _ if dry_run => String::new(),
            State::Failed => format!("{bad}✗{bad:#} "),
            State::Installed | State::Unchanged => format!("{good}✓{good:#} "),
        };
        put!(out, "{strong}{}{strong:#}", self.card.name);
        if let Some(version) = &self.version {
            put!(out, " {version}");
        }
        if self.scope != "user" {
            put!(out, " {dim}({}){dim:#}", self.scope);
        }
        if self.state == State::Unchanged && !self.settings {
            put!(out, "  {dim}nothing to change{dim:#}");
        }
        out.push('\n');
        if let Some(failure) = &self.failure {
            out.push_str(&beneath(failure));
            return out;
        }
        if dry_run {
            out.push_str(&coloured(&self.diff));
            if self.settings {
                out.push_str("  would note what new sessions start with\n");
            }
            return out;
        }
        let line = |change: &Change| Line::new(change.action.done(), &change.path, &change.what, home);
        let mut lines: Vec<Line> = self.changes.iter().map(line).collect();
        if self.settings {
            lines.push(Line::about("noted", "what new sessions start with"));
        }
        if !self.trust.is_empty() {
            let trusted = self.trust.iter().filter(|hook| hook.is_trusted()).count();
            let all = self.trust.len();
            lines.push(Line::about("noted", format!("{trusted} of {all} hooks as reviewed by you:")));
            lines.extend(self.trust.iter().map(|hook| Line::about("", tilde(&hook.command, home))));
        }
        out.push_str(&Columns::of(&lines.iter(), result_width()).text(&lines));
        for path in &self.overtaken {
            let path = folder(&path.to_string_lossy(), home);
            let text = format!(
                "{path} was written by another program at the same time; run `session-bridge doctor`"
            );
            put!(out, "  {warn}!{warn:#} {}\n", wrapped(&text, 4));
        }
        if let Some(failure) = &self.trust_failure {
            out.push_str(&beneath(failure));
        }
        out
    }
}

/// A failure, below what it is about.
fn beneath(failure: &Failure) -> String {
    let mut out = String::new();
    for line in failure.text().lines() {
        put!(out, "    {line}\n");
    }
    out
}

/// The diff with its usual colours.
fn coloured(diff: &str) -> String {
    let mut out = String::with_capacity(diff.len());
    for line in diff.lines() {
        let look = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => style::STRONG,
            Some(b'+') => style::GOOD,
            Some(b'-') => style::BAD,
            Some(b'@') => style::NAME,
            _ => anstyle::Style::new(),
        };
        put!(out, "{look}{line}{look:#}\n");
    }
    out
}

/// The whole run, told as it goes.
pub(super) struct Report<'a> {
    context: &'a Context,
    absent: &'a [&'static Card],
    pub(super) dry_run: bool,
    pub(super) outcomes: Vec<Outcome>,
    links: Vec<Link>,
}

impl<'a> Report<'a> {
    pub(super) fn new(context: &'a Context, absent: &'a [&'static Card]) -> Self {
        Self { context, absent, dry_run: false, outcomes: Vec::new(), links: Vec::new() }
    }

    /// The programs have their constant paths.
    pub(super) fn linked(&mut self, links: Vec<Link>) -> Result<(), Failure> {
        self.links = links;
        let home = self.context.host.home();
        let (good, strong, dim) = (style::GOOD, style::STRONG, style::DIM);
        let mut text = String::new();
        if self.dry_run {
            for link in &self.links {
                let (path, target) = (link.path.display(), link.target.display());
                put!(text, "would link {path} {dim}→ {target}{dim:#}\n");
            }
        } else if !self.links.is_empty() {
            let line = |link: &Link| Line::new("linked", &link.path, "", home.as_deref());
            let lines: Vec<Line> = self.links.iter().map(line).collect();
            put!(text, "{good}✓{good:#} {strong}session-bridge{strong:#} {}\n", env!("CARGO_PKG_VERSION"));
            text.push_str(&Columns::of(&lines.iter(), result_width()).text(&lines));
        }
        self.say(&text)
    }

    /// A provider is done with.
    pub(super) fn add(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let text = outcome.text(self.dry_run, self.context.host.home().as_deref());
        self.outcomes.push(outcome);
        self.say(&text)
    }

    /// Everything was there already.
    pub(super) fn nothing_to_change(self) -> Status {
        let names: Vec<&str> = self.outcomes.iter().map(|outcome| outcome.card.name).collect();
        let good = style::GOOD;
        let text = format!("Nothing to change: the bridge is installed in {}.", named(&names));
        self.say(&format!("{good}✓{good:#} {}\n", wrapped(&text, 2)))?;
        self.finish("")
    }

    /// What is left to the person; the status of the first failure, if there was one.
    pub(super) fn end(self) -> Status {
        let (dim, strong) = (style::DIM, style::STRONG);
        let mut text = String::new();
        if self.dry_run {
            self.say(&self.absent_line())?;
            put!(text, "{dim}nothing was changed{dim:#}\n");
            return self.finish(&text);
        }
        let steps = steps(&self.outcomes);
        if !steps.is_empty() {
            put!(text, "\n{strong}Only you can do the rest:{strong:#}\n");
        }
        for step in steps {
            put!(text, "  · {}\n", wrapped(&step, 4));
        }
        let changed = self.outcomes.iter().any(|outcome| outcome.state == State::Installed);
        if changed {
            put!(text, "\n{dim}check{dim:#}  session-bridge doctor\n{dim}undo{dim:#}   {}\n", self.undo());
        }
        let text = self.absent_line() + &text;
        self.finish(&text)
    }

    fn absent_line(&self) -> String {
        if self.absent.is_empty() {
            return String::new();
        }
        let dim = style::DIM;
        let names: Vec<&str> = self.absent.iter().map(|card| card.name).collect();
        format!("{dim}{}{dim:#}\n", wrapped(&format!("· not here: {}", names.join(", ")), 2))
    }

    fn finish(&self, text: &str) -> Status {
        let ui = self.context.ui;
        if ui.json {
            let providers: Vec<Value> = self.outcomes.iter().map(Outcome::document).collect();
            let absent: Vec<_> = self.absent.iter().map(|card| card.id).collect();
            ui.document(&json!({
                "dry_run": self.dry_run, "providers": providers, "not_found": absent, "links": self.links,
                "undo": self.undo()
            }))?;
        }
        self.say(text)?;
        let failures = self.outcomes.iter().flat_map(|o| o.failure.iter().chain(&o.trust_failure));
        Ok(failures.map(|failure| failure.exit).next().unwrap_or(exit::OK))
    }

    /// For people; a program gets one document at the end.
    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.context.ui.json { Ok(()) } else { self.context.ui.say(text) }
    }

    /// The command that takes this installation out again.
    fn undo(&self) -> String {
        let ids: Vec<&str> = self.outcomes.iter().map(|outcome| outcome.card.id.as_str()).collect();
        let others = ledgers(&self.context.home).unwrap_or_default();
        if ids.len() > 1 && others.iter().all(|name| ids.contains(&provider_of(name))) {
            return "session-bridge uninstall --all".to_owned();
        }
        let ids = ids.iter().map(|id| format!(" --provider {id}"));
        format!("session-bridge uninstall{}", ids.collect::<String>())
    }
}

/// What only the person can do after all of it, each step once; what holds for several agent CLIs is one step.
fn steps(outcomes: &[Outcome]) -> Vec<String> {
    let changed = || outcomes.iter().filter(|outcome| outcome.state == State::Installed);
    let is_new = |outcome: &&Outcome| outcome.steps().any(|step| step == Step::NewSession);
    let new: Vec<&str> = changed().filter(is_new).map(|outcome| outcome.card.name).collect();
    let mut steps = Vec::new();
    match new.as_slice() {
        [] => {}
        [one] => steps.push(Step::NewSession.text(one).into_owned()),
        many => steps
            .push(format!("Start new sessions of {}: running ones have not loaded the bridge.", named(many))),
    }
    for outcome in changed() {
        let others = outcome.steps().filter(|step| *step != Step::NewSession);
        steps.extend(others.map(|step| format!("{}: {}", outcome.card.name, step.text(outcome.card.name))));
    }
    steps
}
