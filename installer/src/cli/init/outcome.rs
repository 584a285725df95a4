//! What became of each provider, for people and programs.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};
use session_bridge_core::apply::Preview;
use session_bridge_core::plan::Plan;
use session_bridge_core::preview;
use session_bridge_core::provider::Card;

use super::consent::Consent;
use crate::cli::context::Context;
use crate::exit;
use crate::install::Target;
use crate::install::links::Link;
use crate::install::scope_text;
use crate::install::trust::Hook;
use crate::report::Failure;
use crate::term::{put, style, wrapped};

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
    consent: Consent,
    pub(super) state: State,
    pub(super) failure: Option<Failure>,
    /// Per changed file: its path, what happens to it, and its RFC 6902 operations.
    patch: Vec<Value>,
    /// Path and number of entries of ours.
    files: Vec<(PathBuf, usize)>,
    pub(super) diff: String,
    pub(super) settings: bool,
    pub(super) overtaken: Vec<PathBuf>,
    pub(super) trust: Vec<Hook>,
    pub(super) trust_failure: Option<Failure>,
}

impl Outcome {
    pub(super) fn new(target: &Target, consent: Consent) -> Self {
        Self {
            card: target.card(),
            scope: scope_text(&target.site.scope),
            consent,
            state: State::Unchanged,
            failure: None,
            patch: Vec::new(),
            files: Vec::new(),
            diff: String::new(),
            settings: false,
            overtaken: Vec::new(),
            trust: Vec::new(),
            trust_failure: None,
        }
    }

    pub(super) fn take_files(&mut self, plan: &Plan, files: &Preview) {
        self.patch = preview::patch(files).as_array().cloned().unwrap_or_default();
        for file in files.changes() {
            let entries = plan.edits.iter().filter(|edit| edit.file.path == file.path).count();
            self.files.push((file.path.clone(), entries));
        }
    }

    fn is_trusted(&self) -> bool {
        !self.trust.is_empty() && self.trust.iter().all(Hook::is_trusted)
    }

    /// What only the person can do, less what was consented to.
    fn steps(&self) -> Vec<&'static str> {
        let done = |step: &&str| {
            let asks = ["permissions.allow", "--allow-tools"].iter().any(|way| step.contains(way));
            (self.consent.allow_tools && asks) || (self.is_trusted() && step.contains("Hooks need review"))
        };
        self.card.human_steps.iter().filter(|step| !done(step)).copied().collect()
    }

    fn document(&self) -> Value {
        json!({
            "provider": self.card.id,
            "name": self.card.name,
            "scope": self.scope,
            "state": self.state,
            "files": self.patch,
            "settings_changed": self.settings,
            "overtaken": self.overtaken,
            "consents": { "allow_tools": self.consent.allow_tools, "trust_hooks": self.consent.trust_hooks },
            "trust": self.trust,
            "trust_error": self.trust_failure.as_ref().map(|failure| failure.document()["error"].clone()),
            "steps": if self.state == State::Failed { Vec::new() } else { self.steps() },
            "error": self.failure.as_ref().map(|failure| failure.document()["error"].clone()),
        })
    }

    fn text(&self, dry_run: bool) -> String {
        let (strong, good, dim, warn) = (style::STRONG, style::GOOD, style::DIM, style::WARN);
        let mut out = format!("{strong}{}{strong:#}", self.card.name);
        if self.scope != "user" {
            put!(out, " {dim}({}){dim:#}", self.scope);
        }
        out.push('\n');
        if let Some(failure) = &self.failure {
            for line in failure.text().lines() {
                put!(out, "  {line}\n");
            }
            return out;
        }
        if dry_run {
            if self.diff.is_empty() {
                out.push_str("  nothing to do\n");
            }
            out.push_str(&coloured(&self.diff));
            if self.settings {
                out.push_str("  would note what new sessions start with\n");
            }
            return out;
        }
        if self.state == State::Unchanged {
            put!(out, "  {good}✓{good:#} nothing to do: everything is there already\n");
        }
        for ((path, entries), patch) in self.files.iter().zip(&self.patch) {
            let action = if patch["action"] == "create" { "created" } else { "edited" };
            let entries = if *entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
            put!(out, "  {good}✓{good:#} {action} {} {dim}({entries}){dim:#}\n", path.display());
        }
        if self.settings {
            put!(out, "  {good}✓{good:#} noted what new sessions start with\n");
        }
        if !self.trust.is_empty() {
            let trusted = self.trust.iter().filter(|hook| hook.is_trusted()).count();
            put!(out, "  {good}✓{good:#} {trusted} of {} hooks trusted\n", self.trust.len());
        }
        for path in &self.overtaken {
            put!(
                out,
                "  {warn}!{warn:#} {} was written by another program at the same time; run `session-bridge doctor`\n",
                path.display()
            );
        }
        if let Some(failure) = &self.trust_failure {
            for line in failure.text().lines() {
                put!(out, "  {line}\n");
            }
        }
        if self.state == State::Installed {
            for step in self.steps() {
                put!(out, "  {warn}to do{warn:#} {}\n", wrapped(step, 8));
            }
        }
        out
    }
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

/// The whole run.
pub(super) struct Report<'a> {
    pub(super) dry_run: bool,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) absent: &'a [&'static Card],
    pub(super) links: Vec<Link>,
}

impl Report<'_> {
    /// The status of the first failure; all is well without one.
    pub(super) fn exit(&self) -> u8 {
        let failures = self.outcomes.iter().flat_map(|o| o.failure.iter().chain(&o.trust_failure));
        failures.map(|failure| failure.exit).next().unwrap_or(exit::OK)
    }

    pub(super) fn show(&self, context: &Context) -> Result<(), Failure> {
        let ui = context.ui;
        if ui.json {
            let providers: Vec<Value> = self.outcomes.iter().map(Outcome::document).collect();
            let absent: Vec<_> = self.absent.iter().map(|card| card.id).collect();
            return ui.document(&json!({
                "dry_run": self.dry_run, "providers": providers, "not_found": absent, "links": self.links,
                "undo": self.undo()
            }));
        }
        let (good, dim) = (style::GOOD, style::DIM);
        let mut text = String::new();
        for link in &self.links {
            let path = link.path.display();
            if self.dry_run {
                put!(text, "would link {path} {dim}→ {}{dim:#}\n", link.target.display());
            } else {
                put!(text, "{good}✓{good:#} linked {path} {dim}→ {}{dim:#}\n", link.target.display());
            }
        }
        for outcome in &self.outcomes {
            text.push_str(&outcome.text(self.dry_run));
        }
        if !self.absent.is_empty() {
            let names: Vec<&str> = self.absent.iter().map(|card| card.name).collect();
            put!(text, "{dim}not found on this machine:{dim:#} {}\n", names.join(", "));
        }
        if self.dry_run {
            put!(text, "{dim}nothing was changed{dim:#}\n");
        } else if self.outcomes.iter().any(|outcome| outcome.state == State::Installed) {
            put!(text, "{dim}check:{dim:#} session-bridge doctor   {dim}undo:{dim:#} {}\n", self.undo());
        }
        ui.say(&text)
    }

    fn undo(&self) -> String {
        let ids = self.outcomes.iter().map(|outcome| format!(" --provider {}", outcome.card.id));
        format!("session-bridge uninstall{}", ids.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use session_bridge_providers::PROVIDERS;

    /// Steps are matched by words of theirs: the words must be there.
    #[test]
    fn consents_settle_steps_that_exist() {
        for words in ["permissions.allow", "Hooks need review"] {
            let steps = PROVIDERS.iter().flat_map(|provider| provider.card().human_steps);
            assert_eq!(steps.filter(|step| step.contains(words)).count(), 1, "{words}");
        }
    }
}
